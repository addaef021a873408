"""Machine code at the better one of two places.

On a Zen 5 the same code, loaded in the same way, runs two to four times slower in one start of the program in 30, and stays so
until it is loaded to another place. What about the place does it is not known: it is not the stack, and not the memory that the
code works on. docs/benchmarks/kernels.md has the counts.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import addressof, byref, c_int64, c_uint8, c_uint32, c_void_p
from math import inf
from time import perf_counter
from typing import Final

from miner.backends.kernel import CACHE_LINE, SCRATCH_BYTES, Kernel
from miner.backends.object_code import Loop

PLACES: Final = 2
TURNS: Final = 3
TRIAL_NONCES: Final = 1 << 14  # about 0.3 ms
ROOM: Final = 64  # candidates, of which there are none: as many as there are lanes and midstates


def best_placed(load: Callable[[], Loop], attempt: Callable[[Loop], None], clock: Callable[[], float] = perf_counter) -> Loop:
    """Load a loop several times, try each by turns, and return the one whose best `attempt` took the least of `clock` [s]."""
    loops = [load() for _ in range(PLACES)]
    best_s = [inf] * PLACES
    for _ in range(TURNS):
        for place, loop in enumerate(loops):
            began_s = clock()
            attempt(loop)
            best_s[place] = min(best_s[place], clock() - began_s)
    return loops[best_s.index(min(best_s))]


def attempt_of(kernel: Kernel) -> Callable[[Loop], None]:
    """Return what lets a loop of `kernel` search some nonces of nothing."""
    words, found, scratch = (c_uint32 * 64)(), (c_int64 * (2 * ROOM))(), (c_uint8 * (SCRATCH_BYTES + CACHE_LINE))()
    skipped = -addressof(scratch) % CACHE_LINE
    nonces = TRIAL_NONCES // kernel.midstates

    def attempt(loop: Loop) -> None:
        count, error, where = c_int64(), c_void_p(), c_int64()
        loop(byref(count), byref(error), words, 0, nonces, 0, found, 2 * ROOM, byref(where), byref(scratch, skipped))

    return attempt
