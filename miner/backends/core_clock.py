"""How fast the core that asks is clocked, without any privilege: a chain of instructions whose length is known.

Each step of a 64-bit xorshift is three pairs of shift and exclusive or, each waiting for the one before: 6 cycles on
every x86-64 core with shifts and exclusive ors of one cycle. Source: Agner Fog,
"Instruction tables" (shifts by a constant and exclusive ors of registers).
"""

from __future__ import annotations

import platform
import time
from ctypes import byref, c_int64, c_uint64, c_void_p
from functools import cache
from typing import Any, Final

from miner.backends.object_code import Compiled, Loop, compiled_parts, digest_of, kept_loop

CYCLES_PER_STEP: Final = 6
STEPS: Final = 400_000  # 0.7 ms at 3.6 GHz
TRIES: Final = 5

_BARE: Final[Any] = {"nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_ARGUMENTS: Final = (c_void_p, c_void_p, c_int64)  # status = chain(end*, error**, steps)

if platform.machine() not in ("x86_64", "AMD64"):
    raise ImportError(f"the core clock can be measured on x86-64 only; this is {platform.machine()}")


def core_clock_hz() -> float:
    """Return the clock [Hz] of the core that runs this thread now; the best of a few tries, as others only slow it down."""
    _spin(1)
    best_s = min(_timed() for _ in range(TRIES))
    return STEPS * CYCLES_PER_STEP / best_s


def _timed() -> float:
    started_s = time.perf_counter()
    _spin(STEPS)
    return time.perf_counter() - started_s


def _spin(steps: int) -> int:
    """Go so many steps along the chain, without Python's lock; return where it ends."""
    end, error = c_uint64(), c_void_p()
    _chain()(byref(end), byref(error), steps)
    return end.value


@cache
def _chain() -> Loop:
    """Return the compiled chain. Numba's own cache is not asked: a damaged file of it would end whoever asks for a clock."""
    return kept_loop(digest_of([__file__]), _compiled, _ARGUMENTS)


def _compiled() -> Compiled:
    import numpy as np
    from numba import njit, types
    from numba.core import config

    if config.DISABLE_JIT:  # type: ignore[attr-defined]  # made when it is imported
        raise ImportError("Numba compiles nothing while NUMBA_DISABLE_JIT is set; unset it")
    signature = types.uint64(types.int64)

    @njit(signature, **_BARE)
    def chain(steps):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        x = np.uint64(88172645463325252)
        for _ in range(steps):
            x ^= x << np.uint64(13)
            x ^= x >> np.uint64(7)
            x ^= x << np.uint64(17)
        return x

    return compiled_parts(chain.overloads[signature.args])
