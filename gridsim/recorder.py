"""Event-exact series: what each region drew and hashed, as constants between the moments at which it changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridsim.units import S_PER_HOUR

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Series:
    """Piecewise-constant series of all regions; segment i holds from `edges_s[i]` to `edges_s[i + 1]`.

    Shapes: `edges_s` float64[segment + 1]; `hashrate_hps`, `power_w` and `powered` float64[segment, region].
    """

    edges_s: Floats
    hashrate_hps: Floats
    power_w: Floats
    powered: Floats

    def mean(self, values: Floats, edges_s: Floats) -> Floats:
        """Return the exact mean of `values` (float64[segment] or [segment, region]) between neighbours of `edges_s`."""
        durations = np.diff(self.edges_s)
        columns = values.reshape(len(durations), -1)
        total = np.concatenate([np.zeros((1, columns.shape[1])), np.cumsum(columns * durations[:, None], axis=0)])
        at_edges = np.stack([np.interp(edges_s, self.edges_s, total[:, k]) for k in range(total.shape[1])], axis=1)
        means: Floats = (np.diff(at_edges, axis=0) / np.diff(edges_s)[:, None]).astype(np.float64)
        return means if values.ndim > 1 else means[:, 0]

    def window_mean(self, values: Floats, from_s: float, to_s: float) -> float:
        """Return the exact mean of one series, float64[segment], between two moments."""
        return float(self.mean(values, np.array([from_s, to_s]))[0])

    def at(self, values: Floats, time_s: float) -> float:
        """Return the value of one series at `time_s` (from the right, as a meter read just after a switch)."""
        place = int(np.searchsorted(self.edges_s, time_s, side="right")) - 1
        return float(values[min(max(place, 0), len(values) - 1)])

    def hour_edges_s(self, end_s: float) -> Floats:
        """Return whole hours from 0 up to `end_s`."""
        return np.arange(int(end_s // S_PER_HOUR) + 1, dtype=np.float64) * S_PER_HOUR


class Recorder:
    """Observer of a world: keeps one segment for each stretch without change."""

    def __init__(self) -> None:
        self._edges_s: list[float] = [0.0]
        self._rows: list[tuple[Floats, Floats, Floats]] = []

    def observe(self, to_s: float, hashrate_hps: Floats, power_w: Floats, powered: Floats) -> None:
        """Note that these values, float64[region], held until `to_s` [s].

        An unchanged state comes as the same array object and stretches the last segment.
        """
        if self._rows and self._rows[-1][1] is power_w:
            self._edges_s[-1] = to_s
        else:
            self._rows.append((hashrate_hps, power_w, powered))
            self._edges_s.append(to_s)

    def series(self) -> Series:
        """Return what was seen so far."""
        hashrate, power, powered = (np.array([row[k] for row in self._rows]) for k in range(3))
        return Series(np.array(self._edges_s), hashrate, power, powered)
