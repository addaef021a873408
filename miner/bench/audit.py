"""The audit: whether the kernel that was timed really looked at every nonce, with every midstate.

Timed samples run with a target that is easy enough for hits to come in by the thousand and hard enough for them to cost no
time. Each is hashed again; their number is held against what chance expects, in all and by midstate. Fewer would betray a
kernel that skips nonces. And nonces that are known to hit are planted in every lane, at every edge, in every midstate's place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

from miner.backends.registry import GENESIS_HEADER, GENESIS_NONCE, MOST_LANES, Backend
from miner.bench.feed import Chunk, Feed, rolled
from miner.bench.targets import MOST_BITS, easy_target, expected_hits, top_up_bits
from miner.header import BlockHeader
from miner.share import Hit
from miner.target import Target

Counts = tuple[int, ...]  # one for each midstate

WANTED_HITS: Final = 10_000
Z_LIMIT: Final = 3.29  # one honest audit in 1,000 is beyond it, on either side
MIDSTATE_Z_LIMIT: Final = 4.0  # of each midstate alone, where there are several: one in 16,000 each
POWER_Z: Final = 1.645  # 95 % of the kernels that skip as much as is said to be detectable are caught
WIDEST_PLANTED: Final = 1 << 30  # nonces; many GPUs ask for more than there are below or above block 0's
PLANTED_TARGET: Final = easy_target(MOST_BITS)  # of a GPU's kernels it takes the one that was timed


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Hits that were hashed again against those that chance expects (Poisson), and planted nonces found of those planted.

    `hits` holds one number for each midstate; `expected_hits` is for all of them together.
    """

    hits: Counts
    expected_hits: float
    planted: int
    planted_found: int

    @property
    def verified_hits(self) -> int:
        """Hits of all midstates."""
        return sum(self.hits)

    @property
    def z(self) -> float:
        """How many standard deviations the hits lie from what chance expects."""
        return _z(self.verified_hits, self.expected_hits)

    @property
    def z_by_midstate(self) -> list[float]:
        """The same of each midstate's hits."""
        return [_z(hits, self.expected_hits / len(self.hits)) for hits in self.hits]

    @property
    def smallest_skip_detectable_pct(self) -> float:
        """The smallest share of nonces [%] whose skipping this many hits show, with a power of 95 %."""
        return min(100.0, (Z_LIMIT + POWER_Z) / sqrt(self.expected_hits) * 100)

    @property
    def passed(self) -> bool:
        """Whether every planted nonce was found and the hits are neither too few nor too many, in all and by midstate."""
        single = len(self.hits) == 1 or all(abs(z) <= MIDSTATE_Z_LIMIT for z in self.z_by_midstate)
        return self.planted_found == self.planted and abs(self.z) <= Z_LIMIT and single


def verified(chunk: Chunk, target: Target, found: Sequence[Sequence[Hit]]) -> Counts:
    """Return of each template how many different nonces of the chunk are in its list and meet the target, hashed again."""
    counts = [0] * len(chunk.templates)
    for place, (template, hits) in enumerate(zip(chunk.templates, found, strict=False)):  # a missing list counts as empty
        inside = {hit for hit in hits if chunk.start <= hit.nonce < chunk.start + chunk.size}
        counts[place] = sum(template.check(hit.nonce, target) == hit for hit in inside)
    return tuple(counts)


def added(counts: Iterable[Counts]) -> Counts:
    """Return the sums by midstate."""
    return tuple(map(sum, zip(*counts, strict=True)))


def top_up(engine: Backend, feed: Feed, missing: float) -> tuple[list[Counts], float]:
    """Scan untimed until `missing` more hits are expected; return the hits of each chunk, and expected hits."""
    hits: list[Counts] = []
    expected = 0.0
    while expected < missing:
        chunk = feed.next()
        target = easy_target(top_up_bits(chunk.hashes))
        hits.append(verified(chunk, target, engine.scan_versions(*chunk, target)))
        expected += expected_hits(chunk.hashes, target)
    return hits, expected


def plant(engine: Backend, midstates: int = 1) -> tuple[int, int]:
    """Search block 0 with its nonce in every lane and at every edge; return how often it was there and how often found.

    The range begins up to twice the widest batch before the nonce and ends at it, or begins at it, or ends a whole chunk
    after it; and a range that just leaves it out must not give it, which counts as one found too. With several midstates
    block 0 stands once in the place of each, among headers that differ from it in their version.
    """
    nonce = GENESIS_NONCE
    whole = 4 * MOST_LANES if engine.name == "reference" else min(WIDEST_PLANTED, max(1, engine.chunk_nonces // midstates))
    ranges = [(nonce - lane, lane + 1) for lane in range(2 * MOST_LANES)]
    ranges += [(nonce, count) for count in (1, MOST_LANES, whole)] + [(nonce - whole + 1, whole)]
    ranges += [(nonce + 1, whole), (nonce - whole, whole)]
    found = 0
    for own in range(midstates):
        templates = rolled(BlockHeader.from_bytes(GENESIS_HEADER), [place ^ own for place in range(midstates)])
        for where in ranges:
            chunk = Chunk(templates, *where)
            found += _answers(chunk, engine.scan_versions(*chunk, PLANTED_TARGET), own)
    return len(ranges) * midstates, found


def _answers(chunk: Chunk, told: Sequence[Sequence[Hit]], own: int) -> bool:
    """Return whether block 0 in place `own` has its nonce if the chunk does, and nobody anything that is not true."""
    if len(told) != len(chunk.templates):
        return False
    there = chunk.start <= GENESIS_NONCE < chunk.start + chunk.size
    had = any(hit.nonce == GENESIS_NONCE for hit in told[own])
    return had == there and verified(chunk, PLANTED_TARGET, told) == tuple(map(len, told))


def _z(hits: int, expected: float) -> float:
    return (hits - expected) / sqrt(expected)
