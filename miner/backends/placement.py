"""Machine code at the better one of two places.

On a Zen 5 the same code, loaded in the same way, runs two to four times slower in one start of the program in 30, and stays so
until it is loaded to another place. What about the place does it is not known: it is not the stack, and not the memory that the
code works on. docs/benchmarks/kernels.md has the counts.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import addressof, byref, c_int64, c_uint8, c_uint32, c_void_p
from functools import partial
from time import perf_counter
from typing import Final

from miner.backends.kernel import CACHE_LINE, MOST_BITS, SCRATCH_BYTES, Kernel
from miner.backends.object_code import Loop
from miner.backends.trial import Clock, best_times_s

PLACES: Final = 2
TRIAL_NONCES: Final = 1 << 14  # about 0.3 ms


def best_placed(load: Callable[[], Loop], attempt: Callable[[Loop], object], clock: Clock = perf_counter) -> Loop:
    """Load a loop several times and return the one with which `attempt` takes the least of `clock` [s]."""
    loops = [load() for _ in range(PLACES)]
    best_s = best_times_s([partial(attempt, loop) for loop in loops], clock)
    return loops[best_s.index(min(best_s))]


def attempt_of(kernel: Kernel) -> Callable[[Loop], None]:
    """Return what lets a loop of `kernel` search some nonces of nothing."""
    words, found, scratch = (c_uint32 * kernel.words)(), (c_int64 * MOST_BITS)(), (c_uint8 * (SCRATCH_BYTES + CACHE_LINE))()
    skipped = -addressof(scratch) % CACHE_LINE
    nonces = TRIAL_NONCES // kernel.midstates

    def attempt(loop: Loop) -> None:
        count, error, where = c_int64(), c_void_p(), c_int64()
        loop(byref(count), byref(error), words, 0, nonces, 0, found, MOST_BITS, byref(where), byref(scratch, skipped))

    return attempt
