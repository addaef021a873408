"""The audit: whether the kernel that was timed really looked at every nonce.

Timed samples run with a target that one nonce in 2^17 meets, so hits come in by the thousand without costing time. Each is
hashed again; their number is held against what chance expects. Fewer would betray a kernel that skips nonces. And nonces
that are known to hit are planted in every lane and at every edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

from miner.backends.registry import GENESIS_HEADER, GENESIS_NONCE, MOST_LANES, Backend
from miner.bench.feed import Chunk, Feed
from miner.share import Hit
from miner.target import HASH_SPACE, MAX_TARGET, Target
from miner.template import HeaderTemplate

WANTED_HITS: Final = 10_000
TIMED_BITS: Final = 17  # one nonce in 2^17 hits while the clock runs
TOP_UP_BITS: Final = 10  # and one in 2^10 afterwards, where the samples were too short
SLOW_BITS: Final = 8  # a hash of the reference takes longer than the check of a hit
Z_LIMIT: Final = 3.29  # one honest audit in 1,000 is beyond it, on either side
POWER_Z: Final = 1.645  # 95 % of the kernels that skip as much as is said to be detectable are caught


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Hits that were hashed again against those that chance expects (Poisson), and planted nonces found of those planted."""

    verified_hits: int
    expected_hits: float
    planted: int
    planted_found: int

    @property
    def z(self) -> float:
        """How many standard deviations the hits lie from what chance expects."""
        return (self.verified_hits - self.expected_hits) / sqrt(self.expected_hits)

    @property
    def smallest_skip_detectable_pct(self) -> float:
        """The smallest share of nonces [%] whose skipping this many hits show, with a power of 95 %."""
        return min(100.0, (Z_LIMIT + POWER_Z) / sqrt(self.expected_hits) * 100)

    @property
    def passed(self) -> bool:
        """Whether every planted nonce was found and the hits are neither too few nor too many."""
        return self.planted_found == self.planted and abs(self.z) <= Z_LIMIT


def easy_target(bits: int) -> Target:
    """Return the target that one nonce in 2^`bits` meets."""
    return Target((HASH_SPACE >> bits) - 1)


def expected_hits(hashes: int, target: Target) -> float:
    """Return how many of `hashes` meet `target` on average."""
    return hashes * (target + 1) / HASH_SPACE


def timed_bits(engine: Backend) -> int:
    """Return the bits of the target for timed samples: hits must not cost noticeable time."""
    return SLOW_BITS if engine.name == "reference" else TIMED_BITS


def verified(chunk: Chunk, target: Target, hits: Sequence[Hit]) -> int:
    """Return how many different nonces of the chunk are among `hits` and really meet the target, hashed again."""
    inside = {hit for hit in hits if chunk.start <= hit.nonce < chunk.start + chunk.size}
    return sum(chunk.template.check(hit.nonce, target) == hit for hit in inside)


def top_up(engine: Backend, feed: Feed, missing: float) -> tuple[int, float]:
    """Scan untimed until `missing` more hits are expected; return hits and expected hits."""
    target = easy_target(SLOW_BITS if engine.name == "reference" else TOP_UP_BITS)
    hits, expected = 0, 0.0
    while expected < missing:
        chunk = feed.next()
        hits += verified(chunk, target, engine.scan(*chunk, target))
        expected += expected_hits(chunk.size, target)
    return hits, expected


def plant(engine: Backend) -> tuple[int, int]:
    """Search block 0 with its nonce in every lane and at every edge; return how often it was there and how often found.

    The range begins up to twice the widest batch before the nonce and ends at it, or begins at it, or ends a whole chunk
    after it; and a range that just leaves it out must give nothing, which counts as one found too.
    """
    template, nonce = HeaderTemplate(GENESIS_HEADER), GENESIS_NONCE
    whole = engine.chunk_nonces if engine.name != "reference" else 4 * MOST_LANES
    ranges = [(nonce - lane, lane + 1) for lane in range(2 * MOST_LANES)]
    ranges += [(nonce, count) for count in (1, MOST_LANES, whole)] + [(nonce - whole + 1, whole)]
    found = sum([hit.nonce for hit in engine.scan(template, *where, MAX_TARGET)] == [nonce] for where in ranges)
    beside = [(nonce + 1, whole), (nonce - whole, whole)]
    found += sum(engine.scan(template, *where, MAX_TARGET) == [] for where in beside)
    return len(ranges) + len(beside), found
