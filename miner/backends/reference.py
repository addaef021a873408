"""The slow obvious twin: hashlib, one nonce after the other."""

from __future__ import annotations

from miner.header import Nonce
from miner.share import Hit, check
from miner.target import Target

CHUNK_NONCES = 1 << 16  # about a tenth of a second


def scan(header: bytes, start: int, count: int, target: Target) -> list[Hit]:
    """Return every hit among the `count` nonces from `start` on, in order; `header` is 80 bytes, its nonce ignored."""
    hits = (check(header, Nonce(nonce), target) for nonce in range(start, start + count))
    return [hit for hit in hits if hit is not None]
