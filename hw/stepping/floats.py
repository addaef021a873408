"""The text of a machine's physics over Python's floats."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Final, Protocol

from hw.stepping.figures import Level, StepFigures
from hw.stepping.physics_text import Moving, Output, Physics, Surroundings


class Floats:
    """Choices among floats."""

    @staticmethod
    def select(condition: bool, yes: float, no: float) -> float:
        """Return `yes` if `condition` holds, else `no`."""
        return yes if condition else no

    @staticmethod
    def maximum(one: float, other: float) -> float:
        """Return the larger one."""
        return one if one > other else other

    @staticmethod
    def minimum(one: float, other: float) -> float:
        """Return the smaller one."""
        return one if one < other else other

    root = staticmethod(sqrt)


PHYSICS: Final = Physics(Floats())


Machine = tuple[StepFigures, Sequence[Level]]
"""A machine in motion, and its clocks by steps slower than set."""


class Stepper(Protocol):
    """What takes a machine through many steps: interpreted here, compiled in `gridsim.fleet_backends`."""

    def __call__(
        self, machine: Machine, now: Moving, around: Surroundings, duration_s: float, steps: int
    ) -> tuple[Moving, float, float]:
        """Return how it stands after `steps` steps of `duration_s` [s] each, its energy [J] and its double hashes."""
        ...


def step(machine: Machine, now: Moving, around: Surroundings, duration_s: float) -> tuple[Output, Moving]:
    """Return what a step of `duration_s` [s] gives, and how the machine stands after it."""
    figures, levels = machine
    at = min(int(now.slower), len(levels) - 1)
    return PHYSICS.step(figures, levels[at], now, around, duration_s)


def step_many(
    machine: Machine, now: Moving, around: Surroundings, duration_s: float, steps: int
) -> tuple[Moving, float, float]:
    """Return how it stands after `steps` steps of `duration_s` [s] each, its energy [J] and its double hashes."""
    energy_j = hashes = 0.0
    for _ in range(steps):
        output, now = step(machine, now, around, duration_s)
        energy_j += output.wall_w * duration_s
        hashes += output.hashrate_hps * duration_s
    return now, energy_j, hashes
