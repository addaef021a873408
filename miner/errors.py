"""What can go wrong on the mining floor.

Every error raised on purpose is in this tree::

    MinerError
     +-- HeaderError (also ValueError)            bytes that are no block header
     +-- TargetError (also ValueError)            a target or nBits that consensus does not know
     +-- WorkError (also ValueError)              a nonce range that does not exist
     +-- VectorError (also LookupError)           no shipped header of that height
     +-- BenchError (also ValueError)             a benchmark asked for what cannot be measured
     +-- EnergyError (also ValueError)            a meter told what no energy can be
     +-- JobError (also ValueError)               fields of a job that make no block header
     +-- BackendError
     |    +-- BackendUnavailableError (also ValueError)   no such backend, or this machine cannot run it
     |    +-- BackendSelfTestError (also RuntimeError)    a backend answered wrongly
     +-- StratumError
          +-- MessageError (also ValueError)              bytes that are no Stratum message
          |    +-- LineTooLongError                       more bytes without a line end than are held
          |    +-- TlsHelloError                          the other side wants to talk TLS
          +-- SettingError (also ValueError)              a pool or client asked for what cannot be
          +-- AddressError (also ValueError)              no pool address, or one that is not allowed
          +-- PoolRefusedError (also ValueError)          the pool does not let this user mine
          +-- PoolUnreachableError (also RuntimeError)    nobody answers at the pool's address, or it gives no work
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


class BenchError(MinerError, ValueError):
    """A benchmark asked for what cannot be measured; the message holds the value and the range."""


class EnergyError(MinerError, ValueError):
    """A meter told an energy that fell, stood still at work or is no number; the message holds its source and what was read."""


class BackendError(MinerError):
    """Base of what can be wrong with a backend."""


class BackendUnavailableError(BackendError, ValueError):
    """No backend of that name, or this machine cannot run it; the message says why."""


class BackendSelfTestError(BackendError, RuntimeError):
    """A backend loaded but answered a known question wrongly; it is refused."""


class JobError(MinerError, ValueError):
    """Fields of a job that make no block header: a hash, an extranonce or a number that does not fit its place."""


class StratumError(MinerError):
    """Base of what can go wrong between a miner and its pool."""


class MessageError(StratumError, ValueError):
    """Bytes that are no Stratum message; `request_id` is the request's id where it could be read."""

    def __init__(self, text: str, request_id: int | str | None = None) -> None:
        super().__init__(text)
        self.request_id = request_id


class LineTooLongError(MessageError):
    """More bytes without a line end than are held; they are dropped up to the next one."""


class TlsHelloError(MessageError):
    """The stream begins like a TLS handshake; Stratum v1 is plain text here."""


class SettingError(StratumError, ValueError):
    """A pool or client was asked for what cannot be; the message holds the value and the range."""


class AddressError(StratumError, ValueError):
    """No address of a pool, or one outside this machine and its private network."""


class PoolRefusedError(StratumError, ValueError):
    """The pool answered that this user may not mine there; the message holds its reason."""


class PoolUnreachableError(StratumError, RuntimeError):
    """Nobody answers at the pool's address, or it gave no work all the time; the message says what was tried."""
