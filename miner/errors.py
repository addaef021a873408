"""What can go wrong on the mining floor.

Every error raised on purpose is in this tree::

    MinerError
     +-- HeaderError (also ValueError)            bytes that are no block header
     +-- TargetError (also ValueError)            a target or nBits that consensus does not know
     +-- WorkError (also ValueError)              a nonce range that does not exist
     +-- VectorError (also LookupError)           no shipped header of that height
     +-- BackendError
          +-- BackendUnavailableError (also ValueError)   no such backend, or this machine cannot run it
          +-- BackendSelfTestError (also RuntimeError)    a backend answered wrongly
"""

from __future__ import annotations


class MinerError(Exception):
    """Base of every error that the mining floor raises on purpose."""


class HeaderError(MinerError, ValueError):
    """Bytes or hex that are no block header; the message says how many bytes came and how many are wanted."""


class TargetError(MinerError, ValueError):
    """A target or compact target outside what consensus allows."""


class WorkError(MinerError, ValueError):
    """A nonce range that leaves 0 to 2^32, or a count that is not positive."""


class VectorError(MinerError, LookupError):
    """No shipped header of that height; the message lists known ones."""


class BackendError(MinerError):
    """Base of what can be wrong with a backend."""


class BackendUnavailableError(BackendError, ValueError):
    """No backend of that name, or this machine cannot run it; the message says why."""


class BackendSelfTestError(BackendError, RuntimeError):
    """A backend loaded but answered a known question wrongly; it is refused."""
