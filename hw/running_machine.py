"""A machine that runs: what it is told, what breaks in it and how warm it gets, from one moment to the next.

It belongs to nobody's clock: whoever owns it says what time it is, and it catches up in steps short against its time constants.
Within a step power is constant, so energy and hashes are exact sums. Simulated devices, emulated ones and simulated fleets
are all this machine with different faces.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil
from typing import Final, NamedTuple

from hw.errors import FaultError
from hw.faults import FaultEvent, hazard, inject
from hw.faulty import FaultyPoint, failing_fans, faulty_at, resting_w
from hw.health import Health, restarted
from hw.machine_design import MachineDesign
from hw.modes import LUXOS_SLEEP, LUXOS_WAKE_FAST, STOCK_BOOT, Ramp, sleep_power_w
from hw.operating_point import Setting, operating_point, point_at
from hw.protection import LUXOS, Protection, ProtectionState, protect
from hw.reading import MachineState, Reading
from hw.thermal import TwoTemperatures
from hw.transient import slowed_setting
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


class _Flow(NamedTuple):
    """What flows during a step: watts at the wall and in the chips, hashes found and told a second, the fans' speed."""

    wall_w: float
    chip_w: float
    hps: float
    reported_hps: float
    fan_speed: float


@dataclass(slots=True)
class _Way:
    """A ramp under way: where it began, and when."""

    ramp: Ramp
    since_s: float
    before: _Flow


_NOTHING: Final = _Flow(0.0, 0.0, 0.0, 0.0, 0.0)


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
    flow: _Flow = _NOTHING
    point: FaultyPoint | None = None
    energy_j: float = 0.0
    hashes: float = 0.0


class RunningMachine:
    """One machine from `now_s` [s] on.

    Raises
    ------
    OperatingPointError
        If it is to begin warm and has no steady state in this air.
    FaultError
        If a fault is planned that there is not.
    """

    def __init__(self, plan: MachinePlan, now_s: float) -> None:
        self.plan = plan
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
        if not plan.warm:
            self._now.way = _Way(plan.boot, now_s, _NOTHING)
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
            self._now.curtailed = True
            self._now.way = _Way(self.plan.sleep, now_s, self._now.flow)

    def resume(self, now_s: float) -> None:
        """Wake up by the firmware's ramp."""
        self._catch_up(now_s)
        if self._now.curtailed:
            self._now.curtailed = False
            self._now.way = _Way(self.plan.wake, now_s, self._now.flow)

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
        now.way = _Way(self.plan.boot, now_s, _NOTHING)
        now.flow = self._flow()

    def _catch_up(self, now_s: float) -> None:
        now = self._now
        while now.time_s < now_s:
            strikes_s = self._began_s + self._faults[0].time_s if self._faults else now_s
            until_s = min(now_s, max(strikes_s, now.time_s))
            if until_s > now.time_s:
                steps = min(ceil((until_s - now.time_s) / STEP_S), MOST_STEPS)
                duration_s = (until_s - now.time_s) / steps
                for _ in range(steps):
                    self._step(duration_s)
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

    def _step(self, duration_s: float) -> None:
        now, rule = self._now, self.plan.rule
        now.flow = flow = self._flow()
        cooled = self.plan.design.with_fans(failing_fans(self.plan.design, now.health))
        now.temperatures = cooled.thermal_at(flow.fan_speed).step(
            now.temperatures, power_w=flow.chip_w, ambient_c=self.plan.ambient_c, duration_s=duration_s
        )
        sensed_c = now.temperatures.chip_c if rule.sensor == "chip" else now.temperatures.sink_c
        now.protection = protect(rule, now.protection, sensed_c, duration_s)
        now.energy_j += flow.wall_w * duration_s
        now.hashes += flow.hps * duration_s
        now.time_s += duration_s

    def _flow(self) -> _Flow:
        """Return what flows now: where the orders lead, or as far on the way there as the ramp is."""
        goal, way = self._goal(), self._now.way
        if way is None:
            return goal
        since_s = self._now.time_s - way.since_s
        if since_s >= way.ramp.settled_s or goal is _NOTHING:
            self._now.way = None
            return goal
        before, ramp = way.before, way.ramp
        return _Flow(
            wall_w=ramp.power_w(since_s, from_w=before.wall_w, to_w=goal.wall_w),
            chip_w=ramp.power_w(since_s, from_w=before.chip_w, to_w=goal.chip_w),
            hps=ramp.hashrate_hps(since_s, from_hps=before.hps, to_hps=goal.hps),
            reported_hps=ramp.hashrate_hps(since_s, from_hps=before.reported_hps, to_hps=goal.reported_hps),
            fan_speed=max(before.fan_speed, goal.fan_speed),
        )

    def _goal(self) -> _Flow:
        now, design = self._now, self.plan.design
        now.point = None
        if now.health.tripped or now.health.supply_dead:
            return _NOTHING
        if now.curtailed:
            return _Flow(sleep_power_w(design), 0.0, 0.0, 0.0, 0.0)
        cooled = design.with_fans(failing_fans(design, now.health))
        if not now.protection.hashing:
            return _Flow(resting_w(cooled), 0.0, 0.0, 0.0, 1.0)
        setting = slowed_setting(self.plan.rule, now.protection, now.setting)
        temperatures = now.temperatures
        point = point_at(cooled, setting, ambient_c=self.plan.ambient_c, chip_c=temperatures.chip_c, sink_c=temperatures.sink_c)
        now.point = found = faulty_at(cooled, setting, point, now.health)
        speed = point.fan_speed if found.chip_power_w > 0 else 0.0
        return _Flow(found.wall_power_w, found.chip_power_w, found.hashrate_hps, found.reported_hps, speed)

    def _state(self) -> MachineState:
        now = self._now
        if now.health.tripped or now.health.supply_dead:
            return MachineState.OFF
        if now.curtailed:
            return MachineState.CURTAILED if now.way is None else MachineState.STOPPING
        if not now.protection.hashing:
            return MachineState.OVERHEATED
        if now.health.hung:
            return MachineState.HUNG
        return MachineState.RUNNING if now.way is None else MachineState.STARTING
