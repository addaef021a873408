"""A machine that runs: what it is told, what breaks in it and how warm it gets, from one moment to the next.

It belongs to nobody's clock: whoever owns it says what time it is, and it catches up in steps short against its time constants.
Within a step power is constant, so energy and hashes are exact sums. Simulated devices, emulated ones and simulated fleets
are all this machine with different faces.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil
from typing import Final

from hw.errors import FaultError
from hw.faults import FaultEvent, hazard, inject
from hw.faulty import FaultyPoint, failing_fans
from hw.health import Health, has_power, restarted
from hw.machine_design import MachineDesign
from hw.modes import LUXOS_SLEEP, LUXOS_WAKE_FAST, STOCK_BOOT, Ramp
from hw.operating_point import Setting, operating_point, point_at
from hw.protection import LUXOS, Protection, ProtectionState
from hw.reading import MachineState, Reading
from hw.stepping.figures import Condition, motion
from hw.stepping.floats import Stepper, step_many
from hw.stepping.physics_text import Moving, Surroundings
from hw.thermal import TwoTemperatures
from hw.transient import NOTHING, Flow, Order, Situation, after, flow_of
from hw.tuner import Caps, grid, tune

__all__ = ["MachinePlan", "MachineState", "Reading", "RunningMachine"]

STEP_S: Final = 1.0  # short against heatsinks (minutes), and what their neighbours' leakage changes in
MOST_STEPS: Final = 3600  # of one catching up; longer absences are caught up in longer steps
TUNE_STEP_MHZ: Final = 5.0  # MHz, as finely as an autotuner looks
TUNE_SPAN: Final = (0.4, 1.2)  # parts of the nominal clock


@dataclass(frozen=True, slots=True, kw_only=True)
class MachinePlan:
    """A machine and its surroundings: design, health at the start, the firmware's rule and ramps, air [°C], faults to come."""

    design: MachineDesign
    health: Health
    rule: Protection = LUXOS
    ambient_c: float = 25.0
    boot: Ramp = STOCK_BOOT
    sleep: Ramp = LUXOS_SLEEP
    wake: Ramp = LUXOS_WAKE_FAST
    faults: tuple[FaultEvent, ...] = ()
    warm: bool = True  # begins in its steady state, and not cold with a boot before it


@dataclass(slots=True)
class _Way:
    """A ramp under way: where it began, and when."""

    ramp: Ramp
    since_s: float
    before: Flow


@dataclass(slots=True)
class _Now:
    """What changes."""

    time_s: float
    temperatures: TwoTemperatures
    health: Health
    setting: Setting
    protection: ProtectionState = field(default_factory=ProtectionState)
    curtailed: bool = False
    way: _Way | None = None
    flow: Flow = NOTHING
    point: FaultyPoint | None = None
    energy_j: float = 0.0
    hashes: float = 0.0


class RunningMachine:
    """One machine from `now_s` [s] on; `stepper` takes it through time, compiled where one wants that quickly.

    Raises
    ------
    OperatingPointError
        If it is to begin warm and has no steady state in this air.
    FaultError
        If a fault is planned that there is not.
    ModelError
        If it cannot be put into numbers (`hw.stepping.figures.motion`).
    """

    def __init__(self, plan: MachinePlan, now_s: float, stepper: Stepper = step_many) -> None:
        self.plan = plan
        self._stepper, self._motion_of = stepper, lru_cache(maxsize=1)(motion)
        self._began_s = now_s
        for event in plan.faults:
            hazard(event.name)  # which raises for a name that is none
        self._faults = sorted(plan.faults)
        setting = Setting(frequency_mhz=plan.design.build.frequency_mhz)
        temperatures = TwoTemperatures(plan.ambient_c, plan.ambient_c)
        if plan.warm:
            point = operating_point(plan.design, setting, plan.ambient_c)
            temperatures = TwoTemperatures(point.chip_c, point.sink_c)
        self._now = _Now(time_s=now_s, temperatures=temperatures, health=plan.health, setting=setting)
        self._motion_of(self._condition())  # which raises where it could not move
        if not plan.warm:
            self._now.way = _Way(plan.boot, now_s, NOTHING)
        self._now.flow = self._flow()

    def read(self, now_s: float) -> Reading:
        """Catch up to `now_s` [s] and tell; a time that is past changes nothing."""
        self._catch_up(now_s)
        self._now.flow = self._flow()
        now, build = self._now, self.plan.design.build
        fans = failing_fans(self.plan.design, now.health)
        turning = fans.count - fans.failed
        point = now.point.point if now.point is not None else None
        return Reading(
            time_s=now.time_s,
            state=self._state(),
            hashrate_hps=now.flow.hps,
            reported_hps=now.flow.reported_hps,
            wall_power_w=now.flow.wall_w,
            energy_j=now.energy_j,
            hashes=now.hashes,
            chip_c=now.temperatures.chip_c,
            sink_c=now.temperatures.sink_c,
            ambient_c=self.plan.ambient_c,
            fan_rpm=(fans.rpm(now.flow.fan_speed),) * turning + (0.0,) * fans.failed,
            frequency_mhz=now.setting.frequency_mhz if point is None else point.frequency_mhz,
            voltage_v=build.curve.voltage(now.setting.frequency_mhz).voltage_v if point is None else point.voltage_v,
            error_rate=now.point.error_rate if now.point is not None else 0.0,
            extrapolated=point.extrapolated if point is not None else False,
            health=now.health,
        )

    def set_frequency(self, frequency_mhz: float, now_s: float, *, voltage_v: float | None = None) -> None:
        """Set the clock [MHz], and the voltage [V] if not the curve's.

        Raises
        ------
        OperatingPointError
            If that cannot be a setting; the machine goes on as before.
        """
        self._catch_up(now_s)
        setting = Setting(frequency_mhz=frequency_mhz, voltage_v=voltage_v)
        point_at(self.plan.design, setting, ambient_c=self.plan.ambient_c, chip_c=self._now.temperatures.chip_c)
        self._now.setting = setting
        self._now.flow = self._flow()

    def set_power_target(self, power_w: float, now_s: float) -> None:
        """Tune it to the best J/TH of those settings that hash most within `power_w` [W] at the wall.

        Raises
        ------
        NoSettingError
            If no setting keeps that; the machine goes on as before.
        """
        nominal_mhz = self.plan.design.build.frequency_mhz
        clocks = grid(TUNE_SPAN[0] * nominal_mhz, TUNE_SPAN[1] * nominal_mhz, TUNE_STEP_MHZ)
        found = tune(self.plan.design, clocks, Caps(wall_power_w=power_w), self.plan.ambient_c, goal="hashrate")
        self.set_frequency(found.frequency_mhz, now_s)

    def curtail(self, now_s: float) -> None:
        """Go to sleep by the firmware's ramp."""
        self._catch_up(now_s)
        if not self._now.curtailed:
            before = self._flow()
            self._now.curtailed = True
            self._now.way = _Way(self.plan.sleep, now_s, before)

    def resume(self, now_s: float) -> None:
        """Wake up by the firmware's ramp."""
        self._catch_up(now_s)
        if self._now.curtailed:
            before = self._flow()
            self._now.curtailed = False
            self._now.way = _Way(self.plan.wake, now_s, before)

    def break_down(self, name: str, now_s: float, unit: int = 0) -> None:
        """Let the fault called `name` strike now; raise FaultError if there is none, or no such unit."""
        self._catch_up(now_s)
        self._now.health = inject(self._now.health, name, unit=unit, fans=self.plan.design.build.fans.count)
        self._now.flow = self._flow()

    def restart(self, now_s: float) -> None:
        """Switch it off and on: trips, hangs and silence are over, and it boots."""
        self._catch_up(now_s)
        now = self._now
        now.health, now.protection, now.curtailed = restarted(now.health), ProtectionState(), False
        now.way = _Way(self.plan.boot, now_s, NOTHING)
        now.flow = self._flow()

    def _catch_up(self, now_s: float) -> None:
        now = self._now
        while now.time_s < now_s:
            strikes_s = self._began_s + self._faults[0].time_s if self._faults else now_s
            until_s = min(now_s, max(strikes_s, now.time_s))
            if until_s > now.time_s:
                steps = min(ceil((until_s - now.time_s) / STEP_S), MOST_STEPS)
                duration_s = (until_s - now.time_s) / steps
                self._steps(steps, duration_s)
                now.time_s = until_s
            self._strike(until_s)

    def _strike(self, until_s: float) -> None:
        """Let the faults strike that are due."""
        while self._faults and self._began_s + self._faults[0].time_s <= until_s:
            event = self._faults.pop(0)
            fans = self.plan.design.build.fans.count
            with suppress(FaultError):  # what is broken already cannot break again
                self._now.health = inject(self._now.health, event.name, unit=event.unit, fans=fans)
            self._now.flow = self._flow()

    def _steps(self, steps: int, duration_s: float) -> None:
        """Take so many steps: one by one while a ramp is under way, then all at once."""
        while steps and self._now.way is not None:
            self._step(duration_s)
            steps -= 1
        if steps:
            self._leap(steps, duration_s)

    def _leap(self, steps: int, duration_s: float) -> None:
        now, plan = self._now, self.plan
        order = Surroundings(plan.ambient_c, float(not now.curtailed), float(now.curtailed))
        heat, watch = now.temperatures, now.protection
        moving = Moving(heat.chip_c, heat.sink_c, float(not watch.hashing), float(watch.steps), watch.for_s)
        own = self._motion_of(self._condition())
        machine = own.figures(duration_s), own.levels
        moving, energy_j, hashes = self._stepper(machine, moving, order, duration_s, steps)
        now.temperatures = TwoTemperatures(moving.chip_c, moving.sink_c)
        now.protection = ProtectionState(hashing=not moving.resting, steps=int(moving.slower), for_s=moving.for_s)
        now.energy_j += energy_j
        now.hashes += hashes
        now.time_s += steps * duration_s

    def _condition(self) -> Condition:
        now, plan = self._now, self.plan
        return Condition(design=plan.design, setting=now.setting, health=now.health, rule=plan.rule)

    def _step(self, duration_s: float) -> None:
        now = self._now
        now.flow = flow = self._flow()
        now.temperatures, now.protection = after(self._situation(), flow, now.temperatures, now.protection, duration_s)
        now.energy_j += flow.wall_w * duration_s
        now.hashes += flow.hps * duration_s
        now.time_s += duration_s

    def _flow(self) -> Flow:
        """Return what flows now: where the orders lead, or as far on the way there as the ramp is."""
        goal, way = self._goal(), self._now.way
        if way is None:
            return goal
        since_s = self._now.time_s - way.since_s
        if since_s >= way.ramp.settled_s or goal is NOTHING:
            self._now.way = None
            return goal
        before, ramp = way.before, way.ramp
        return Flow(
            wall_w=ramp.power_w(since_s, from_w=before.wall_w, to_w=goal.wall_w),
            chip_w=ramp.power_w(since_s, from_w=before.chip_w, to_w=goal.chip_w),
            hps=ramp.hashrate_hps(since_s, from_hps=before.hps, to_hps=goal.hps),
            reported_hps=ramp.hashrate_hps(since_s, from_hps=before.reported_hps, to_hps=goal.reported_hps),
            fan_speed=max(before.fan_speed, goal.fan_speed),
        )

    def _goal(self) -> Flow:
        now = self._now
        flow = flow_of(self._situation(), now.temperatures, now.protection)
        now.point = flow.found
        return flow

    def _situation(self) -> Situation:
        now, plan = self._now, self.plan
        return Situation(
            design=plan.design,
            setting=now.setting,
            rule=plan.rule,
            ambient_c=plan.ambient_c,
            health=now.health,
            order=Order.ASLEEP if now.curtailed else Order.AT_WORK,
        )

    def _state(self) -> MachineState:
        now = self._now
        if not has_power(now.health):
            return MachineState.OFF
        if now.curtailed:
            return MachineState.CURTAILED if now.way is None else MachineState.STOPPING
        if not now.protection.hashing:
            return MachineState.OVERHEATED
        if now.health.hung:
            return MachineState.HUNG
        return MachineState.RUNNING if now.way is None else MachineState.STARTING
