"""What a replicate leaves behind: plain frozen data that travels between processes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridsim.network import Epoch
from gridsim.recorder import Series
from gridsim.world import LoggedEvent

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The whole story of one replicate: series, blocks and events.

    `block_times_s` float64[block] from the start block on; `block_nbits` uint32[block]; `end_s` is the last block's time.
    """

    series: Series
    block_times_s: Floats
    block_nbits: NDArray[np.uint32]
    events: tuple[LoggedEvent, ...]
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CutEffect:
    """What the cut did to one replicate: with it against without it, on the same random numbers.

    `power_cut_w` [W] and `energy_withheld_j` [J] are the region's, at the site meter; the hash rates [H/s] are the
    network's, with the cut, in the windows before and after it.
    """

    power_cut_w: float
    energy_withheld_j: float
    hashrate_before_hps: float
    hashrate_after_hps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicate:
    """One replicate's result.

    `network_hps` float64[hour] is the mean hash rate of each whole hour; `without_cut_hps` the same without the cut
    (None if the scenario asks no question). `trace` is there for those replicates that were asked for it.
    """

    index: int
    draws: dict[str, float]
    epochs: tuple[Epoch, ...]
    network_hps: Floats
    without_cut_hps: Floats | None
    cut: CutEffect | None
    trace: Trace | None
    end_s: float
    end_height: int
    reached_end: bool
