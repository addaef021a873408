"""The slow obvious twin: one nonce after the other, by hashlib; by the text of FIPS 180-4 where only a midstate is known."""

from __future__ import annotations

from miner.bounds import check_bounds
from miner.header import Nonce, nonce_of_word
from miner.share import Hit
from miner.target import Target
from miner.template import Template

CHUNK_NONCES = 1 << 16  # about a tenth of a second


def scan(template: Template, start: int, count: int, target: Target) -> list[Hit]:
    """Return every hit among the `count` nonces from `start` on, in order; WorkError or TargetError if there are no such."""
    check_bounds(start, count, target)
    hits = (template.check(Nonce(nonce), target) for nonce in range(start, start + count))
    return [hit for hit in hits if hit is not None]


def scan_words(template: Template, start: int, count: int, target: Target) -> list[Hit]:
    """Return every hit among the nonces of the `count` message words from `start` on, in order of words; errors as `scan`."""
    check_bounds(start, count, target)
    hits = (template.check(nonce_of_word(word), target) for word in range(start, start + count))
    return [hit for hit in hits if hit is not None]
