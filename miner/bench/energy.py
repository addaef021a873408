"""Joules a hash: one contiguous window at work and one idle, read at their ends from a meter that adds up energy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import hypot, isfinite
from typing import NamedTuple

from miner.bench.sampling import Clock, Sample
from miner.bench.settings import BenchSettings
from miner.errors import EnergyError
from miner.meter import EnergyMeter
from miner.units import HASHES_PER_MH, HASHES_PER_TH

WINDOW_S = 20.0  # counters that tick every 100 ms are then read to half a percent
IDLE_S = 10.0
SETTLE_S = 2.0  # boards tell a mean over their last second (`hw.meters.nvml`), which must not hold the work before
WARMUP_S = 3.0  # until clocks have risen, and that second holds nothing but work
EDGE_S = 0.001  # assumed: meter and clock are read one after the other, and other work may come between
NOISE_Z = 3.29  # standard deviations; noise alone looks like a net in one measurement of 1,000


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyPlan:
    """The meter to read, how long to work, idle, settle and warm up [s], and how to tell time and let it pass."""

    meter: EnergyMeter
    clock: Clock
    sleep: Callable[[float], None]
    window_s: float = WINDOW_S
    idle_s: float = IDLE_S
    settle_s: float = SETTLE_S
    warmup_s: float = WARMUP_S

    def window_of(self, settings: BenchSettings, seconds: float) -> BenchSettings:
        """Return `settings` for one sample of `seconds` [s]."""
        return replace(settings, seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Mean power [W] at work and idle, the joules and hashes of the window, and what the watts hold, in words and in one.

    `resolution_w` [W] is the smallest difference between the two powers that the meter can tell, by its steps and its noise.
    """

    source: str
    boundary: str
    boundary_kind: str
    kind: str
    window_s: float
    idle_window_s: float
    mean_w: float
    idle_w: float
    resolution_w: float
    hashes: int
    energy_j: float

    @property
    def net_is_within_resolution(self) -> bool:
        """Whether work drew no more, nor less, than the meter can tell from idling: its net is then no number but 0."""
        return abs(self.mean_w - self.idle_w) <= self.resolution_w

    def j_per_mh(self, *, net: bool) -> float:
        """Return joules a million hashes, gross, or net of idle power."""
        return self._joules(net=net) / self.hashes * HASHES_PER_MH

    def j_per_th(self, *, net: bool) -> float:
        """Return joules a 10^12 hashes, gross, or net of idle power."""
        return self._joules(net=net) / self.hashes * HASHES_PER_TH

    def _joules(self, *, net: bool) -> float:
        return self.energy_j - self.idle_w * self.window_s if net else self.energy_j


def measure_energy(plan: EnergyPlan, work: Callable[[float], Sample]) -> Energy:
    """Settle and idle for a window, then warm up by `work` and at once let it run for a window; `work` gets seconds.

    Raises
    ------
    EnergyError
        If the meter tells an energy that falls or is no number, or none at all for the work.
    OSError
        If the meter cannot be read.
    """
    meter, counter = plan.meter, _Counter(plan)
    plan.sleep(plan.settle_s)
    start = counter.read()
    plan.sleep(plan.idle_s)
    idle = counter.since(start)
    if plan.warmup_s:
        work(plan.warmup_s)
    start = counter.read()
    sample = work(plan.window_s)
    worked = counter.since(start)
    if worked.energy_j == 0:
        stood = f"the counter did not move from {start.energy_j:g} J in {worked.time_s:.1f} s of work"
        raise EnergyError(f"{meter.source}: {stood}; want one that counts")
    return Energy(
        source=meter.source,
        boundary=meter.boundary,
        boundary_kind=meter.boundary_kind,
        kind=meter.kind,
        window_s=worked.time_s,
        idle_window_s=idle.time_s,
        mean_w=worked.power_w,
        idle_w=idle.power_w,
        resolution_w=_resolution_w(plan, idle, worked),
        hashes=sample.hashes,
        energy_j=worked.energy_j,
    )


class _Reading(NamedTuple):
    """A moment [s] and the energy until then [J], or the time between two moments and the energy drawn meanwhile."""

    time_s: float
    energy_j: float

    @property
    def power_w(self) -> float:
        """Mean power [W] of the time between two moments."""
        return self.energy_j / self.time_s


class _Counter:
    """A plan's meter, no reading of which is taken unseen."""

    def __init__(self, plan: EnergyPlan) -> None:
        self._plan = plan
        self._last_j = 0.0  # as the meter was opened

    def read(self) -> _Reading:
        """Return what it tells now; raise EnergyError if that cannot be."""
        now = _Reading(self._plan.clock(), self._plan.meter.energy_j())
        if not isfinite(now.energy_j):
            raise EnergyError(f"{self._plan.meter.source}: {now.energy_j} J was read; want a finite number")
        if now.energy_j < self._last_j:
            fell = f"the energy fell from {self._last_j} J to {now.energy_j} J"
            raise EnergyError(f"{self._plan.meter.source}: {fell}; want one that never falls: was its counter reset?")
        self._last_j = now.energy_j
        return now

    def since(self, start: _Reading) -> _Reading:
        """Return the time and the energy from `start` until now."""
        now = self.read()
        return _Reading(now.time_s - start.time_s, now.energy_j - start.energy_j)


def _resolution_w(plan: EnergyPlan, idle: _Reading, worked: _Reading) -> float:
    """Return the smallest difference [W] between the two windows' powers that the plan's meter can tell.

    Steps in time blur the ends of both windows, and what a meter tells late their beginnings, unless that was waited for.
    """
    told, blurred, noises_w = plan.meter.resolution, 0.0, []
    for window, waited_s in ((idle, plan.settle_s), (worked, plan.warmup_s)):
        blurred += (told.step_s + EDGE_S + max(0.0, told.late_s - waited_s)) / window.time_s
        noises_w.append(told.noise_of_mean_w(window.time_s))
    return told.step_w + worked.power_w * blurred + NOISE_Z * hypot(*noises_w)
