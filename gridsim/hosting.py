"""Hosts abroad: so many watts now, more each month, filled first by new machines and then by those that moved."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gridsim.fleet import Fleet
from gridsim.quantity import resolve
from gridsim.scenario import Scenario
from gridsim.units import S_PER_MONTH
from hw.units import W_PER_GW

Floats = NDArray[np.float64]


class Hosts:
    """Powered racks by region; machines that find none wait in line.

    Capacity is what the host regions draw at the start plus headroom; its growth, split by host weight, speeds up
    linearly from the starting to the full pace over the ramp.
    """

    def __init__(self, scenario: Scenario, draws: Mapping[str, float], fleet: Fleet) -> None:
        hosting = scenario.hosting
        weights = np.array([share.host_weight for share in scenario.shares])
        self._weights: Floats = weights / weights.sum() if weights.any() else weights
        self._fleet = fleet
        self._start_w_per_s = resolve(hosting.growth_start_gw_per_month, draws) * W_PER_GW / S_PER_MONTH
        self._full_w_per_s = resolve(hosting.growth_full_gw_per_month, draws) * W_PER_GW / S_PER_MONTH
        self._ramp_from_s = scenario.clock.seconds(hosting.ramp_from)
        self._ramp_s = hosting.ramp_months * S_PER_MONTH
        is_host = self._weights > 0
        self.capacity_w: Floats = np.where(is_host, fleet.installed_power_w(), 0.0)
        self.capacity_w += self._weights * resolve(hosting.headroom_gw, draws) * W_PER_GW
        self.waiting: deque[Floats] = deque()

    def pace_w_per_s(self, time_s: float) -> float:
        """Return how fast hosts grow at `time_s` [W/s], all regions together."""
        done = min(max((time_s - self._ramp_from_s) / self._ramp_s, 0.0), 1.0)
        return self._start_w_per_s + done * (self._full_w_per_s - self._start_w_per_s)

    def grow(self, time_s: float, duration_s: float) -> None:
        """Add the racks built in the `duration_s` [s] before `time_s`, at the pace of their middle."""
        self.capacity_w += self._weights * self.pace_w_per_s(time_s - duration_s / 2) * duration_s

    def arrive(self, machines: Floats, *, first: bool = False) -> None:
        """Put a consignment, float64[cohort], at the end of the line, or `first` if its rack was booked ahead."""
        if first:
            self.waiting.appendleft(machines)
        else:
            self.waiting.append(machines)

    def plug_in(self) -> bool:
        """Give racks to those in line as far as the free watts go; return whether any machine started."""
        free_w = self._free_w()
        started = False
        while self.waiting and free_w.sum() > 0:
            machines = self.waiting.popleft()
            wanted_w = float(machines @ self._fleet.site_power_w)
            fits = min(1.0, float(free_w.sum()) / wanted_w) if wanted_w > 0 else 1.0
            split = free_w / free_w.sum()
            self._fleet.active += split[:, None] * (machines * fits)[None, :]
            started = True
            if fits < 1.0:
                self.waiting.appendleft(machines * (1 - fits))
                break
            free_w = free_w - split * wanted_w
        return started

    def _free_w(self) -> Floats:
        free: Floats = np.where(self._weights > 0, np.maximum(self.capacity_w - self._fleet.installed_power_w(), 0.0), 0.0)
        return free
