"""A machine as physics: one setting and one ambient give hash rate, watts at every boundary, and temperatures.

The steady point is where the chips' heat, which grows with their temperature through leakage, just flows off. One constant is
free, the switched capacitance; `calibrate` takes it from the nameplate, so that the nominal setting gives the nameplate
exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import Final

from hw.chip_power import dynamic_power_w, hashrate_hps, leakage_power_w
from hw.errors import OperatingPointError, PowerError
from hw.fans import FanControl
from hw.machine_design import MachineDesign
from hw.power import Boundary, grid_power_w, site_power_w
from hw.thermal import TwoNode, air_rise_c
from hw.units import j_per_th
from hw.voltage import Voltage

_NEWTON_STEPS: Final = 60
_RUNAWAY_C: Final = 1000.0  # beyond what any chip survives; keeps the exponential finite
_BISECTIONS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is set: clock [MHz], voltage [V] (None: what the curve gives), fans' part of rated speed (None: the nominal one)."""

    frequency_mhz: float
    voltage_v: float | None = None
    fan_speed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """What a setting comes to; modelled, never measured.

    Attributes
    ----------
    frequency_mhz, voltage_v, fan_speed, ambient_c : float
        The setting and the inlet air [MHz, V, 1, °C].
    hashrate_hps : float
        Double hashes [H/s].
    chip_power_w, leakage_power_w : float
        What all chips draw, and the part of it that leaks [W, boundary "chip"].
    dc_power_w : float
        What the supply gives [W, boundary "dc"].
    fan_power_w : float
        What the fans add at the wall [W].
    wall_power_w : float
        At the plug [W, boundary "wall"].
    supply_load : float
        `dc_power_w` over the supply's rating; above 1 the supply is overloaded.
    chip_c, sink_c : float
        Temperatures of chips and heatsinks [°C].
    outlet_c : float or None
        Of the air that leaves [°C]; None without fans, or with all standing still.
    extrapolated : bool
        Whether clock or voltage lie outside the published points.
    """

    frequency_mhz: float
    voltage_v: float
    fan_speed: float
    ambient_c: float
    hashrate_hps: float
    chip_power_w: float
    leakage_power_w: float
    dc_power_w: float
    fan_power_w: float
    wall_power_w: float
    supply_load: float
    chip_c: float
    sink_c: float
    outlet_c: float | None
    extrapolated: bool

    @property
    def efficiency_j_per_th(self) -> float:
        """Energy per hash at the wall [J/TH]."""
        return j_per_th(self.wall_power_w, self.hashrate_hps)

    def power_w(self, boundary: Boundary, *, pue: float = 1.0, grid_loss: float = 0.0) -> float:
        """Return the power [W] at `boundary`; `pue` is the site's, `grid_loss` the part of what is fed in that lines keep.

        Raises
        ------
        PowerError
            If `pue` is below 1 or `grid_loss` not from 0 to below 1, or the boundary is "board": this machine is no GPU's.
        """
        if boundary == "board":
            raise PowerError("no power of a GPU's board; want chip, dc, wall, site or grid")
        if boundary == "chip":
            return self.chip_power_w
        if boundary == "dc":
            return self.dc_power_w
        if boundary in {"wall", "machine"}:
            return self.wall_power_w
        site_w = site_power_w(self.wall_power_w, pue)
        return site_w if boundary == "site" else grid_power_w(site_w, grid_loss)


def chip_power_at_w(design: MachineDesign, setting: Setting, chip_c: float) -> tuple[float, float]:
    """Return what all chips draw at `setting` while they are at `chip_c` [°C], and the part of it that leaks [W].

    Raises
    ------
    OperatingPointError
        If the clock has no voltage.
    """
    voltage = _voltage(design, setting)
    nominal_v = design.build.curve.voltage(design.build.frequency_mhz).voltage_v
    leaking_w = leakage_power_w(
        design.leakage,
        reference_power_w=design.chip_power_w,
        temperature_c=chip_c,
        relative_voltage=voltage.voltage_v / nominal_v,
    )
    return (
        dynamic_power_w(design.capacitance_w_per_v2_mhz, voltage.voltage_v, setting.frequency_mhz) + leaking_w,
        leaking_w,
    )


def hashrate_at_hps(design: MachineDesign, setting: Setting) -> float:
    """Return the hash rate [H/s] of all chips at `setting`."""
    return hashrate_hps(design.small_cores, setting.frequency_mhz, design.build.chips)


def operating_point(design: MachineDesign, setting: Setting, ambient_c: float) -> OperatingPoint:
    """Return the steady state of `design` at `setting` with inlet air of `ambient_c` [°C].

    Raises
    ------
    OperatingPointError
        If the clock has no voltage, or no temperature is steady: leakage would heat the chips without end.
    """
    if not isfinite(ambient_c):
        raise OperatingPointError(f"ambient_c is {ambient_c}; want a finite temperature")
    fan_speed = design.build.fan_speed if setting.fan_speed is None else setting.fan_speed
    thermal = design.thermal_at(fan_speed)
    chip_c = _steady_chip_c(design, setting, thermal, ambient_c)
    return point_at(design, setting, ambient_c=ambient_c, chip_c=chip_c)


def point_at(
    design: MachineDesign, setting: Setting, *, ambient_c: float, chip_c: float, sink_c: float | None = None
) -> OperatingPoint:
    """Return hash rate and watts at `setting` while the chips are at `chip_c` [°C], steady or not.

    `sink_c` [°C] is the heatsinks' temperature; None takes that of the steady state with these watts.

    Raises
    ------
    OperatingPointError
        If the clock has no voltage.
    """
    build = design.build
    fan_speed = build.fan_speed if setting.fan_speed is None else setting.fan_speed
    voltage = _voltage(design, setting)
    chip_w, leaking_w = chip_power_at_w(design, setting, chip_c)
    dc_w = chip_w + build.overhead_w
    fan_w = build.fans.power_w(fan_speed)
    wall_w = build.supply.input_w(dc_w) + fan_w
    flow = build.fans.flow_m3_per_s(fan_speed)
    return OperatingPoint(
        frequency_mhz=setting.frequency_mhz,
        voltage_v=voltage.voltage_v,
        fan_speed=fan_speed,
        ambient_c=ambient_c,
        hashrate_hps=hashrate_at_hps(design, setting),
        chip_power_w=chip_w,
        leakage_power_w=leaking_w,
        dc_power_w=dc_w,
        fan_power_w=fan_w,
        wall_power_w=wall_w,
        supply_load=build.supply.load(dc_w),
        chip_c=chip_c,
        sink_c=design.thermal_at(fan_speed).steady(chip_w, ambient_c).sink_c if sink_c is None else sink_c,
        outlet_c=ambient_c + air_rise_c(wall_w, flow, ambient_c) if flow else None,
        extrapolated=voltage.extrapolated,
    )


def controlled_point(design: MachineDesign, setting: Setting, ambient_c: float, control: FanControl) -> OperatingPoint:
    """Return the steady state with fans that follow `control` by the heatsinks' temperature; `setting.fan_speed` is not used.

    Faster fans mean cooler heatsinks, cooler heatsinks slower fans: there is one speed at which both agree, found by bisection.

    Raises
    ------
    OperatingPointError
        If no temperature is steady even at full speed.
    """
    slow, fast = design.build.fans.minimum_speed, 1.0
    for _ in range(_BISECTIONS):
        middle = (slow + fast) / 2
        try:
            sink_c = operating_point(design, replace(setting, fan_speed=middle), ambient_c).sink_c
        except OperatingPointError:
            slow = middle  # too slow for any steady state
            continue
        if control.speed(sink_c, design.build.fans.minimum_speed) > middle:
            slow = middle
        else:
            fast = middle
    return operating_point(design, replace(setting, fan_speed=fast), ambient_c)


def _voltage(design: MachineDesign, setting: Setting) -> Voltage:
    curve = design.build.curve
    own = curve.voltage(setting.frequency_mhz)
    if setting.voltage_v is None:
        return own
    if not (isfinite(setting.voltage_v) and setting.voltage_v > 0):
        raise OperatingPointError(f"voltage_v is {setting.voltage_v}; want a finite number above 0, or None for the curve's")
    within = curve.voltages_v[0] <= setting.voltage_v <= curve.voltages_v[-1]
    return Voltage(setting.voltage_v, own.extrapolated or not within)


def _steady_chip_c(design: MachineDesign, setting: Setting, thermal: TwoNode, ambient_c: float) -> float:
    """Return the lowest chip temperature [°C] at which heat flows off as fast as it comes.

    h(T) = T_ambient + R·P(T) − T is convex, since leakage is exponential. Newton's steps from the temperature without leakage,
    which is too low, climb to the first root and never pass it; where h stops falling before it reaches 0 there is none.
    """
    resistance = thermal.chip_to_sink_c_per_w + thermal.sink_to_air_c_per_w
    growth = design.leakage.growth_per_c
    total_w, leaking_w = chip_power_at_w(design, setting, ambient_c)
    chip_c = ambient_c + resistance * (total_w - leaking_w)
    for _ in range(_NEWTON_STEPS):
        total_w, leaking_w = chip_power_at_w(design, setting, chip_c)
        excess = ambient_c + resistance * total_w - chip_c
        slope = resistance * growth * leaking_w - 1
        if abs(excess) <= 1e-12 * max(1.0, abs(chip_c)):
            return chip_c
        if slope >= 0 or chip_c - excess / slope > _RUNAWAY_C:
            break
        chip_c -= excess / slope
    else:
        return chip_c
    raise OperatingPointError(
        f"{design.name} at {setting.frequency_mhz:g} MHz and {ambient_c:g} degC: leakage heats the chips without end; "
        "want a lower clock, more air or cooler air"
    )
