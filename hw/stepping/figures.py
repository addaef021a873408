"""A machine as the numbers that one step of it takes: what is set, broken and told is worked in before.

All figures are plain numbers, so that many machines make columns. What a step of given length makes of temperatures is
worked in too: heat flows by constant coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite
from typing import Any, Final, NamedTuple

from hw.errors import ModelError, OperatingPointError
from hw.faulty import error_rate, failing_fans, resting_w
from hw.health import Health, boards_on, has_power
from hw.machine_design import MachineDesign
from hw.modes import sleep_power_w
from hw.operating_point import Setting, chip_power_at_w, hashrate_at_hps
from hw.protection import Protection, ProtectionState
from hw.psu import PowerSupply
from hw.stepping.functions import Real
from hw.thermal import TwoNode
from hw.transient import slowed_setting

MOST_LOADS: Final = 3  # bends of a supply's losses, the last point included
MOST_LEVELS: Final = 1000  # steps slower than set that change something


class Level(NamedTuple):
    """What a clock gives a whole machine in order: watts that switch and, at the leakage's reference, leak; hashes a second."""

    dynamic_w: Real
    leakage_w: Real
    hashrate_hps: Real


class SupplyFigures(NamedTuple):
    """A supply, and what it gives besides the chips: its loss grows by `slope`, from two loads on by more (or less)."""

    overhead_w: Real
    standby_w: Real
    slope: Real
    bend1_w: Real
    bend1: Real
    bend2_w: Real
    bend2: Real


class HourFigures(NamedTuple):
    """A machine in its steady state.

    `heating_c` is what the switching watts make of the chips. `feedback` and the scale turn leakage into Lambert's function:
    z = feedback·e^(growth·(T − reference)) at the temperature without leakage, and leakage is y·`leakage_scale_w`.
    `switching`, `leaking`, `working` and `told` are the parts of a whole machine that switch, leak, hash, and hash by the
    firmware's word.
    """

    level: Level
    supply: SupplyFigures
    growth_per_c: Real
    reference_c: Real
    heating_c: Real
    feedback: Real
    leakage_scale_w: Real
    chip_c_per_w: Real
    sensor_c_per_w: Real
    fan_w: Real
    rest_w: Real
    idle_w: Real
    switching: Real
    leaking: Real
    working: Real
    told: Real
    shutdown_c: Real


class AirFigures(NamedTuple):
    """What a step leaves of the distance to the goal: of the chips' in the chips', of the sinks' in the chips', and so on."""

    chip_chip: Real
    chip_sink: Real
    sink_chip: Real
    sink_sink: Real


class StepFigures(NamedTuple):
    """A machine in motion: its clocks are the rows `first_level` to `last_level` of a table, by steps slower than set."""

    first_level: Real
    last_level: Real
    supply: SupplyFigures
    hashing_air: AirFigures
    resting_air: AirFigures
    still_air: AirFigures
    growth_per_c: Real
    reference_c: Real
    chip_to_sink_c_per_w: Real
    sink_to_air_c_per_w: Real
    fan_w: Real
    rest_w: Real
    idle_w: Real
    switching: Real
    leaking: Real
    working: Real
    told: Real
    senses_chip: Real
    shutdown_c: Real
    restart_c: Real
    rest_s: Real
    throttle_c: Real
    ease_c: Real
    interval_s: Real
    slower_after_shutdown: Real


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A machine as it stands: its design, what is set, what is broken, and its firmware's rule against heat."""

    design: MachineDesign
    setting: Setting
    health: Health
    rule: Protection


def hour_figures(condition: Condition) -> HourFigures:
    """Return the numbers of `condition` in its steady state.

    Raises
    ------
    OperatingPointError
        If the clock has no voltage.
    ModelError
        If the supply has more loads than can be told, or leakage does not grow with heat.
    """
    level, thermal, growth = _level(condition, 0), _thermal(condition), condition.design.leakage.growth_per_c
    if growth <= 0:
        raise ModelError(f"{condition.design.name}: leakage grows by {growth} a degree; want more than 0")
    works = bool(boards_on(condition.health)) and has_power(condition.health)  # what does not work is never too hot for it
    resistance = thermal.chip_to_sink_c_per_w + thermal.sink_to_air_c_per_w
    return HourFigures(
        level=level,
        heating_c=resistance * level.dynamic_w,
        feedback=resistance * growth * level.leakage_w if works else 0.0,
        leakage_scale_w=1 / (resistance * growth),
        chip_c_per_w=resistance,
        sensor_c_per_w=resistance if condition.rule.sensor == "chip" else thermal.sink_to_air_c_per_w,
        shutdown_c=condition.rule.shutdown_c if works else inf,
        **_common(condition),
    )


@dataclass(frozen=True, slots=True)
class Motion:
    """What of a machine in motion does not go with the length of its steps: its clocks by steps slower than set, and more."""

    levels: tuple[Level, ...]
    _hashing: TwoNode
    _resting: TwoNode
    _still: TwoNode
    _others: dict[str, Any]

    def figures(self, duration_s: float, first_level: int = 0) -> StepFigures:
        """Return the numbers for steps of `duration_s` [s], whose clocks are rows from `first_level` on.

        Raises
        ------
        ModelError
            If the duration is not above 0 and finite.
        """
        if not (isfinite(duration_s) and duration_s > 0):
            raise ModelError(f"duration_s is {duration_s}; want a finite number above 0")
        return StepFigures(
            first_level=float(first_level),
            last_level=float(first_level + len(self.levels) - 1),
            hashing_air=AirFigures(*self._hashing.kept(duration_s)),
            resting_air=AirFigures(*self._resting.kept(duration_s)),
            still_air=AirFigures(*self._still.kept(duration_s)),
            **self._others,
        )


def motion(condition: Condition) -> Motion:
    """Return the numbers of `condition` in motion.

    Raises
    ------
    OperatingPointError
        If the clock has no voltage.
    ModelError
        If the supply has more loads than can be told.
    """
    rule, cooled, hashing = condition.rule, _cooled(condition), _thermal(condition)
    others = {
        "chip_to_sink_c_per_w": hashing.chip_to_sink_c_per_w,
        "sink_to_air_c_per_w": hashing.sink_to_air_c_per_w,
        "senses_chip": float(rule.sensor == "chip"),
        "shutdown_c": rule.shutdown_c,
        "restart_c": rule.restart_c,
        "rest_s": rule.rest_s,
        "throttle_c": inf if rule.throttle_c is None else rule.throttle_c,
        "ease_c": -inf if rule.ease_c is None else rule.ease_c,
        "interval_s": rule.interval_s,
        "slower_after_shutdown": float(rule.slower_after_shutdown),
    }
    resting = cooled.thermal_at(float(has_power(condition.health)))
    return Motion(_levels(condition), hashing, resting, cooled.thermal_at(0.0), _common(condition) | others)


def _common(condition: Condition) -> dict[str, Any]:
    """Return the figures that steady and moving machines share.

    Without boards the supply feeds nothing, and without power it takes nothing.
    """
    design, health, cooled = condition.design, condition.health, _cooled(condition)
    build, boards = design.build, boards_on(health)
    chips = sum(board.chips for board in health.boards)
    told = 0.0 if health.hung else sum(board.working_chips for board in boards) / chips
    power = float(has_power(health))
    return {
        "supply": _supply(build.supply, build.overhead_w) if boards and power else _idle(power * build.supply.standby_w),
        "growth_per_c": design.leakage.growth_per_c,
        "reference_c": design.leakage.reference_c,
        "fan_w": cooled.build.fans.power_w(_fan_speed(condition)) if boards and power else 0.0,
        "rest_w": power * resting_w(cooled),
        "idle_w": power * sleep_power_w(design),
        "switching": 0.0 if health.hung else power * sum(board.answering for board in boards) / chips,
        "leaking": power * sum(board.chips for board in boards) / chips,
        "working": 0.0 if health.silent else power * told,
        "told": power * told,
    }


def _levels(condition: Condition) -> tuple[Level, ...]:
    """Return the clocks, by steps slower than set: the last, which no step changes or none with a voltage follows, stays."""
    levels = [_level(condition, 0)]
    if condition.rule.throttle_c is None and not condition.rule.slower_after_shutdown:
        return tuple(levels)  # firmware that never goes slower
    while len(levels) < MOST_LEVELS:
        try:
            slower = _level(condition, len(levels))
        except OperatingPointError:
            return tuple(levels)
        if slower == levels[-1]:
            return tuple(levels)
        levels.append(slower)
    raise ModelError(f"{condition.rule.source}: more than {MOST_LEVELS} steps down; want larger ones")


def _level(condition: Condition, steps: int) -> Level:
    design = condition.design
    setting = slowed_setting(condition.rule, ProtectionState(steps=steps), condition.setting)
    total_w, leakage_w = chip_power_at_w(design, setting, design.leakage.reference_c)
    nominal = Setting(frequency_mhz=design.build.frequency_mhz)
    right = (1 - error_rate(design, setting)) / (1 - error_rate(design, nominal))
    return Level(total_w - leakage_w, leakage_w, hashrate_at_hps(design, setting) * right)


def _cooled(condition: Condition) -> MachineDesign:
    return condition.design.with_fans(failing_fans(condition.design, condition.health))


def _fan_speed(condition: Condition) -> float:
    speed = condition.setting.fan_speed
    return condition.design.build.fan_speed if speed is None else speed


def _thermal(condition: Condition) -> TwoNode:
    return _cooled(condition).thermal_at(_fan_speed(condition))


def _idle(standby_w: float) -> SupplyFigures:
    return SupplyFigures(0.0, standby_w, 0.0, inf, 0.0, inf, 0.0)


def _supply(supply: PowerSupply, overhead_w: float) -> SupplyFigures:
    """Return the losses as a straight line that bends: at each load but the last, by the change of its slope."""
    points = supply.loss_points_w()
    slopes = [(after[1] - before[1]) / (after[0] - before[0]) for before, after in pairwise(points)]
    if len(slopes) > MOST_LOADS:
        raise ModelError(f"{supply.source}: {len(slopes)} loads; want {MOST_LOADS} at most")
    bends = [(points[at][0], slopes[at] - slopes[at - 1]) for at in range(1, len(slopes))]
    bends += [(inf, 0.0)] * (MOST_LOADS - 1 - len(bends))
    return SupplyFigures(overhead_w, supply.standby_w, slopes[0], *bends[0], *bends[1])
