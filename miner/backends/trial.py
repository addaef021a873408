"""Which of several ways is the fastest here: tried by turns, since machines drift; the best time of each counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from time import perf_counter
from typing import Final

TURNS: Final = 3

Clock = Callable[[], float]


def best_times_s(attempts: Sequence[Callable[[], object]], clock: Clock = perf_counter) -> list[float]:
    """Return the least time [s] that each of `attempts` took in three turns by `clock`, which gives seconds."""
    best_s = [inf] * len(attempts)
    for _ in range(TURNS):
        for number, attempt in enumerate(attempts):
            began_s = clock()
            attempt()
            best_s[number] = min(best_s[number], clock() - began_s)
    return best_s
