"""The physics object by object, one machine after the other: slow, obvious, and what the fast backends are held to."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from gridsim.errors import FleetError
from gridsim.fleet_backends.machines import Around, FleetRun, Machines, check_duration, check_orders, check_start
from hw.faulty import faulty_point
from hw.health import has_power
from hw.modes import sleep_power_w
from hw.protection import ProtectionState
from hw.stepping.figures import Condition
from hw.stepping.physics_text import Moving
from hw.thermal import TwoTemperatures
from hw.transient import Order, RunningState, Situation, advance


class Reference:
    """The backend that needs nothing but Python."""

    def steady(self, machines: Machines, around: Around, duration_s: float) -> FleetRun:
        """Return what machines come to that are in their steady state in every step of `duration_s` [s]."""
        check_duration(duration_s)
        book = _Book(len(machines.kinds), len(around.ambient_c))
        point = cache(_steady)
        for machine, kind in enumerate(machines.kinds):
            condition = machines.conditions[kind]
            for step, (air_c, at_work, asleep) in enumerate(zip(around.ambient_c, around.at_work, around.asleep, strict=True)):
                wall_w, hps, rests = point(condition, float(air_c))
                idle_w = asleep * sleep_power_w(condition.design) if has_power(condition.health) else 0.0
                book.add(machine, step, (at_work * wall_w + idle_w, at_work * hps, at_work * rests), duration_s)
        return book.run()

    def moving(self, machines: Machines, duration_s: float, start: Moving) -> MovingObjects:
        """Return machines in motion by steps of `duration_s` [s], from `start` (float64[machine] each) on."""
        check_duration(duration_s)
        check_start(machines, start)
        return MovingObjects(machines, duration_s, start)


class MovingObjects:
    """Machines in motion."""

    def __init__(self, machines: Machines, duration_s: float, start: Moving) -> None:
        self._machines, self._duration_s = machines, duration_s
        self._states = [
            RunningState(
                temperatures=TwoTemperatures(float(chip_c), float(sink_c)),
                protection=ProtectionState(hashing=not rests, steps=int(slower), for_s=float(for_s)),
            )
            for chip_c, sink_c, rests, slower, for_s in zip(*start, strict=True)
        ]

    def run(self, around: Around) -> FleetRun:
        """Take all machines through the steps of `around`, whose orders are 0 or 1; raise FleetError if one is neither."""
        check_orders(around)
        book = _Book(len(self._states), len(around.ambient_c))
        for machine, kind in enumerate(self._machines.kinds):
            for step, surroundings in enumerate(zip(around.ambient_c, around.at_work, around.asleep, strict=True)):
                situation = _situation(self._machines.conditions[kind], *surroundings)
                rests = situation.order == Order.AT_WORK and not self._states[machine].protection.hashing
                moment = advance(situation, self._states[machine], self._duration_s)
                self._states[machine] = moment.state
                book.add(machine, step, (moment.flow.wall_w, moment.flow.hps, float(rests)), self._duration_s)
        return book.run()

    def state(self) -> Moving:
        """Return how they stand: float64[machine] each."""
        rows = [
            (
                one.temperatures.chip_c,
                one.temperatures.sink_c,
                float(not one.protection.hashing),
                float(one.protection.steps),
                one.protection.for_s,
            )
            for one in self._states
        ]
        return Moving(*np.array(rows).T)

    def change(self, machines: Machines) -> None:
        """Go on with other conditions of the same machines, as after a fault or an order."""
        if len(machines.kinds) != len(self._states):
            raise FleetError(f"{len(machines.kinds)} machines; want the same {len(self._states)}")
        self._machines = machines


class _Book:
    """What machines come to."""

    def __init__(self, machines: int, steps: int) -> None:
        self._flows: NDArray[np.float64] = np.zeros((3, steps))
        self._sums: NDArray[np.float64] = np.zeros((3, machines))

    def add(self, machine: int, step: int, flows: tuple[float, float, float], duration_s: float) -> None:
        self._flows[:, step] += flows
        self._sums[:, machine] += np.multiply(flows, duration_s)

    def run(self) -> FleetRun:
        wall_w, hashrate_hps, resting = self._flows
        energy_j, hashes, resting_s = self._sums
        return FleetRun(
            wall_w=wall_w,
            hashrate_hps=hashrate_hps,
            resting=resting,
            energy_j=energy_j,
            hashes=hashes,
            resting_s=resting_s,
        )


def _steady(condition: Condition, ambient_c: float) -> tuple[float, float, float]:
    found = faulty_point(condition.design, condition.setting, ambient_c, condition.health, condition.rule)
    return found.wall_power_w, found.hashrate_hps, float(found.overheated)


def _situation(condition: Condition, ambient_c: float, at_work: float, asleep: float) -> Situation:
    return Situation(
        design=condition.design,
        setting=condition.setting,
        rule=condition.rule,
        ambient_c=float(ambient_c),
        health=condition.health,
        order=Order.AT_WORK if at_work else Order.ASLEEP if asleep else Order.DARK,
    )
