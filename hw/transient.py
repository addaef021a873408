"""A machine over time: temperatures move, firmware watches them, and power is constant within a step.

`advance` makes the next state from the last. Within a step the chips' power is that of the temperature at its start, so the
thermal step is exact for it; leakage that changes on the way is caught up with in the next step. Steps of a second or so do.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hw.machine_design import MachineDesign
from hw.operating_point import OperatingPoint, Setting, point_at
from hw.protection import Protection, ProtectionState, protect, slowed_mhz
from hw.thermal import TwoTemperatures


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What does not change during a step: the machine, what is set, the firmware's rule against heat, the inlet air [°C]."""

    design: MachineDesign
    setting: Setting
    rule: Protection
    ambient_c: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningState:
    """Temperatures [°C], what the protection does, and the energy [J, boundary "wall"] and double hashes so far."""

    temperatures: TwoTemperatures
    protection: ProtectionState = field(default_factory=ProtectionState)
    energy_j: float = 0.0
    hashes: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One step: the state after it, and what was drawn [W, boundary "wall"] and hashed [H/s] during it.

    `point` is None while the machine rests for heat.
    """

    state: RunningState
    wall_power_w: float
    hashrate_hps: float
    point: OperatingPoint | None


def cold(ambient_c: float) -> RunningState:
    """Return the state of a machine that has stood long in `ambient_c` [°C]."""
    return RunningState(temperatures=TwoTemperatures(ambient_c, ambient_c))


def advance(situation: Situation, state: RunningState, duration_s: float) -> Moment:
    """Return what `duration_s` [s] of `situation` make of `state`.

    A machine that rests for heat has its fans at full speed and nothing but its control board to feed.

    Raises
    ------
    OperatingPointError
        If the clock has no voltage.
    ModelError
        If the duration is negative.
    """
    design, rule = situation.design, situation.rule
    point = _point(situation, state) if state.protection.hashing else None
    if point is None:
        fan_speed, chip_w, rate_hps = 1.0, 0.0, 0.0
        wall_w = design.build.supply.input_w(design.build.overhead_w) + design.build.fans.power_w(fan_speed)
    else:
        fan_speed, chip_w, rate_hps, wall_w = point.fan_speed, point.chip_power_w, point.hashrate_hps, point.wall_power_w
    temperatures = design.thermal_at(fan_speed).step(
        state.temperatures, power_w=chip_w, ambient_c=situation.ambient_c, duration_s=duration_s
    )
    sensed_c = temperatures.chip_c if rule.sensor == "chip" else temperatures.sink_c
    after = RunningState(
        temperatures=temperatures,
        protection=protect(rule, state.protection, sensed_c, duration_s),
        energy_j=state.energy_j + wall_w * duration_s,
        hashes=state.hashes + rate_hps * duration_s,
    )
    return Moment(state=after, wall_power_w=wall_w, hashrate_hps=rate_hps, point=point)


def _point(situation: Situation, state: RunningState) -> OperatingPoint:
    return point_at(
        situation.design,
        slowed_setting(situation.rule, state.protection, situation.setting),
        ambient_c=situation.ambient_c,
        chip_c=state.temperatures.chip_c,
        sink_c=state.temperatures.sink_c,
    )


def slowed_setting(rule: Protection, state: ProtectionState, setting: Setting) -> Setting:
    """Return `setting` as many steps slower as `state` says.

    A voltage that was set goes down with the clock, but never below half of itself.
    """
    if not state.steps:
        return setting
    voltage_v = setting.voltage_v
    if voltage_v is not None:
        voltage_v = max(voltage_v - state.steps * rule.voltage_step_v, voltage_v / 2)
    return replace(setting, frequency_mhz=slowed_mhz(rule, state, setting.frequency_mhz), voltage_v=voltage_v)
