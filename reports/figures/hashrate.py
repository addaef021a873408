"""The network's hash rate: band, median and one run against what the real chain shows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from miner.units import HASHES_PER_EH
from reports.compare import EPOCH_NOISE
from reports.figures.data import RunTables
from reports.figures.outline import VISIBLE, outline
from reports.figures.standing import standing_of_run_0
from reports.figures.style import BLUE, GREEN, SKY, VERMILION, mark, new_figure, utc_axis


def draw(tables: RunTables) -> Figure:
    """Return the figure; observed epochs are drawn where a comparison table is there."""
    figure, axes = new_figure("Hash rate of the network", "hash rate (EH/s)")
    network = tables.network
    hours = network["time_utc"].to_numpy()
    columns = ("p05_hps", "p95_hps", "p50_hps", "hashrate_hps", "without_cut_p50_hps")
    low, high, middle, single, spared = (network[name].to_numpy() / HASHES_PER_EH for name in columns)
    tolerance = VISIBLE * float(high.max())
    times, edges = outline(hours, np.column_stack([low, high]), tolerance)
    axes.fill_between(times, *edges.T, color=SKY, alpha=0.35, linewidth=0, label="simulated, 90 % of the runs")
    axes.plot(*outline(hours, middle, tolerance), color=BLUE, linewidth=2, label="simulated, median")
    standing = standing_of_run_0(tables.epochs)
    label = "run 0" if standing is None else f"run 0, {standing.words}"
    axes.plot(*outline(hours, single, tolerance), color=BLUE, linewidth=0.7, alpha=0.7, label=label)
    if np.isfinite(spared).any():
        label = "median of the same worlds without the cut"
        axes.plot(*outline(hours, spared, tolerance), color=GREEN, linewidth=1.2, linestyle="--", label=label)
    if tables.comparison is not None:
        _observed(axes, tables.comparison)
    axes.set_ylim(bottom=0)
    mark(axes, tables.marks)
    axes.legend(loc="lower right", fontsize=8, frameon=False, ncols=2)
    utc_axis(axes)
    return figure


def _observed(axes: Axes, comparison: pa.Table) -> None:
    """Draw each real epoch as a bar of its own length, with its counting error."""
    firsts = comparison["first_time_utc"].to_numpy()
    spans = comparison["observed_interval_s"].to_numpy() * 2015
    lasts = firsts + (spans * 1000).astype("timedelta64[ms]")
    rates = comparison["observed_ehps"].to_numpy()
    for number, (first, last, rate) in enumerate(zip(firsts, lasts, rates, strict=True)):
        label = "real chain, epoch by epoch (± 2.2 %)" if number == 0 else None
        axes.plot([first, last], [rate, rate], color=VERMILION, linewidth=2.2, label=label)
        axes.fill_between(
            [first, last], rate * (1 - EPOCH_NOISE), rate * (1 + EPOCH_NOISE), color=VERMILION, alpha=0.25, linewidth=0
        )
