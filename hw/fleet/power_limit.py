"""The power limit of a Whatsminer: what it keeps its watts within, and the setting that does.

The maker's words: the limit "cannot exceed the device's standard operating power" (apidoc.whatsminer.com, as repeated in
docs.rs/crate/matroskin 0.1.0; pyasic 0.79 says so of `adjust_power_limit`; read 2026-11). One is always in force: answers of
real machines in public repositories (read 2026-11) show 3412 W drawn of 3500, 3593 W of 3600, 9763 W of 9758. The standard
power is taken here to be the nameplate's.
"""

from __future__ import annotations

from math import ceil, isfinite
from typing import Final

from hw.errors import NoSettingError
from hw.faulty import failing_fans
from hw.fleet.errors import OrderRefusedError
from hw.health import Health
from hw.machine_design import MachineDesign
from hw.operating_point import Setting, point_at
from hw.running_machine import TUNE_SPAN, TUNE_STEP_MHZ
from hw.thermal import TwoTemperatures
from hw.tuner import Caps, Grid, tune

SHOWN_TO_W: Final = 0.5  # firmware tells whole watts, so that a limit is kept to half of one


def checked_limit_w(power_w: float, standard_w: float) -> float:
    """Return `power_w` [W] if that can be a limit of a machine that draws `standard_w` [W] by its nameplate.

    Raises
    ------
    OrderRefusedError
        If it is no number of watts, or above the standard.
    """
    if not (isfinite(power_w) and power_w > 0):
        raise OrderRefusedError(f"a power limit of {power_w} W; want a finite number above 0")
    if power_w > standard_w:
        raise OrderRefusedError(
            f"a power limit of {power_w:.15g} W; want at most {standard_w:g} W, what this machine draws by its nameplate"
        )
    return power_w


def clock_within(
    design: MachineDesign, health: Health, ambient_c: float, power_w: float, now: TwoTemperatures | None = None
) -> float:
    """Return the highest clock [MHz], up to the nominal one, whose steady state keeps `power_w` [W] in air of `ambient_c` [°C].

    With `now`, the temperatures of the moment, it keeps that at once, too, while chips are still hot from a faster clock.
    Fans that stand still and blocked air count, since they make chips hotter; boards that are broken do not, so that a machine
    with a dead one stays further below its limit.

    Raises
    ------
    NoSettingError
        If none does.
    """
    build = design.build
    steps = int((1 - TUNE_SPAN[0]) * build.frequency_mhz / TUNE_STEP_MHZ)
    clocks = tuple(build.frequency_mhz - step * TUNE_STEP_MHZ for step in range(steps, -1, -1))
    cooled = design.with_fans(failing_fans(design, health))
    speeds = (build.fan_speed,)
    most_w = power_w + SHOWN_TO_W
    if now is not None:
        clocks = tuple(mhz for mhz in clocks if _draws_w(cooled, mhz, ambient_c, now) <= most_w) or clocks[:1]
    try:
        point = tune(cooled, Grid(clocks, speeds), Caps(wall_power_w=most_w), ambient_c, goal="hashrate")
    except NoSettingError:
        slowest = tune(cooled, Grid(clocks[:1], speeds), Caps(), ambient_c)
        raise NoSettingError(
            f"{power_w:.15g} W; want {ceil(slowest.wall_power_w)} W or more, what this machine draws at its slowest clock"
        ) from None
    return point.frequency_mhz


def _draws_w(design: MachineDesign, frequency_mhz: float, ambient_c: float, now: TwoTemperatures) -> float:
    setting = Setting(frequency_mhz=frequency_mhz)
    return point_at(design, setting, ambient_c=ambient_c, chip_c=now.chip_c, sink_c=now.sink_c).wall_power_w
