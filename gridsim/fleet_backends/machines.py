"""Many machines of a few kinds, what is around them, and what they come to: what every backend takes and gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gridsim.errors import FleetError
from hw.stepping.figures import Condition
from hw.stepping.physics_text import Moving


@dataclass(frozen=True, slots=True)
class Machines:
    """Machines by what they are: int64[machine] says which of `conditions` each one is.

    Raises
    ------
    FleetError
        If there is none, or one is of no condition that there is.
    """

    conditions: tuple[Condition, ...]
    kinds: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Refuse machines that are nothing."""
        kinds = self.kinds
        if kinds.ndim != 1 or kinds.dtype != np.int64 or not len(kinds):
            raise FleetError(f"kinds of shape {kinds.shape} and type {kinds.dtype}; want int64[machine], one machine or more")
        if not (kinds.min() >= 0 and kinds.max() < len(self.conditions)):
            raise FleetError(f"kinds from {kinds.min()} to {kinds.max()}; want 0 to {len(self.conditions) - 1}")


@dataclass(frozen=True, slots=True)
class Around:
    """What is around the machines of one site, step by step: float64[step] each.

    Inlet air [°C], and the part of the time that machines are told to work, and to sleep; the rest they are without power.

    Raises
    ------
    FleetError
        If the series differ in length, or something is not finite or no part of the time.
    """

    ambient_c: NDArray[np.float64]
    at_work: NDArray[np.float64]
    asleep: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Refuse what cannot be around a machine."""
        series = (self.ambient_c, self.at_work, self.asleep)
        shape = self.ambient_c.shape
        if any(one.shape != shape or one.ndim != 1 or one.dtype != np.float64 or not one.flags.c_contiguous for one in series):
            shapes = ", ".join(f"{one.dtype}{one.shape}" for one in series)
            raise FleetError(f"ambient_c, at_work and asleep are {shapes}; want contiguous float64[step] of one length")
        if not all(np.isfinite(one).all() for one in series):
            raise FleetError("ambient_c, at_work or asleep holds what is not finite; want numbers")
        if len(self.at_work) and not (
            min(self.at_work.min(), self.asleep.min()) >= 0 and (self.at_work + self.asleep).max() <= 1
        ):
            raise FleetError("at_work and asleep are no parts of the time; want 0 or more each, and 1 together at most")


def always_at_work(ambient_c: Sequence[float] | NDArray[np.float64]) -> Around:
    """Return air of `ambient_c` [°C, one a step] around machines that are never told to stop."""
    air = np.asarray(ambient_c, dtype=np.float64)
    return Around(air, np.ones_like(air), np.zeros_like(air))


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRun:
    """What machines came to: of all of them in each step, and of each of them over all steps.

    Attributes
    ----------
    wall_w, hashrate_hps, resting : NDArray
        float64[step]: power at the wall [W], hash rate [H/s], and how many rested for heat.
    energy_j, hashes, resting_s : NDArray
        float64[machine]: energy at the wall [J], double hashes, and for how long it rested for heat [s].
    """

    wall_w: NDArray[np.float64]
    hashrate_hps: NDArray[np.float64]
    resting: NDArray[np.float64]
    energy_j: NDArray[np.float64]
    hashes: NDArray[np.float64]
    resting_s: NDArray[np.float64]


class MovingFleet(Protocol):
    """Machines in motion: their temperatures and what their firmware does against heat go on from run to run."""

    def run(self, around: Around) -> FleetRun:
        """Take all machines through the steps of `around`, whose orders are 0 or 1; raise FleetError if one is neither."""
        ...

    def state(self) -> Moving:
        """Return how they stand: float64[machine] each."""
        ...

    def change(self, machines: Machines) -> None:
        """Go on with other conditions of the same machines, as after a fault or an order."""
        ...


class FleetBackend(Protocol):
    """What takes many machines through time."""

    def steady(self, machines: Machines, around: Around, duration_s: float) -> FleetRun:
        """Return what machines come to that are in their steady state in every step of `duration_s` [s]."""
        ...

    def moving(self, machines: Machines, duration_s: float, start: Moving) -> MovingFleet:
        """Return machines in motion by steps of `duration_s` [s], from `start` (float64[machine] each) on."""
        ...


def cold(machines: Machines, ambient_c: float) -> Moving:
    """Return machines that have stood long in air of `ambient_c` [°C]: float64[machine] each."""
    count = len(machines.kinds)
    zeros = [np.zeros(count) for _ in range(3)]
    return Moving(np.full(count, float(ambient_c)), np.full(count, float(ambient_c)), *zeros)


def check_start(machines: Machines, start: Moving) -> None:
    """Raise FleetError unless `start` says of every machine how it stands."""
    wanted = machines.kinds.shape
    for name, numbers in zip(Moving._fields, start, strict=True):
        if numbers.shape != wanted or not np.isfinite(numbers).all():
            raise FleetError(f"{name} of shape {numbers.shape} at the start; want {wanted[0]} finite numbers, one a machine")
    if not np.isin(start.resting, (0.0, 1.0)).all():
        raise FleetError("resting at the start is neither 0 nor 1 somewhere; want one of them for each machine")
    if (start.slower < 0).any() or (start.slower != np.floor(start.slower)).any() or (start.for_s < 0).any():
        raise FleetError("slower or for_s at the start is negative, or no whole number of steps; want 0 or more")


def check_orders(around: Around) -> None:
    """Raise FleetError unless machines are told one thing in each step, which those in motion want."""
    if not np.isin((around.at_work, around.asleep), (0.0, 1.0)).all():
        raise FleetError("at_work or asleep holds a part of a step; want 0 or 1 for machines in motion, and shorter steps")


def check_duration(duration_s: float) -> None:
    """Raise FleetError unless a step has a length."""
    if not (np.isfinite(duration_s) and duration_s > 0):
        raise FleetError(f"duration_s is {duration_s}; want a finite number above 0")
