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
from hw.faulty import failing_fans
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
from hw.transient import Flow, Order, Situation, after, booting, flow_of
from hw.tuner import Caps, grid, tune
from hw.ways import Way, Ways

__all__ = ["MachinePlan", "MachineState", "Reading", "RunningMachine"]

STEP_S: Final = 1.0  # short against heatsinks (minutes), and what their neighbours' leakage changes in
MOST_STEPS: Final = 3600  # of one catching up; longer absences are caught up in longer steps
TUNE_STEP_MHZ: Final = 5.0  # MHz, as finely as an autotuner looks
TUNE_SPAN: Final = (0.4, 1.2)  # parts of the nominal clock


@dataclass(frozen=True, slots=True, kw_only=True)
class MachinePlan:
    """A machine and its surroundings: design, health at the start, the firmware's rule and ramps, air [°C], faults to come.

    It begins at the clock `frequency_mhz` [MHz]; None for its nominal one.
    """

    design: MachineDesign
    health: Health
    frequency_mhz: float | None = None
    rule: Protection = LUXOS
    ambient_c: float = 25.0
    boot: Ramp = STOCK_BOOT
    sleep: Ramp = LUXOS_SLEEP
    wake: Ramp = LUXOS_WAKE_FAST
    faults: tuple[FaultEvent, ...] = ()
    warm: bool = True  # begins in its steady state, and not cold with a boot before it


@dataclass(slots=True)
class _Now:
    """What changes."""

    time_s: float
    temperatures: TwoTemperatures
    health: Health
    setting: Setting
    protection: ProtectionState = field(default_factory=ProtectionState)
    curtailed: bool = False
    ways: Ways = field(default_factory=Ways)
    energy_j: float = 0.0
    hashes: float = 0.0


class RunningMachine:
    """One machine from `now_s` [s] on; `stepper` takes it through time, compiled where one wants that quickly.

    While its controller hangs, orders are lost on it; a restart is not, since that is the switch at its plug.

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
        setting = Setting(frequency_mhz=plan.frequency_mhz or plan.design.build.frequency_mhz)
        temperatures = TwoTemperatures(plan.ambient_c, plan.ambient_c)
        if plan.warm:
            point = operating_point(plan.design, setting, plan.ambient_c)
            temperatures = TwoTemperatures(point.chip_c, point.sink_c)
        self._now = _Now(time_s=now_s, temperatures=temperatures, health=plan.health, setting=setting)
        self._motion_of(self._condition())  # which raises where it could not move
        if not plan.warm:
            self._boot(now_s)

    def read(self, now_s: float) -> Reading:
        """Catch up to `now_s` [s] and tell; a time that is past changes nothing.

        Clock and voltage are those that the chips have: 0 before they start, while they rest and while they sleep.
        """
        self._catch_up(now_s)
        now, flow = self._now, self._flow()
        fans = failing_fans(self.plan.design, now.health)
        turning = fans.count - fans.failed
        found = flow.found if flow.clock_mhz > 0 else None
        return Reading(
            time_s=now.time_s,
            state=self._state(),
            hashrate_hps=flow.hps,
            reported_hps=flow.reported_hps,
            wall_power_w=flow.wall_w,
            energy_j=now.energy_j,
            hashes=now.hashes,
            chip_c=now.temperatures.chip_c,
            sink_c=now.temperatures.sink_c,
            ambient_c=self.plan.ambient_c,
            fan_rpm=(fans.rpm(flow.fan_speed),) * turning + (0.0,) * fans.failed,
            frequency_mhz=flow.clock_mhz,
            voltage_v=flow.voltage_v,
            error_rate=found.error_rate if found is not None else 0.0,
            extrapolated=found is not None and found.point is not None and found.point.extrapolated,
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
        if self._hears():
            self._now.setting = setting

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
        """Go to sleep by the firmware's ramp; a boot goes on meanwhile."""
        self._catch_up(now_s)
        if not self._now.curtailed and self._hears():
            self._turn(self.plan.sleep, now_s)

    def resume(self, now_s: float) -> None:
        """Wake up by the firmware's ramp, but no faster than the boot that it may be in."""
        self._catch_up(now_s)
        if self._now.curtailed and self._hears():
            self._turn(self.plan.wake, now_s)

    def break_down(self, name: str, now_s: float, unit: int = 0) -> None:
        """Let the fault called `name` strike now; raise FaultError if there is none, or no such unit."""
        self._catch_up(now_s)
        self._now.health = inject(self._now.health, name, unit=unit, fans=self.plan.design.build.fans.count)

    def restart(self, now_s: float) -> None:
        """Switch it off and on: trips, hangs and silence are over, and it boots."""
        self._catch_up(now_s)
        now = self._now
        now.health, now.protection, now.curtailed = restarted(now.health), ProtectionState(), False
        self._boot(now_s)

    def _boot(self, now_s: float) -> None:
        self._now.ways = Ways(boot=Way(self.plan.boot, now_s, booting(self.plan.design)))

    def _turn(self, ramp: Ramp, now_s: float) -> None:
        """Fall asleep or wake up by `ramp`, from what flows now."""
        now = self._now
        before = self._flow()
        now.curtailed, now.ways.turn = not now.curtailed, Way(ramp, now_s, before)

    def _hears(self) -> bool:
        """Tell whether its controller carries out orders."""
        return not self._now.health.hung

    def _catch_up(self, now_s: float) -> None:
        now = self._now
        while now.time_s < now_s:
            strikes_s = self._began_s + self._faults[0].time_s if self._faults else now_s
            until_s = min(now_s, max(strikes_s, now.time_s))
            if self._is_on_the_way():  # however long it was left alone, in short steps until it is there
                until_s = min(until_s, now.time_s + STEP_S * ceil((now.ways.until_s() - now.time_s) / STEP_S))
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

    def _steps(self, steps: int, duration_s: float) -> None:
        """Take so many steps: one by one while a ramp is under way, then all at once."""
        while steps and self._is_on_the_way():
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
        now, goal = self._now, self._goal()
        flow = goal
        if self._is_on_the_way():
            flow = now.ways.mean_flow(goal, now.time_s, duration_s, asleep=now.curtailed)
        now.temperatures, now.protection = after(self._situation(), flow, now.temperatures, now.protection, duration_s)
        now.energy_j += flow.wall_w * duration_s
        now.hashes += flow.hps * duration_s
        now.time_s += duration_s

    def _flow(self) -> Flow:
        """Return what flows now: where the orders lead, or as far on the way there as it is."""
        now, goal = self._now, self._goal()
        return now.ways.flow(goal, now.time_s, asleep=now.curtailed) if self._is_on_the_way() else goal

    def _goal(self) -> Flow:
        return flow_of(self._situation(), self._now.temperatures, self._now.protection)

    def _is_on_the_way(self) -> bool:
        """Tell whether a boot or a ramp is under way; without power there is none."""
        now = self._now
        if not has_power(now.health):
            now.ways = Ways()
        return now.ways.settle(now.time_s)

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
            return MachineState.CURTAILED if now.ways.turn is None else MachineState.STOPPING
        if not now.protection.hashing:
            return MachineState.OVERHEATED
        if now.health.hung:
            return MachineState.HUNG
        return MachineState.STARTING if self._is_on_the_way() else MachineState.RUNNING
