"""How hard the targets of a benchmark are: hits by the thousand for its audit, and too few to cost time.

A hit costs some 5 microseconds of Python (measured on a Zen 4 core in November 2026): 2.6 where a kernel's candidate is
checked and 2.3 where the audit hashes it again; all threads take turns at that, and a GPU waits for it. So the target
follows the rate.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor, log2
from typing import Final

from miner.backends.registry import Backend
from miner.bench.feed import Feed
from miner.target import HASH_SPACE, Target

TIMED_BITS: Final = 17  # one nonce in 2^17 hits while the clock runs
TOP_UP_BITS: Final = 10  # and one in 2^10 afterwards, where the samples were too short
TIMED_HITS_PER_S: Final = (50.0, 500.0)  # 0.25 % of the time at most; 0.6 % on a GPU that has each checked for four midstates
CHUNK_HITS: Final = (256.0, 4096.0)  # a top-up of 10,000 hits is then no less than three chunks
LEAST_BITS: Final = 8  # easier, and hits would no longer be rare enough for Poisson's law
MOST_BITS: Final = 31  # at 32, GPUs take another kernel than the one to be timed
SHORTEST_S: Final = 1e-9  # of a clock that did not move


def easy_target(bits: int) -> Target:
    """Return the target that one nonce in 2^`bits` meets."""
    return Target((HASH_SPACE >> bits) - 1)


def expected_hits(hashes: int, target: Target) -> float:
    """Return how many of `hashes` meet `target` on average."""
    return hashes * (target + 1) / HASH_SPACE


def first_rate_hps(engine: Backend, feed: Feed, clock: Callable[[], float]) -> float:
    """Search two chunks, the first for whatever a first call costs; return the rate [H/s] of the second, on one thread."""
    for _ in range(2):
        chunk, started_s = feed.next(), clock()
        engine.scan_versions(*chunk, easy_target(MOST_BITS))
        elapsed_s = clock() - started_s
    return chunk.hashes / max(elapsed_s, SHORTEST_S)


def timed_bits(rate_hps: float) -> int:
    """Return the bits of the target for timed samples at a rate [H/s] of all threads together: 17 on most CPUs."""
    return _bits(TIMED_BITS, rate_hps, TIMED_HITS_PER_S)


def top_up_bits(chunk_hashes: int) -> int:
    """Return the bits of the target for the untimed pass, in chunks of so many hashes: 10 on most CPUs."""
    return _bits(TOP_UP_BITS, chunk_hashes, CHUNK_HITS)


def _bits(usual: int, hashes: float, wanted: tuple[float, float]) -> int:
    """Return the bits nearest to `usual` that let `hashes` bring a number of hits within `wanted`."""
    fewest, most = wanted
    lowest, highest = ceil(log2(hashes / most)), floor(log2(hashes / fewest))
    return max(LEAST_BITS, min(max(lowest, min(usual, highest)), MOST_BITS))
