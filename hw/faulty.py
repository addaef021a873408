"""What a machine does with what is broken in it: hash rate, watts, wrong nonces.

Chips keep the temperature that they have in a whole machine, each having its own heatsink; chips without work leak as before
and switch nothing. The nameplate is taken to hold what errors take at the voltage of the curve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import exp, log
from typing import Final

from hw.errors import OperatingPointError
from hw.fans import FanBank
from hw.health import Health, boards_on, has_power
from hw.machine_design import MachineDesign
from hw.operating_point import OperatingPoint, Setting, operating_point
from hw.protection import Protection
from hw.sourced import Sourced

HEALTHY_ERRORS: Final = Sourced(
    value=0.01,
    unit="1",
    source="tinychiphub.com, solosatoshi.com: healthy machines have 0 to 2 % hardware errors; middle, at the curve's voltage",
    as_of="2026-11",
    basis="derived",
)
UNSTABLE_ERRORS: Final = Sourced(
    value=0.05,
    unit="1",
    source="tinychiphub.com, solosatoshi.com: above 5 % hardware errors a Bitaxe counts as unstable",
    as_of="2026-11",
    basis="datasheet",
)
MEASURED_OVERSPEED: Final = Sourced(
    value=0.25,
    unit="1",
    source="github.com/mtab3000/bitaxe-monitor, 20250620/bitaxe_benchmark_results_*.json (commit 67ad946): three Bitaxe Gammas "
    "at 287 settings, 460 to 530 MHz at 1025 to 1056 mV, so 8 to 25 % above the clock that the ladder gives for that voltage; "
    "the weakest did 97 % of clock times cores, the others all of it",
    as_of="2025-06-20",
    basis="measured",
)
UNSTABLE_OVERSPEED: Final = Sourced(
    value=MEASURED_OVERSPEED.value,
    unit="1",
    source="where errors reach 5 %: the end of what was measured, up to which no machine lost more; that they reach them just "
    "there, that they grow exponentially, and that other chips do as a BM1370 is a guess",
    as_of="2026-11",
    basis="assumed",
)


@dataclass(frozen=True, slots=True)
class Errors:
    """Wrong nonces over all nonces, 0 to 1; `extrapolated` where nobody measured a machine so far beyond its voltage."""

    rate: float
    extrapolated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyPoint:
    """What a machine does with what is broken in it.

    Attributes
    ----------
    hashrate_hps, reported_hps : float
        What it hashes [H/s, right nonces only], and what its firmware says: more where faults go unnoticed.
    wall_power_w : float
        At its plug [W].
    chip_power_w : float
        What its chips draw, and turn into heat [W].
    error_rate : float
        Wrong nonces over all nonces, 0 to 1.
    overheated : bool
        Whether heat stops it: no steady state, or one above the firmware's limit. In truth it goes on and off; `hw.transient`
        shows it.
    point : OperatingPoint or None
        The steady state of one whole machine in the same air; None while it does not hash for heat, a trip or a hang. It counts
        as extrapolated also where its errors do.
    """

    hashrate_hps: float
    reported_hps: float
    wall_power_w: float
    chip_power_w: float
    error_rate: float
    overheated: bool
    point: OperatingPoint | None


def faulty_point(design: MachineDesign, setting: Setting, ambient_c: float, health: Health, rule: Protection) -> FaultyPoint:
    """Return what `design` does at `setting` in air of `ambient_c` [°C] with what is broken in it.

    Chips without work leak as before and switch nothing. Chips keep the temperature that they have in a whole machine: each has
    its own heatsink. The nameplate is taken to hold what errors take at the voltage of the curve.

    Raises
    ------
    OperatingPointError
        If the clock has no voltage.
    """
    if not has_power(health):
        return _still(0.0)
    boards = boards_on(health)
    if not boards:
        return _still(design.build.supply.standby_w)
    cooled = design.with_fans(failing_fans(design, health))
    error_rate(design, setting)  # tells a clock without a voltage from one without a steady state
    try:
        point = operating_point(cooled, setting, ambient_c)
    except OperatingPointError:
        return _still(resting_w(cooled), overheated=True)
    if (point.chip_c if rule.sensor == "chip" else point.sink_c) >= rule.shutdown_c:
        return _still(resting_w(cooled), overheated=True)
    return faulty_at(cooled, setting, point, health)


def faulty_at(design: MachineDesign, setting: Setting, point: OperatingPoint, health: Health) -> FaultyPoint:
    """Return what `point`, steady or not, of a whole machine comes to with what is broken; `setting` is what led to it.

    Raises
    ------
    OperatingPointError
        If the clock has no voltage.
    """
    build, boards = design.build, boards_on(health)
    if not (has_power(health) and boards):
        return _still(build.supply.standby_w if has_power(health) else 0.0)
    chips = sum(board.chips for board in health.boards)
    switching = 0.0 if health.hung else sum(board.answering for board in boards) / chips
    leaking = sum(board.chips for board in boards) / chips
    chip_w = switching * (point.chip_power_w - point.leakage_power_w) + leaking * point.leakage_power_w
    wall_w = build.supply.input_w(chip_w + build.overhead_w) + point.fan_power_w
    if health.hung:
        return _still(wall_w, chip_power_w=chip_w)
    errors = errors_at(design, setting)
    right = (1 - errors.rate) / (1 - error_rate(design, Setting(frequency_mhz=build.frequency_mhz)))
    seen_hps = point.hashrate_hps * sum(board.working_chips for board in boards) / chips * right
    return FaultyPoint(
        hashrate_hps=0.0 if health.silent else seen_hps,
        reported_hps=seen_hps,
        wall_power_w=wall_w,
        chip_power_w=chip_w,
        error_rate=errors.rate,
        overheated=False,
        point=replace(point, extrapolated=point.extrapolated or errors.extrapolated),
    )


def error_rate(design: MachineDesign, setting: Setting) -> float:
    """Return which part of the nonces is wrong, 0 to 1: the rate of `errors_at`.

    Raises
    ------
    OperatingPointError
        If the clock has no voltage.
    """
    return errors_at(design, setting).rate


def errors_at(design: MachineDesign, setting: Setting) -> Errors:
    """Return which part of the nonces is wrong: 1 % with the voltage of the curve, 5 % at 25 % more clock than it is good for.

    The margin is that of the voltage which is set over the one which the curve gives for the clock. It is reckoned in clock, as
    what the voltage is good for by the curve, since a tenth of a volt is not worth the same at a chip and at a string of them.
    Errors grow exponentially with what is missing (assumed), and fall where there is more voltage than the curve gives.

    Raises
    ------
    OperatingPointError
        If the clock has no voltage.
    """
    curve = design.build.curve
    needed_v = curve.voltage(setting.frequency_mhz).voltage_v
    set_v = setting.voltage_v
    if set_v is None or set_v == needed_v:
        return Errors(HEALTHY_ERRORS.value, extrapolated=False)
    good_mhz = _bisect(lambda clock: curve.voltage(clock).voltage_v <= set_v, curve.frequencies_mhz)
    overspeed = setting.frequency_mhz / good_mhz - 1
    growth = log(UNSTABLE_ERRORS.value / HEALTHY_ERRORS.value) * overspeed / UNSTABLE_OVERSPEED.value
    return Errors(min(HEALTHY_ERRORS.value * exp(growth), 1.0), extrapolated=overspeed > MEASURED_OVERSPEED.value)


def _bisect(good: Callable[[float], bool], clocks_mhz: tuple[float, ...]) -> float:
    """Return the highest clock [MHz] that is `good`, down to half and up to twice those published."""
    low, high = clocks_mhz[0] / 2, clocks_mhz[-1] * 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if good(middle) else (low, middle)
    return low


def failing_fans(design: MachineDesign, health: Health) -> FanBank:
    """Return the fans that still turn, and the air that still comes through."""
    fans = design.build.fans
    return replace(
        fans,
        failed=min(health.failed_fans, fans.count),
        airflow_m3_per_s=fans.airflow_m3_per_s * health.air_part,
    )


def resting_w(design: MachineDesign) -> float:
    """Return what a machine draws that rests for heat [W, boundary "wall"]: its control board, and its fans at full speed."""
    return design.build.supply.input_w(design.build.overhead_w) + design.build.fans.power_w(1.0)


def _still(wall_power_w: float, *, chip_power_w: float = 0.0, overheated: bool = False) -> FaultyPoint:
    return FaultyPoint(
        hashrate_hps=0.0,
        reported_hps=0.0,
        wall_power_w=wall_power_w,
        chip_power_w=chip_power_w,
        error_rate=0.0,
        overheated=overheated,
        point=None,
    )
