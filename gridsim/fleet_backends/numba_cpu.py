"""The host's processors: vectors of machines, on several threads. Runs wherever Numba does.

Machines go through all steps in portions of a fixed size, whose flows are added up in order: the sums do not depend on how
many threads there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

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


class NumbaCpu:
    """The backend of this machine's processors."""

    def __init__(self, threads: Threads = None) -> None:
        self._threads = threads or psutil.cpu_count(logical=False) or 1

    def steady(self, machines: Machines, around: Around, duration_s: float) -> FleetRun:
        """Return what machines come to that are in their steady state in every step of `duration_s` [s]."""
        check_duration(duration_s)
        rows = [layout.flat(hour_figures(condition)) for condition in machines.conditions]
        blocks = layout.blocks_of(HOUR, np.array(rows), machines.kinds, loops.default_lanes())
        return self.through(HOUR, blocks, loops.table([]), loops.Steps(around, float(duration_s)), len(machines.kinds))

    def moving(self, machines: Machines, duration_s: float, start: Moving) -> MovingMachines:
        """Return machines in motion by steps of `duration_s` [s], from `start` (float64[machine] each) on."""
        check_duration(duration_s)
        check_start(machines, start)
        return MovingMachines(self, machines, duration_s, start)

    def through(
        self, form: Form, blocks: NDArray[np.float64], levels: NDArray[np.float64], steps: loops.Steps, machines: int
    ) -> FleetRun:
        """Take `blocks` through `steps`; return what they came to."""
        blocks[:, -len(SUMS) :] = 0.0
        size = PORTION // blocks.shape[-1]
        portions = [blocks[first : first + size] for first in range(0, len(blocks), size)]
        flows = np.zeros((len(steps.around.ambient_c), len(FLOWS)))
        for added in self._each(partial(loops.run, form, levels=levels, steps=steps), portions):
            flows += added
        sums = {name: layout.column(blocks, form, name, machines) for name in SUMS}
        return FleetRun(**dict(zip(FLOWS, np.ascontiguousarray(flows.T), strict=True)), **sums)

    def _each(
        self, do: Callable[[NDArray[np.float64]], NDArray[np.float64]], portions: Sequence[NDArray[np.float64]]
    ) -> Iterator[NDArray[np.float64]]:
        if self._threads == 1 or len(portions) == 1:
            yield from map(do, portions)
            return
        with ThreadPoolExecutor(self._threads) as pool:
            yield from pool.map(do, portions)


class MovingMachines:
    """Machines in motion."""

    def __init__(self, backend: NumbaCpu, machines: Machines, duration_s: float, start: Moving) -> None:
        self._backend, self._duration_s, self._count = backend, duration_s, len(machines.kinds)
        self._blocks, self._levels = self._packed(machines, start)

    def run(self, around: Around) -> FleetRun:
        """Take all machines through the steps of `around`, whose orders are 0 or 1; raise FleetError if one is neither."""
        check_orders(around)
        return self._backend.through(STEP, self._blocks, self._levels, loops.Steps(around, self._duration_s), self._count)

    def state(self) -> Moving:
        """Return how they stand: float64[machine] each."""
        return Moving(*(layout.column(self._blocks, STEP, name, self._count) for name in Moving._fields))

    def change(self, machines: Machines) -> None:
        """Go on with other conditions of the same machines, as after a fault or an order."""
        if len(machines.kinds) != self._count:
            raise FleetError(f"{len(machines.kinds)} machines; want the same {self._count}")
        self._blocks, self._levels = self._packed(machines, self.state())

    def _packed(self, machines: Machines, start: Moving) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        rows, levels = _kinds_in_motion(machines.conditions, self._duration_s)
        lanes = loops.default_lanes()
        blocks = layout.blocks_of(STEP, np.array([layout.flat(row) for row in rows]), machines.kinds, lanes)
        for name, numbers in zip(Moving._fields, start, strict=True):
            layout.fill(blocks, STEP, name, numbers)
        return blocks, loops.table(levels)


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
