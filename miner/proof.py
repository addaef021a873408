"""The ground floor proves itself on real blocks: their headers hash to their targets, and a kernel finds their nonces."""

from __future__ import annotations

import os
from dataclasses import dataclass

from miner.errors import BackendSelfTestError, HeaderError
from miner.header import double_sha256, hash_value
from miner.search import Work, search
from miner.target import target_from_nbits
from miner.template import HeaderTemplate
from miner.vectors import header_at, headers


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceCheck:
    """A real block's nonce, found again by `backend` in a scan from 0 over `scanned` nonces."""

    height: int
    nonce: int
    backend: str
    scanned: int


def prove_block(height: int, *, backend: str = "auto") -> NonceCheck:
    """Search the real block `height` from nonce 0, on all cores, up to the nonce that its miner found.

    On an easy target a lower nonce may meet it too; it takes nothing away.

    Raises
    ------
    BackendSelfTestError
        If the search does not find that nonce.
    """
    header = header_at(height)
    work = Work(template=HeaderTemplate(header.to_bytes()), target=target_from_nbits(header.nbits), count=header.nonce + 1)
    found = search(work, backend=backend, first_only=False, threads=os.cpu_count() or 1)
    if not found.hits or found.hits[-1].nonce != header.nonce:
        raise BackendSelfTestError(f"backend {found.backend!r}: block {height} gave {found.hits}, not nonce {header.nonce}")
    return NonceCheck(height=height, nonce=header.nonce, backend=found.backend, scanned=found.scanned)


def rehash_headers() -> int:
    """Hash every shipped header and hold it against its own target, and links against the next; return how many.

    Raises
    ------
    HeaderError
        If one does not meet its target, or does not follow the block before it.
    """
    known = headers()
    for height, header in known.items():
        digest = double_sha256(header.to_bytes())
        if hash_value(digest) > target_from_nbits(header.nbits):
            raise HeaderError(f"the shipped header of block {height} does not meet its own target")
        following = known.get(height + 1)
        if following is not None and following.previous != digest:
            raise HeaderError(f"the shipped header of block {height + 1} does not follow block {height}")
    return len(known)
