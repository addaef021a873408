"""The tables of one run as figures want them: opened once, gathered by epoch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from reports.compare import BAND

Floats = NDArray[np.float64]
Heights = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTables:
    """What the figures draw from; `comparison` is None where the scenario names no history.

    `marks` are the moments worth a line: (UTC datetime, short label).
    """

    network: pa.Table
    regions: pa.Table
    epochs: pa.Table
    comparison: pa.Table | None
    marks: tuple[tuple[datetime, str], ...]


class EpochBand(NamedTuple):
    """One number of every epoch over the replicates: its 90 % range and its median, float64[epoch], by first height."""

    heights: Heights
    low: Floats
    middle: Floats
    high: Floats


def epoch_band(epochs: pa.Table, values: Floats) -> EpochBand:
    """Gather `values`, one for each row of the epochs table, by epoch."""
    first = epochs["first_height"].to_numpy()
    heights = np.unique(first)
    quantiles = np.array([np.percentile(values[first == height], (BAND[0], 50.0, BAND[1])) for height in heights])
    low, middle, high = quantiles.reshape(-1, 3).T
    return EpochBand(heights, low, middle, high)
