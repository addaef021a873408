"""The host's processors: vectors of machines, on several threads. Runs wherever Numba does.

Machines go through all steps in portions of a fixed size, whose flows are added up in order: the sums do not depend on how
many threads there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
import psutil
from numpy.typing import NDArray

from gridsim.errors import FleetError
from gridsim.fleet_backends import layout, loops
from gridsim.fleet_backends.layout import FLOWS, HOUR, STEP, SUMS, Form
from gridsim.fleet_backends.machines import Around, FleetRun, Machines, check_duration, check_orders, check_start
from hw.stepping.figures import Condition, Level, StepFigures, hour_figures, motion
from hw.stepping.floats import Machine
from hw.stepping.physics_text import Moving, Surroundings

PORTION: Final = 1024  # machines: what is kept of them fits into a second cache of 512 KiB

Threads = int | None
"""How many threads; None takes one for each physical core."""


class _Portion(NamedTuple):
    """Some machines, and how to get at their blocks."""

    machines: int
    blocks: Callable[[], NDArray[np.float64]]


class NumbaCpu:
    """The backend of this machine's processors."""

    def __init__(self, threads: Threads = None) -> None:
        self._threads = threads or psutil.cpu_count(logical=False) or 1

    def steady(self, machines: Machines, around: Around, duration_s: float) -> FleetRun:
        """Return what machines come to that are in their steady state in every step of `duration_s` [s]."""
        check_duration(duration_s)
        rows = np.array([layout.flat(hour_figures(condition)) for condition in machines.conditions])
        lanes = loops.default_lanes()
        portions = [
            _Portion(len(kinds), partial(layout.blocks_of, HOUR, rows, kinds, lanes)) for kinds in _parts(machines.kinds)
        ]
        return self.through(HOUR, portions, loops.table([]), loops.Steps(around, float(duration_s)))

    def moving(self, machines: Machines, duration_s: float, start: Moving) -> MovingMachines:
        """Return machines in motion by steps of `duration_s` [s], from `start` (float64[machine] each) on."""
        check_duration(duration_s)
        check_start(machines, start)
        return MovingMachines(self, machines, float(duration_s), start)

    def through(self, form: Form, portions: Sequence[_Portion], levels: NDArray[np.float64], steps: loops.Steps) -> FleetRun:
        """Take machines through `steps`; return what they came to."""
        flows = np.zeros((len(steps.around.ambient_c), len(FLOWS)))
        sums = []
        for flowed, summed in self._each(partial(_run, form, levels, steps), portions):
            flows += flowed
            sums.append(summed)
        columns = np.concatenate(sums, axis=1)
        return FleetRun(**dict(zip(FLOWS, np.ascontiguousarray(flows.T), strict=True)), **dict(zip(SUMS, columns, strict=True)))

    def _each(self, do: Callable[[_Portion], _Came], portions: Sequence[_Portion]) -> Iterator[_Came]:
        if self._threads == 1 or len(portions) == 1:
            yield from map(do, portions)
            return
        with ThreadPoolExecutor(self._threads) as pool:
            yield from pool.map(do, portions)


class MovingMachines:
    """Machines in motion."""

    def __init__(self, backend: NumbaCpu, machines: Machines, duration_s: float, start: Moving) -> None:
        self._backend, self._duration_s, self._count = backend, duration_s, len(machines.kinds)
        self._portions, self._levels = self._packed(machines, start)

    def run(self, around: Around) -> FleetRun:
        """Take all machines through the steps of `around`, whose orders are 0 or 1; raise FleetError if one is neither."""
        check_orders(around)
        return self._backend.through(STEP, self._portions, self._levels, loops.Steps(around, self._duration_s))

    def state(self) -> Moving:
        """Return how they stand: float64[machine] each."""
        parts = [[layout.column(one.blocks(), STEP, name, one.machines) for one in self._portions] for name in Moving._fields]
        return Moving(*(np.concatenate(columns) for columns in parts))

    def change(self, machines: Machines) -> None:
        """Go on with other conditions of the same machines, as after a fault or an order."""
        if len(machines.kinds) != self._count:
            raise FleetError(f"{len(machines.kinds)} machines; want the same {self._count}")
        self._portions, self._levels = self._packed(machines, self.state())

    def _packed(self, machines: Machines, start: Moving) -> tuple[list[_Portion], NDArray[np.float64]]:
        rows, levels = _kinds_in_motion(machines.conditions, self._duration_s)
        figures, portions = np.array([layout.flat(row) for row in rows]), []
        for kinds, *numbers in zip(_parts(machines.kinds), *map(_parts, start), strict=True):
            blocks = layout.blocks_of(STEP, figures, kinds, loops.default_lanes())
            for name, column in zip(Moving._fields, numbers, strict=True):
                layout.fill(blocks, STEP, name, column)
            portions.append(_Portion(len(kinds), partial(np.asarray, blocks)))
        return portions, loops.table(levels)


_Came = tuple[NDArray[np.float64], NDArray[np.float64]]
"""What a portion came to: float64[step, flow] and float64[sum, machine]."""


def _run(form: Form, levels: NDArray[np.float64], steps: loops.Steps, portion: _Portion) -> _Came:
    blocks = portion.blocks()
    blocks[:, -len(SUMS) :] = 0.0
    flows = loops.run(form, blocks, levels, steps)
    return flows, np.stack([layout.column(blocks, form, name, portion.machines) for name in SUMS])


def _parts(numbers: NDArray[Any]) -> list[NDArray[Any]]:
    return [numbers[first : first + PORTION] for first in range(0, len(numbers), PORTION)]


def step_many(
    machine: Machine, now: Moving, around: Surroundings, duration_s: float, steps: int
) -> tuple[Moving, float, float]:
    """Return how one machine stands after `steps` steps of `duration_s` [s] each, its energy [J] and its double hashes."""
    figures, levels = machine
    block = np.array([*layout.flat(figures), *now, *(0.0 for _ in SUMS)]).reshape(1, -1, 1)
    air = Around(*(np.array([part], dtype=np.float64) for part in around))
    loops.run(STEP, block, loops.table(levels), loops.Steps(air, duration_s, steps))
    after = block[0, STEP.constant :, 0].tolist()
    return Moving(*after[: len(Moving._fields)]), *after[len(Moving._fields) :][:2]


def _kinds_in_motion(conditions: Sequence[Condition], duration_s: float) -> tuple[list[StepFigures], list[Level]]:
    """Return the figures of each kind, and one table of all their clocks."""
    rows: list[StepFigures] = []
    levels: list[Level] = []
    for condition in conditions:
        own = motion(condition)
        rows.append(own.figures(duration_s, len(levels)))
        levels += own.levels
    return rows, levels
