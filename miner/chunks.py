"""How much of a search is begun at a time: so little that it can be ended within a tenth of a second, and no less."""

from __future__ import annotations

import os
from typing import Final

from miner.backends.registry import KINDS, Backend
from miner.target import Target, expected_hashes

MOST_HITS: Final = 24  # of all threads: one costs 3 us, or 0.7 ms where only a midstate is known, and they take turns at that
FEWEST_NONCES: Final = 1 << 6  # of a chunk that is made smaller for the number of threads


def most_hashes(target: Target, hits: int = MOST_HITS) -> int:
    """Return how many hashes bring `hits` hits on average, however easy the target; at least one."""
    return max(1, int(hits * expected_hashes(target)))


def crowded_chunk(engine: Backend, threads: int) -> int:
    """Return how many hashes each of `threads` threads should begin at a time.

    That is less than `engine` asks for where more threads take turns than there are processors for. A GPU, and what is no
    kernel and so holds Python's lock, serve one thread at a time.
    """
    turns = max(1, -(-threads // fitting_threads(engine)))
    return min(engine.chunk_nonces, max(engine.chunk_nonces // turns, FEWEST_NONCES))


def fitting_threads(engine: Backend) -> int:
    """Return how many threads `engine` can use at the same time here."""
    return usable_cpus() if KINDS.get(engine.name) == "CPU" else 1


def usable_cpus() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
