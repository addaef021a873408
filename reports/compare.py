"""Hold an ensemble against the real chain: epoch by epoch, with the noise that both carry.

Observed figures come in here and go nowhere else; the simulated tables are finished before this runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import hypot
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gridsim.result import Replicate
from miner.retarget import next_nbits
from miner.units import HASHES_PER_EH
from reports.baselines import baseline_errors_pct, mape_pct
from reports.errors import ComparisonError
from reports.observed import INTERVALS_PER_SPAN, Observed, ObservedEpoch, change_pct, epoch_hashrate_hps

Floats = NDArray[np.float64]

EPOCH_NOISE: Final = 0.022  # 1/sqrt(2016): one sigma of the hash rate that one epoch shows
NOISE_PCT: Final = {"epoch_hashrate": 2.2, "difficulty_change": 3.1, "simulated_minus_observed_change": 4.4}
BAND: Final = (5.0, 95.0)  # percent: the 90 % range between


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochComparison:
    """One epoch, simulated and observed. Changes are those of the retarget that closes the epoch."""

    first_height: int
    first_unix_s: int
    simulated_ehps: float
    p05_ehps: float
    p95_ehps: float
    sd_ehps: float
    observed_ehps: float
    simulated_change_pct: float
    observed_change_pct: float
    z: float
    observed_interval_s: float
    simulated_interval_s: float
    interval_p05_s: float
    interval_p95_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The whole ensemble against the chain."""

    epochs: tuple[EpochComparison, ...]
    mape_hashrate_pct: float
    baselines: dict[str, float]
    slowest_observed_s: float
    slowest_simulated_s: tuple[float, float, float]

    def epoch_rows(self) -> list[dict[str, float]]:
        """Return the epochs as plain rows, every field."""
        return [asdict(epoch) for epoch in self.epochs]


@dataclass(frozen=True, slots=True)
class EpochMatrix:
    """Simulated epochs of all replicates that reached the end, in the order of `heights`.

    Shapes: `heights` int[epoch]; the others float64[replicate, epoch].
    """

    heights: list[int]
    hashrate_ehps: Floats
    interval_s: Floats
    change_pct: Floats


def epoch_matrix(replicates: Sequence[Replicate]) -> EpochMatrix:
    """Gather the epochs of the replicates that reached the end height."""
    complete = [replicate for replicate in replicates if replicate.reached_end]
    if not complete:
        raise ComparisonError("no replicate reached the end height before the cap; want a later cap_utc or a lower end_height")
    hashrate = [
        [epoch_hashrate_hps(epoch.nbits, epoch.span_s) / HASHES_PER_EH for epoch in replicate.epochs] for replicate in complete
    ]
    interval = [[epoch.span_s / INTERVALS_PER_SPAN for epoch in replicate.epochs] for replicate in complete]
    change = [
        [change_pct(epoch.nbits, next_nbits(epoch.nbits, epoch.span_s)) for epoch in replicate.epochs] for replicate in complete
    ]
    heights = [epoch.first_height for epoch in complete[0].epochs]
    return EpochMatrix(heights, np.array(hashrate), np.array(interval), np.array(change))


def compare(replicates: Sequence[Replicate], observed: Observed, start_hashrate_hps: float) -> Comparison:
    """Compare by height; raise ComparisonError where the chain holds no epoch of that height."""
    matrix = epoch_matrix(replicates)
    real = {epoch.first_height: epoch for epoch in observed.epochs}
    missing = [height for height in matrix.heights if height not in real]
    if missing:
        raise ComparisonError(
            f"the observed data hold no epoch from height {missing[0]}; want every epoch that the scenario simulates"
        )
    rows = tuple(_row(matrix, place, real[height]) for place, height in enumerate(matrix.heights))
    low, middle, high = np.percentile(matrix.interval_s.max(axis=1), (BAND[0], 50.0, BAND[1])).tolist()
    return Comparison(
        epochs=rows,
        mape_hashrate_pct=mape_pct(
            np.array([row.simulated_ehps for row in rows]), np.array([row.observed_ehps for row in rows])
        ),
        baselines=baseline_errors_pct(observed.only(matrix.heights), start_hashrate_hps),
        slowest_observed_s=max(row.observed_interval_s for row in rows),
        slowest_simulated_s=(low, middle, high),
    )


def _row(matrix: EpochMatrix, place: int, epoch: ObservedEpoch) -> EpochComparison:
    """Hold one epoch's replicates against the real epoch of the same height."""
    ehps, interval_s = matrix.hashrate_ehps[:, place], matrix.interval_s[:, place]
    median, spread = float(np.median(ehps)), float(np.std(ehps, ddof=1)) if len(ehps) > 1 else 0.0
    low, high = np.percentile(ehps, BAND).tolist()
    interval_low, interval_high = np.percentile(interval_s, BAND).tolist()
    observed_ehps = epoch.hashrate_hps / HASHES_PER_EH
    return EpochComparison(
        first_height=epoch.first_height,
        first_unix_s=epoch.first_unix_s,
        simulated_ehps=median,
        p05_ehps=low,
        p95_ehps=high,
        sd_ehps=spread,
        observed_ehps=observed_ehps,
        simulated_change_pct=float(np.median(matrix.change_pct[:, place])),
        observed_change_pct=epoch.change_pct,
        z=(observed_ehps - median) / hypot(spread, EPOCH_NOISE * median),
        observed_interval_s=epoch.interval_s,
        simulated_interval_s=float(np.median(interval_s)),
        interval_p05_s=interval_low,
        interval_p95_s=interval_high,
    )
