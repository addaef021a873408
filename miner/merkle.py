"""Merkle trees of transactions: the root that a header holds, and the branch that leads a coinbase up to it.

Hashes are the 32 bytes on the wire, as in `miner.header`; explorers print them reversed. On a level with an odd number of
hashes the last is paired with itself. Source: Bitcoin Core, ``src/consensus/merkle.cpp``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from miner.errors import JobError
from miner.header import double_sha256

HASH_BYTES: Final = 32


def merkle_root(txids: Sequence[bytes]) -> bytes:
    """Return the root over `txids`, 32 bytes each, the coinbase's first.

    Raises
    ------
    JobError
        If there is none, or one has not 32 bytes.
    """
    level = _checked(txids)
    while len(level) > 1:
        level = _next_level(level)
    return level[0]


def coinbase_branch(txids: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return what a coinbase is hashed with on its way up to the root, the lowest first.

    The coinbase's own txid, the first of `txids`, has no influence: that is what lets a miner vary it.

    Raises
    ------
    JobError
        If there is none, or one has not 32 bytes.
    """
    level, branch = _checked(txids), []
    while len(level) > 1:
        branch.append(level[1])
        level = _next_level(level)
    return tuple(branch)


def root_from_coinbase(coinbase: bytes, branch: Sequence[bytes]) -> bytes:
    """Return the root over a block with `coinbase` (the transaction itself, without witness) and `branch`."""
    root = double_sha256(coinbase)
    for sibling in branch:
        root = double_sha256(root + sibling)
    return root


def _checked(txids: Sequence[bytes]) -> list[bytes]:
    if not txids:
        raise JobError("a block has at least one transaction, its coinbase; got none")
    for txid in txids:
        if len(txid) != HASH_BYTES:
            raise JobError(f"a txid has {HASH_BYTES} bytes; got {len(txid)}")
    return list(txids)


def _next_level(level: list[bytes]) -> list[bytes]:
    if len(level) % 2:
        level = [*level, level[-1]]
    return [double_sha256(level[at] + level[at + 1]) for at in range(0, len(level), 2)]
