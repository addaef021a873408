"""The exact check, on block 0."""

from __future__ import annotations

from miner.header import Nonce
from miner.share import Hit, check
from miner.target import MAX_TARGET, Target
from miner.vectors import header_at

BLOCK_HASH = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
NONCE = Nonce(2083236893)


def test_the_nonce_given_counts_and_not_the_one_in_the_header() -> None:
    blank = header_at(0).to_bytes()[:76] + b"\xaa" * 4
    assert check(blank, NONCE, MAX_TARGET) == Hit(NONCE, BLOCK_HASH)
    assert check(header_at(0).to_bytes(), Nonce(NONCE + 1), MAX_TARGET) is None


def test_a_hash_equal_to_the_target_meets_it() -> None:
    """Consensus says at most, to the last of 256 bits."""
    value = int(BLOCK_HASH, 16)
    assert check(header_at(0).to_bytes(), NONCE, Target(value)) == Hit(NONCE, BLOCK_HASH)
    assert check(header_at(0).to_bytes(), NONCE, Target(value - 1)) is None
