"""Faults by name: broken now, or at times drawn for a long simulation.

Every fault has a hazard, how often it strikes a chip, a board, a fan or a machine in an hour of running. Times are drawn from a
generator that the caller gives. Few hazards are published; each says whether it is derived from a figure or assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, log
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from hw.errors import FaultError
from hw.health import (
    HALF_DEAD_PART,
    Health,
    blocked_air,
    dead_board,
    dead_chip,
    dead_supply,
    fan_failure,
    hang,
    silent_zero,
    supply_trip,
    weak_chip,
)
from hw.sourced import Sourced

Unit = Literal["chip", "board", "fan", "machine"]

S_PER_H: Final = 3600  # exact, by definition of the hour
H_PER_YEAR: Final = 8766  # exact for a year of 365.25 days

# "normally 5 %" of machines fail, 20 to 30 % of the S17 and T17 (cointelegraph.com, 2020-04-27); about 10 % of S19 XPs
# (education.compassmining.io, 2023-04). That it is a year's share is assumed, and so is its even parting into three.
NORMAL_FAILURES_A_YEAR: Final = 0.05
_THIRD: Final = -log(1 - NORMAL_FAILURES_A_YEAR) / 3 / H_PER_YEAR
_CHIPS: Final = 378  # of an S19j Pro: 3 boards of 126 (pyasic @e2b9d357)
_BOARDS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """How often a fault strikes.

    Attributes
    ----------
    rate_per_h : Sourced
        Strikes an hour of running, of one unit.
    unit : str
        What is struck: "chip", "board", "fan" or "machine".
    once : bool
        Whether a unit that was struck stays struck until repair; otherwise it can strike again and again.
    doubling_c, reference_c : float or None
        If given, the rate doubles every `doubling_c` [°C] above `reference_c` [°C], and halves below.
    """

    rate_per_h: Sourced
    unit: Unit
    once: bool
    doubling_c: float | None = None
    reference_c: float | None = None

    def rate_per_s(self, temperature_c: float | None = None) -> float:
        """Return strikes a second of one unit, at `temperature_c` [°C] if the hazard goes with temperature.

        Raises
        ------
        FaultError
            If the temperature is not finite.
        """
        rate = self.rate_per_h.value / S_PER_H
        if temperature_c is None or self.doubling_c is None or self.reference_c is None:
            return rate
        if not isfinite(temperature_c):
            raise FaultError(f"temperature_c is {temperature_c}; want a finite temperature")
        return float(rate * 2 ** ((temperature_c - self.reference_c) / self.doubling_c))


def _assumed(rate_per_h: float, why: str) -> Sourced:
    return Sourced(value=rate_per_h, unit="1/h", source=why, as_of="2026-11", basis="assumed")


def _a_third(units: int) -> Sourced:
    return _assumed(
        _THIRD / units,
        "a third of the 5 % of machines that normally fail (cointelegraph.com, 2020-04-27), taken as a year's share",
    )


HAZARDS: Final[Mapping[str, Hazard]] = {
    "dead chip": Hazard(rate_per_h=_a_third(_CHIPS), unit="chip", once=True),
    "weak chip": Hazard(
        rate_per_h=_assumed(4 / H_PER_YEAR / _CHIPS, "four chips a machine and year; a guess"), unit="chip", once=True
    ),
    "half-dead chip": Hazard(
        rate_per_h=_assumed(1 / H_PER_YEAR / _CHIPS, "one chip a machine and year; a guess"), unit="chip", once=True
    ),
    "dead board": Hazard(rate_per_h=_a_third(_BOARDS), unit="board", once=True),
    "fan failure": Hazard(
        rate_per_h=Sourced(
            value=-log(0.9) / 60_000,
            unit="1/h",
            source="rs-online.com designspark: a Sanyo Denki 9RA has an L10 life of 60,000 h at full speed, 60 degC; twice as "
            "long 15 degC lower; made a constant hazard of the same L10",
            as_of="2026-11",
            basis="derived",
        ),
        unit="fan",
        once=True,
        doubling_c=15,
        reference_c=60,
    ),
    "supply trip": Hazard(
        rate_per_h=_assumed(1 / H_PER_YEAR, "once a machine and year, over once and for all failures; a guess"),
        unit="machine",
        once=False,
    ),
    "dead supply": Hazard(rate_per_h=_a_third(1), unit="machine", once=True),
    "overheating": Hazard(
        rate_per_h=_assumed(0.2 / H_PER_YEAR, "vents blocked by dust once in five years; a guess"), unit="machine", once=True
    ),
    "hang": Hazard(rate_per_h=_assumed(4 / H_PER_YEAR, "four times a machine and year; a guess"), unit="machine", once=False),
    "silent zero": Hazard(
        rate_per_h=_assumed(0.5 / H_PER_YEAR, "once in two years; such reports are rarer than hangs; a guess"),
        unit="machine",
        once=False,
    ),
}


@dataclass(frozen=True, slots=True, order=True)
class FaultEvent:
    """A fault that strikes `time_s` [s] after the start: its name, and which unit of its kind, from 0."""

    time_s: float
    name: str
    unit: int


def hazard(name: str) -> Hazard:
    """Return the hazard of the fault called `name`.

    Raises
    ------
    FaultError
        If there is no such fault; the message lists those there are.
    """
    if name not in HAZARDS:
        raise FaultError(f"no fault {name!r}; known: {', '.join(HAZARDS)}")
    return HAZARDS[name]


def units(health: Health, fans: int, unit: Unit) -> int:
    """Return how many chips, boards, fans or machines one machine has."""
    return {
        "chip": sum(board.chips for board in health.boards),
        "board": len(health.boards),
        "fan": fans,
        "machine": 1,
    }[unit]


def inject(health: Health, name: str, *, unit: int = 0, fans: int = 4) -> Health:
    """Return `health` with the fault called `name` in its `unit`-th chip, board or fan, counted through the machine from 0.

    Raises
    ------
    FaultError
        If there is no such fault or unit.
    """
    kind = hazard(name).unit
    last = units(health, fans, kind) - 1
    if not 0 <= unit <= last:
        raise FaultError(f"no {kind} {unit} for {name!r}; want 0" + (f" to {last}" if last else ""))
    if kind == "chip":
        return _inject_chip(health, name, unit)
    if kind == "board":
        return dead_board(health, unit)
    if kind == "fan":
        return fan_failure(health, fans)
    return {
        "supply trip": supply_trip,
        "dead supply": dead_supply,
        "overheating": blocked_air,
        "hang": hang,
        "silent zero": silent_zero,
    }[name](health)


def draw_faults(
    rng: np.random.Generator, health: Health, fans: int, horizon_s: float, temperature_c: float | None = None
) -> tuple[FaultEvent, ...]:
    """Return the faults that strike one machine of `fans` fans in `horizon_s` [s] of running, by time.

    Drawn fault by fault in the order of `HAZARDS`, so the same generator gives the same faults. `temperature_c` [°C] is that
    around the fans; None takes hazards at their reference.

    Raises
    ------
    FaultError
        If the horizon is negative or not finite.
    """
    if not (isfinite(horizon_s) and horizon_s >= 0):
        raise FaultError(f"horizon_s is {horizon_s}; want a finite number, 0 or more")
    events: list[FaultEvent] = []
    for name, own in HAZARDS.items():
        number, rate = units(health, fans, own.unit), own.rate_per_s(temperature_c)
        if own.once:
            first_s = draw_first_s(rng, rate, (number,))
            events += [FaultEvent(float(first_s[unit]), name, int(unit)) for unit in np.flatnonzero(first_s < horizon_s)]
        else:
            struck = int(rng.poisson(rate * number * horizon_s))
            times_s, where = rng.uniform(0.0, horizon_s, struck), rng.integers(0, max(number, 1), struck)
            events += [FaultEvent(float(at_s), name, int(unit)) for at_s, unit in zip(times_s, where, strict=True)]
    return tuple(sorted(events))


def draw_first_s(rng: np.random.Generator, rate_per_s: float, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return when each of many units is struck for the first time: float64[shape], seconds of running, exponential.

    For whole fleets: one call for all machines.

    Raises
    ------
    FaultError
        If the rate is negative or not finite.
    """
    if not (isfinite(rate_per_s) and rate_per_s >= 0):
        raise FaultError(f"rate_per_s is {rate_per_s}; want a finite number, 0 or more")
    if rate_per_s == 0:
        return np.full(shape, np.inf)
    return rng.exponential(1 / rate_per_s, shape)


def _inject_chip(health: Health, name: str, unit: int) -> Health:
    number = 0
    while unit >= health.boards[number].chips:
        unit -= health.boards[number].chips
        number += 1
    if name == "dead chip":
        return dead_chip(health, number, unit)
    return weak_chip(health, number, HALF_DEAD_PART.value) if name == "half-dead chip" else weak_chip(health, number)
