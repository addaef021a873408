"""The best setting under caps on watts and degrees, as autotuning firmware looks for it.

A setting is a clock and a fan speed of a grid; the voltage follows from the clock. Power and temperatures grow with the clock,
so for each fan speed the settings that keep the caps are those up to some clock, which bisection finds; of these the best is
taken. What is found keeps the caps in the steady state, where the chips are hottest and leak most.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite
from typing import Literal, get_args

from hw.chip_power import hashrate_hps
from hw.errors import ModelError, NoSettingError, OperatingPointError
from hw.machine_design import MachineDesign
from hw.operating_point import OperatingPoint, Setting, operating_point
from miner.units import HASHES_PER_TH

Goal = Literal["efficiency", "hashrate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What a setting must not go above in its steady state; infinite where nothing is said.

    Wall power [W], temperatures of chips and heatsinks [°C], and the supply's load as a part of its rating. With
    `within_points` settings outside the published points of voltage over clock are refused too.

    Raises
    ------
    ModelError
        If a cap is not a number.
    """

    wall_power_w: float = inf
    chip_c: float = inf
    sink_c: float = inf
    supply_load: float = 1.0
    within_points: bool = False

    def __post_init__(self) -> None:
        """Refuse a cap that nothing can be compared with."""
        for field in ("wall_power_w", "chip_c", "sink_c", "supply_load"):
            value = getattr(self, field)
            if value != value:
                raise ModelError(f"{field} is {value}; want a number, or infinity for no cap")

    def __str__(self) -> str:
        """Name the caps that there are, as in "a cap of 2500 W, chips at 75 degC"."""
        named = [
            (self.wall_power_w, f"a cap of {self.wall_power_w:g} W"),
            (self.chip_c, f"chips at {self.chip_c:g} degC"),
            (self.sink_c, f"heatsinks at {self.sink_c:g} degC"),
            (self.supply_load, f"a supply's load of {self.supply_load:g}"),
        ]
        texts = [text for value, text in named if value != inf]
        return ", ".join([*texts, "the published points"] if self.within_points else texts) or "no cap"

    def kept_by(self, point: OperatingPoint) -> bool:
        """Return whether `point` keeps every cap."""
        return (
            point.wall_power_w <= self.wall_power_w
            and point.chip_c <= self.chip_c
            and point.sink_c <= self.sink_c
            and point.supply_load <= self.supply_load
            and not (self.within_points and point.extrapolated)
        )


@dataclass(frozen=True, slots=True)
class Grid:
    """The clocks [MHz] and fan speeds (parts of the rated one) to choose from, both rising.

    Raises
    ------
    ModelError
        If one is empty, not rising, or a value cannot be.
    """

    frequencies_mhz: tuple[float, ...]
    fan_speeds: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse a grid that cannot be searched."""
        for name, values in (("frequencies_mhz", self.frequencies_mhz), ("fan_speeds", self.fan_speeds)):
            if not values or any(later <= earlier for earlier, later in pairwise(values)):
                raise ModelError(f"{name} {values}; want one or more, rising")
        if not all(isfinite(clock) and clock > 0 for clock in self.frequencies_mhz):
            raise ModelError(f"frequencies_mhz {self.frequencies_mhz}; want finite clocks above 0")
        if not 0 <= self.fan_speeds[0] <= self.fan_speeds[-1] <= 1:
            raise ModelError(f"fan_speeds {self.fan_speeds}; want parts of the rated speed, 0 to 1")


def grid(lowest_mhz: float, highest_mhz: float, step_mhz: float, fan_speeds: tuple[float, ...] = (1.0,)) -> Grid:
    """Return the grid of clocks from `lowest_mhz` to `highest_mhz` in steps of `step_mhz` [MHz], at `fan_speeds`.

    Raises
    ------
    ModelError
        If there is no clock in it, or the step is not above 0.
    """
    if not step_mhz > 0:
        raise ModelError(f"step_mhz is {step_mhz}; want more than 0")
    steps = int((highest_mhz - lowest_mhz) / step_mhz + 1e-9)
    return Grid(tuple(lowest_mhz + step * step_mhz for step in range(steps + 1)), fan_speeds)


def tune(design: MachineDesign, grid: Grid, caps: Caps, ambient_c: float, goal: Goal = "efficiency") -> OperatingPoint:
    """Return the steady state of the best setting of `grid` that keeps `caps` in air of `ambient_c` [°C].

    The best is the one of least J/TH at the wall, or with goal "hashrate" the one of most TH/s; of equals the other decides.

    Raises
    ------
    NoSettingError
        If no setting keeps the caps.
    ModelError
        If the goal is unknown.
    """
    if goal not in get_args(Goal):
        raise ModelError(f"goal is {goal!r}; want one of {', '.join(get_args(Goal))}")
    best = None
    for point in _candidates(design, grid, caps, ambient_c, goal):
        if best is None or rank(point, goal) < rank(best, goal):
            best = point
    if best is None:
        raise NoSettingError(_nothing(design, grid, caps, ambient_c))
    return best


def reach(design: MachineDesign, grid: Grid, caps: Caps, ambient_c: float, target_hps: float) -> OperatingPoint:
    """Return the steady state of least wall power that does `target_hps` [H/s] or more and keeps `caps`.

    Raises
    ------
    NoSettingError
        If no setting does both.
    """
    fast = tuple(clock for clock in _clocks(design, grid, caps) if _rate_hps(design, clock) >= target_hps * (1 - 1e-12))
    best = None
    for speed in grid.fan_speeds if fast else ():
        point = _point(design, fast[0], speed, ambient_c)  # a faster clock draws more
        if point and caps.kept_by(point) and (best is None or point.wall_power_w < best.wall_power_w):
            best = point
    if best is None:
        most_hps = _rate_hps(design, grid.frequencies_mhz[-1])
        raise NoSettingError(
            f"{design.name}: no setting does {target_hps / HASHES_PER_TH:g} TH/s and keeps {caps}; "
            f"the fastest clock does {most_hps / HASHES_PER_TH:g}"
        )
    return best


def rank(point: OperatingPoint, goal: Goal) -> tuple[float, float, float]:
    """Return what the tuner minimises: by `goal`, then by the other of efficiency and hash rate, then by wall power."""
    if goal == "hashrate":
        return (-point.hashrate_hps, point.efficiency_j_per_th, point.wall_power_w)
    return (point.efficiency_j_per_th, -point.hashrate_hps, point.wall_power_w)


def _candidates(design: MachineDesign, grid: Grid, caps: Caps, ambient_c: float, goal: Goal) -> Iterator[OperatingPoint]:
    """Yield what may be best: for each fan speed all clocks that keep the caps, or only the fastest of them."""
    clocks = _clocks(design, grid, caps)
    for speed in grid.fan_speeds:
        kept, refused = 0, len(clocks)  # clocks[:kept] keep the caps, clocks[refused:] do not
        while kept < refused:
            middle = (kept + refused) // 2
            point = _point(design, clocks[middle], speed, ambient_c)
            if point and caps.kept_by(point):
                kept = middle + 1
            else:
                refused = middle
        for clock in clocks[kept - 1 : kept] if goal == "hashrate" and kept else clocks[:kept]:
            point = _point(design, clock, speed, ambient_c)
            if point:
                yield point


def _clocks(design: MachineDesign, grid: Grid, caps: Caps) -> tuple[float, ...]:
    if not caps.within_points:
        return grid.frequencies_mhz
    curve = design.build.curve
    return tuple(clock for clock in grid.frequencies_mhz if not curve.voltage(clock).extrapolated)


def _point(design: MachineDesign, frequency_mhz: float, fan_speed: float, ambient_c: float) -> OperatingPoint | None:
    """Return the steady state, or None where there is none."""
    try:
        return operating_point(design, Setting(frequency_mhz=frequency_mhz, fan_speed=fan_speed), ambient_c)
    except OperatingPointError:
        return None


def _rate_hps(design: MachineDesign, frequency_mhz: float) -> float:
    return hashrate_hps(design.small_cores, frequency_mhz, design.build.chips)


def _nothing(design: MachineDesign, grid: Grid, caps: Caps, ambient_c: float) -> str:
    start = f"{design.name} at {ambient_c:g} degC: no setting of the grid keeps {caps}"
    point = _point(design, grid.frequencies_mhz[0], grid.fan_speeds[-1], ambient_c)
    if point is None:
        return f"{start}; even the slowest clock has no steady state; want more air or cooler air"
    return (
        f"{start}; the slowest clock, {point.frequency_mhz:g} MHz, comes to {point.wall_power_w:.0f} W, "
        f"chips at {point.chip_c:.1f} and heatsinks at {point.sink_c:.1f} degC"
    )
