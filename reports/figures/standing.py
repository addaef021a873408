"""Where run 0, the one that single lines show, stands among the runs."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

ROUNDING: Final = 1e-9  # a quantile of equal numbers may differ from them by its last bit


class Standing(NamedTuple):
    """Rank of run 0 by mean hash rate, 1 the lowest, among `runs` runs."""

    rank: int
    runs: int

    @property
    def words(self) -> str:
        """Say it, counted from the nearer end: "the 3rd lowest of 32 by mean hash rate"."""
        if self.runs == 1:
            return "the only run"
        from_the_top = self.runs + 1 - self.rank
        if self.rank == from_the_top:
            return f"the middle one of {self.runs} by mean hash rate"
        place, end = (self.rank, "lowest") if self.rank < from_the_top else (from_the_top, "highest")
        return f"the {'' if place == 1 else ordinal(place) + ' '}{end} of {self.runs} by mean hash rate"


def standing_of_run_0(epochs: pa.Table) -> Standing | None:
    """Return it from the epochs that all runs finished, each weighted by its length; None where there are none."""
    first, replicate = epochs["first_height"].to_numpy(), epochs["replicate"].to_numpy()
    runs = np.unique(replicate)
    heights, counts = np.unique(first, return_counts=True)
    shared = np.isin(first, heights[counts == len(runs)])
    if 0 not in runs or not shared.any():
        return None
    rate, span = epochs["hashrate_hps"].to_numpy(), epochs["span_s"].to_numpy()
    rows = [shared & (replicate == run) for run in runs]
    means = np.array([np.average(rate[mine], weights=span[mine]) for mine in rows])
    return Standing(1 + int((means < means[runs == 0]).sum()), len(runs))


def outside_band_pct(network: pa.Table) -> tuple[float, float]:
    """Return in how many of the hours [%] run 0 lies below the 90 % range and in how many above it."""
    rate, low, high = (network[name].to_numpy() for name in ("hashrate_hps", "p05_hps", "p95_hps"))
    below, above = rate < low * (1 - ROUNDING), rate > high * (1 + ROUNDING)
    return float(below.mean() * 100), float(above.mean() * 100)


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th, 11th, 21st, ..."""
    teen = number % 100 in {11, 12, 13}
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
