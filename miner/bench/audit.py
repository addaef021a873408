"""The audit: whether the kernel that was timed really looked at every nonce, with every midstate.

Timed samples run with a target that is easy enough for hits to come in by the thousand and hard enough for them to cost no
time. Each is hashed again; their number is held against what chance expects, in all and by midstate. Fewer would betray a
kernel that skips nonces. And a nonce that is known to hit is planted in every lane, at every edge, in every midstate's place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Final

from miner.backends.registry import GENESIS_HEADER, GENESIS_NONCE, MOST_LANES, Backend
from miner.bench.feed import Chunk, Feed, rolled
from miner.bench.targets import MOST_BITS, easy_target, expected_hits, top_up_bits
from miner.bench.together import Start, together
from miner.header import BlockHeader
from miner.share import Hit
from miner.target import Target

Counts = tuple[int, ...]  # one for each midstate

WANTED_HITS: Final = 10_000
Z_LIMIT: Final = 3.29  # one honest audit in 1,000 is beyond it, on either side
PART_Z_LIMIT: Final = 4.0  # of the timed hits alone, and of each midstate's: one in 16,000 each
LEAST_JUDGED: Final = 100.0  # expected hits of a part; with fewer, Poisson's law is too far from the normal one
POWER_Z: Final = 1.645  # 95 % of the kernels that skip as much as is said to be detectable are caught
LANES_PLANTED: Final = 256  # the widest batch of a CPU 16 times over, two blocks of a GPU's threads
WIDEST_PLANTED: Final = 1 << 30  # nonces; many GPUs ask for more than there are below or above block 0's
EDGES: Final = (0, 1, 15, 16, 31, 32, 127, 128, 1023, 1024)  # places in a whole range: ends of batches, blocks and pages
PLANTED_TARGET: Final = easy_target(MOST_BITS)  # of a GPU's kernels it takes the one that was timed


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Hits that were hashed again against those that chance expects (Poisson), and planted nonces found of those planted.

    `hits` holds one number for each midstate; `expected_hits` is for all of them together. `timed_hits` are those of timed
    samples alone, which the untimed pass must not cover up.
    """

    hits: Counts
    expected_hits: float
    timed_hits: int
    timed_expected_hits: float
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
    def timed_z(self) -> float | None:
        """The same of the timed hits alone; None where too few are expected to judge them."""
        return _z(self.timed_hits, self.timed_expected_hits) if self.timed_expected_hits >= LEAST_JUDGED else None

    @property
    def z_by_midstate(self) -> list[float]:
        """The same of each midstate's hits."""
        return [_z(hits, self.expected_hits / len(self.hits)) for hits in self.hits]

    @property
    def smallest_skip_detectable_pct(self) -> float:
        """The smallest share of nonces [%] whose skipping this many hits show, with a power of 95 %."""
        return _detectable_pct(Z_LIMIT, self.expected_hits)

    @property
    def timed_skip_detectable_pct(self) -> float | None:
        """The same for a kernel that skips while it is timed only; None where too few timed hits are expected."""
        return _detectable_pct(PART_Z_LIMIT, self.timed_expected_hits) if self.timed_z is not None else None

    @property
    def reasons(self) -> list[str]:
        """What is wrong, as parts of a sentence; nothing if the audit passes."""
        told = []
        if abs(self.z) > Z_LIMIT and self.expected_hits >= LEAST_JUDGED:
            told.append(f"{self.verified_hits:,} hits where {self.expected_hits:,.0f} were expected (z {self.z:+.1f})")
        if self.timed_z is not None and abs(self.timed_z) > PART_Z_LIMIT:
            wanted = f"{self.timed_expected_hits:,.0f} were expected (z {self.timed_z:+.1f})"
            told.append(f"{self.timed_hits:,} hits while timed where {wanted}")
        if len(self.hits) > 1 and self.expected_hits >= LEAST_JUDGED * len(self.hits):
            each = enumerate(zip(self.hits, self.z_by_midstate, strict=True), start=1)
            told += [f"midstate {place} has {hits:,} (z {z:+.1f})" for place, (hits, z) in each if abs(z) > PART_Z_LIMIT]
        if self.planted_found != self.planted:
            told.append(f"{self.planted_found} of {self.planted} planted nonces found")
        return told

    @property
    def passed(self) -> bool:
        """Whether every planted nonce was found and the hits are neither too few nor too many, in all and by parts."""
        return not self.reasons


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


def top_up(engine: Backend, feed: Feed, missing: float, threads: int = 1) -> tuple[list[Counts], float]:
    """Scan untimed until `missing` more hits are expected, on so many threads; return each thread's hits, and expected hits."""
    if missing <= 0:
        return [], 0.0
    hashes = feed.chunk_hashes
    target = easy_target(top_up_bits(hashes))
    chunks = ceil(missing / (expected_hits(hashes, target) * threads))  # of each thread

    def work(start: Start) -> Counts:
        start.begin()
        hits = []
        for _ in range(chunks):
            chunk = feed.next()
            hits.append(verified(chunk, target, engine.scan_versions(*chunk, target)))
            if start.stopped.is_set():
                break
        return added(hits)

    return together(threads, work), expected_hits(hashes * chunks * threads, target)


def plant(engine: Backend, midstates: int = 1) -> tuple[int, int]:
    """Search block 0 with its nonce in every lane and at every edge; return how often it was there and how often found.

    The nonce is the last of ranges of up to 256, so that every lane and every thread of a block has it once, and the first of
    some; it stands at the ends of batches and blocks within a range of a whole chunk, and at its end. A range that just leaves
    it out must not give it, which counts as one found too. With several midstates block 0 stands once in the place of each,
    among headers that differ from it in their version.
    """
    nonce = GENESIS_NONCE
    whole = 4 * MOST_LANES if engine.name == "reference" else min(WIDEST_PLANTED, max(1, engine.chunk_nonces // midstates))
    ranges = [(nonce - lane, lane + 1) for lane in range(LANES_PLANTED)]
    ranges += [(nonce, count) for count in (2, MOST_LANES)]
    ranges += [(nonce - place, whole) for place in {*EDGES, whole // 2, whole - 1} if place < whole]
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


def _detectable_pct(limit: float, expected: float) -> float:
    return min(100.0, (limit + POWER_Z) / sqrt(expected) * 100)
