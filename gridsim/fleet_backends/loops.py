"""The compiled loops over machines, ready to be called, without Numba once their machine code is kept."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref, c_double, c_int64, c_void_p
from functools import cache
from importlib.util import find_spec
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridsim.fleet_backends.layout import FLOWS, GROUP, LEVEL_COLUMNS, Form
from gridsim.fleet_backends.machines import Around
from hw.stepping.figures import Level
from miner.backends.object_code import Compiled, Loop, digest_of, kept_loop, target_features

_TEXT: Final = (
    "gridsim.fleet_backends.compile_loops",
    "gridsim.fleet_backends.layout",
    "gridsim.fleet_backends.llvm_numbers",
    "gridsim.fleet_backends.loops",
    "hw.stepping.figures",
    "hw.stepping.functions",
    "hw.stepping.physics_text",
)

# status = loop(number*, error**, blocks*, number, levels*, ambient*, at_work*, asleep*, steps, stride, duration, flows*)
_ARGUMENTS: Final = (
    *(c_void_p, c_void_p, c_void_p, c_int64, c_void_p, c_void_p, c_void_p, c_void_p, c_int64, c_int64, c_double, c_void_p),
)


class Steps(NamedTuple):
    """Steps of one length [s]: as many as there are surroundings, or else the first of them `repeated` times, if given."""

    around: Around
    duration_s: float
    repeated: int | None = None


def default_lanes() -> int:
    """Return how many machines go side by side: more than a vector holds, since most of a step is waiting for results."""
    features = target_features()
    return GROUP if features.get("avx2") or not features else GROUP // 2  # of a forced processor nothing may be known


@cache
def loop(form: Form, lanes: int) -> Loop:
    """Return the compiled loop over machines in `form`, `lanes` of them in a block."""

    def compiled() -> Compiled:
        from gridsim.fleet_backends.compile_loops import compile_loop

        return compile_loop(form, lanes)

    files = [spec.origin for name in _TEXT if (spec := find_spec(name)) and spec.origin]
    return kept_loop(digest_of(files, form.figures.__name__, str(lanes)), compiled, _ARGUMENTS)


def run(form: Form, blocks: NDArray[np.float64], levels: NDArray[np.float64], steps: Steps) -> NDArray[np.float64]:
    """Take `blocks` (float64[block, number, lane]) through `steps`; return what flows in all: float64[step, flow].

    `levels` is float64[row, column]. Sums and what changes are written into the blocks.
    """
    around = steps.around
    once = steps.repeated is not None
    count = len(around.ambient_c) if steps.repeated is None else steps.repeated
    flows = np.zeros((1 if once else count, len(FLOWS), GROUP))
    number, error = c_int64(), c_void_p()
    loop(form, blocks.shape[-1])(
        byref(number),
        byref(error),
        blocks.ctypes.data,
        len(blocks),
        levels.ctypes.data,
        around.ambient_c.ctypes.data,
        around.at_work.ctypes.data,
        around.asleep.ctypes.data,
        count,
        0 if once else 1,
        steps.duration_s,
        flows.ctypes.data,
    )
    summed: NDArray[np.float64] = flows.sum(axis=-1)
    return summed


def table(levels: Sequence[Level]) -> NDArray[np.float64]:
    """Return the rows of clocks as float64[row, column]; one of nothing if there is none."""
    return np.array(levels, dtype=np.float64) if levels else np.zeros((1, LEVEL_COLUMNS))
