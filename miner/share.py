"""The exact check: does a header with this nonce meet a target? All 256 bits, always."""

from __future__ import annotations

from dataclasses import dataclass
from struct import pack

from miner.header import NONCE_AT, Nonce, double_sha256, hash_hex, hash_value
from miner.target import Target


@dataclass(frozen=True, slots=True)
class Hit:
    """A nonce that meets the target, and the hash that proves it, as explorers print it."""

    nonce: Nonce
    hash: str


def check(header: bytes, nonce: Nonce, target: Target) -> Hit | None:
    """Return the hit if `header` (80 bytes, its own nonce ignored) with `nonce` hashes to at most `target`."""
    digest = double_sha256(header[:NONCE_AT] + pack("<I", nonce))
    return Hit(nonce, hash_hex(digest)) if hash_value(digest) <= target else None
