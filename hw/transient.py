"""A machine over time: temperatures move, firmware watches them, and power is constant within a step.

`advance` makes the next state from the last. Within a step the chips' power is that of the temperature at its start, so the
thermal step is exact for it; leakage that changes on the way is caught up with in the next step. Steps of a second or so do.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from hw.faulty import FaultyPoint, failing_fans, faulty_at, resting_w
from hw.health import Health, has_power
from hw.machine_design import MachineDesign
from hw.modes import boot_power_w, sleep_power_w
from hw.operating_point import Setting, point_at
from hw.protection import Protection, ProtectionState, protect, slowed_mhz
from hw.thermal import TwoTemperatures


class Order(StrEnum):
    """What a machine is told."""

    AT_WORK = "at work"
    ASLEEP = "asleep"
    DARK = "dark"
    """Nothing: it is without power."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What does not change during a step: machine, setting, firmware's rule against heat, inlet air [°C], health, order."""

    design: MachineDesign
    setting: Setting
    rule: Protection
    ambient_c: float
    health: Health
    order: Order = Order.AT_WORK


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningState:
    """Temperatures [°C], what the protection does, and the energy [J, boundary "wall"] and double hashes so far."""

    temperatures: TwoTemperatures
    protection: ProtectionState = field(default_factory=ProtectionState)
    energy_j: float = 0.0
    hashes: float = 0.0


class Flow(NamedTuple):
    """What flows during a step: watts at the wall and in the chips, hashes found and told a second, the fans' speed.

    Clock [MHz] and voltage [V] are those of the chips, 0 while they are not under voltage. `found` is None while the machine
    does not hash for an order, for heat or for want of power.
    """

    wall_w: float
    chip_w: float
    hps: float
    reported_hps: float
    fan_speed: float
    clock_mhz: float = 0.0
    voltage_v: float = 0.0
    found: FaultyPoint | None = None


NOTHING = Flow(0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One step: the state after it, and what flowed during it."""

    state: RunningState
    flow: Flow


def cold(ambient_c: float) -> RunningState:
    """Return the state of a machine that has stood long in `ambient_c` [°C]."""
    return RunningState(temperatures=TwoTemperatures(ambient_c, ambient_c))


def advance(situation: Situation, state: RunningState, duration_s: float) -> Moment:
    """Return what `duration_s` [s] of `situation` make of `state`.

    Raises
    ------
    OperatingPointError
        If the clock has no voltage.
    ModelError
        If the duration is negative.
    """
    flow = flow_of(situation, state.temperatures, state.protection)
    temperatures, protection = after(situation, flow, state.temperatures, state.protection, duration_s)
    energy_j = state.energy_j + flow.wall_w * duration_s
    hashes = state.hashes + flow.hps * duration_s
    return Moment(
        state=RunningState(temperatures=temperatures, protection=protection, energy_j=energy_j, hashes=hashes), flow=flow
    )


def flow_of(situation: Situation, temperatures: TwoTemperatures, protection: ProtectionState) -> Flow:
    """Return what flows in a machine at `temperatures`.

    One that rests for heat has its fans at full speed and nothing but its control board to feed.

    Raises
    ------
    OperatingPointError
        If the clock has no voltage.
    """
    design, health = situation.design, situation.health
    if situation.order == Order.DARK or not has_power(health):
        return NOTHING
    if situation.order == Order.ASLEEP:
        return NOTHING._replace(wall_w=sleep_power_w(design))
    cooled = design.with_fans(failing_fans(design, health))
    if not protection.hashing:
        return NOTHING._replace(wall_w=resting_w(cooled), fan_speed=1.0)
    setting = slowed_setting(situation.rule, protection, situation.setting)
    point = point_at(cooled, setting, ambient_c=situation.ambient_c, chip_c=temperatures.chip_c, sink_c=temperatures.sink_c)
    found = faulty_at(cooled, setting, point, health)
    flow = Flow(found.wall_power_w, found.chip_power_w, found.hashrate_hps, found.reported_hps, 0.0, found=found)
    if found.chip_power_w <= 0:
        return flow
    return flow._replace(fan_speed=point.fan_speed, clock_mhz=point.frequency_mhz, voltage_v=point.voltage_v)


def booting(design: MachineDesign) -> Flow:
    """Return what flows in a machine whose control board boots: its chips have not started.

    The watts say which fans turn then: none in those of a sleeper, and that of the board where they hold it.
    """
    build = design.build
    speed = 0.0 if build.rated_at == "wall" else build.fan_speed
    return NOTHING._replace(wall_w=boot_power_w(design), fan_speed=speed)


def after(
    situation: Situation, flow: Flow, temperatures: TwoTemperatures, protection: ProtectionState, duration_s: float
) -> tuple[TwoTemperatures, ProtectionState]:
    """Return temperatures and protection after `duration_s` [s] of `flow`.

    Raises
    ------
    ModelError
        If the duration is negative.
    """
    cooled = situation.design.with_fans(failing_fans(situation.design, situation.health))
    warmed = cooled.thermal_at(flow.fan_speed).step(
        temperatures, power_w=flow.chip_w, ambient_c=situation.ambient_c, duration_s=duration_s
    )
    sensed_c = warmed.chip_c if situation.rule.sensor == "chip" else warmed.sink_c
    return warmed, protect(situation.rule, protection, sensed_c, duration_s)


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
