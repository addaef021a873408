"""Joules a hash: one contiguous window at work and one idle, read at their ends from a meter that adds up energy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from miner.bench.sampling import Clock, Sample
from miner.bench.settings import BenchSettings
from miner.meter import EnergyMeter
from miner.units import HASHES_PER_MH, HASHES_PER_TH

WINDOW_S = 20.0  # counters that tick every 100 ms are then read to half a percent
IDLE_S = 10.0
EDGE_S = 0.001  # assumed: meter and clock are read one after the other, and other work may come between


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyPlan:
    """The meter to read, how long to work and to idle [s], and how to tell time and let it pass.

    `step_w` [W] and `step_s` [s] are the meter's steps in power and in time: it tells no smaller difference.
    """

    meter: EnergyMeter
    clock: Clock
    sleep: Callable[[float], None]
    step_w: float = 0.0
    step_s: float = 0.0
    window_s: float = WINDOW_S
    idle_s: float = IDLE_S

    def window_of(self, settings: BenchSettings, seconds: float) -> BenchSettings:
        """Return `settings` for one sample of `seconds` [s]."""
        return replace(settings, seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Mean power [W] at work and idle, the joules and hashes of the window, and what the watts hold.

    `resolution_w` [W] is the smallest difference between the two powers that the meter can tell, by its steps.
    """

    source: str
    boundary: str
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
    """Idle for a window, then let `work` run for one; the caller has warmed up before."""
    meter = plan.meter
    idle_from_s, idle_from_j = plan.clock(), meter.energy_j()
    plan.sleep(plan.idle_s)
    idle_s, idle_j = plan.clock() - idle_from_s, meter.energy_j() - idle_from_j
    from_s, from_j = plan.clock(), meter.energy_j()
    sample = work(plan.window_s)
    window_s, energy_j = plan.clock() - from_s, meter.energy_j() - from_j
    mean_w = energy_j / window_s
    return Energy(
        source=meter.source,
        boundary=meter.boundary,
        kind=meter.kind,
        window_s=window_s,
        idle_window_s=idle_s,
        mean_w=mean_w,
        idle_w=idle_j / idle_s,
        resolution_w=plan.step_w + mean_w * (plan.step_s + EDGE_S) * (1 / window_s + 1 / idle_s),
        hashes=sample.hashes,
        energy_j=energy_j,
    )
