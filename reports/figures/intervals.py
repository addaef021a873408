"""How long a block takes, epoch by epoch: the ten minutes that the network aims at, and what it got."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from reports.figures.data import RunTables, epoch_band
from reports.figures.style import BLACK, BLUE, GREY, SKY, VERMILION, height_axis, new_figure

S_PER_MIN = 60
AIM_MIN = 10


def draw(tables: RunTables) -> Figure:
    """Return the figure from all replicates' epochs, and the real ones where there are any."""
    figure, axes = new_figure("Time between two blocks, mean of each epoch", "minutes a block")
    band = epoch_band(tables.epochs, tables.epochs["span_s"].to_numpy() / 2015 / S_PER_MIN)
    places = np.arange(len(band.heights))
    axes.fill_between(places, band.low, band.high, color=SKY, alpha=0.35, linewidth=0, label="simulated, 90 % of the runs")
    axes.plot(places, band.middle, color=BLUE, linewidth=2, marker="o", markersize=4, label="simulated, median")
    axes.axhline(AIM_MIN, color=GREY, linestyle="--", linewidth=1, label="ten minutes: what retargets aim at")
    if tables.comparison is not None:
        real = tables.comparison["observed_interval_s"].to_numpy() / S_PER_MIN
        axes.plot(places, real, color=VERMILION, linewidth=1.2, marker="s", markersize=5, label="real chain")
        slowest = int(np.argmax(real))
        axes.annotate(
            f"slowest real epoch: {real[slowest]:.2f} min",
            (slowest, real[slowest]),
            xytext=(14, 4),
            textcoords="offset points",
            fontsize=9,
            color=BLACK,
        )
    height_axis(axes, band.heights)
    axes.legend(loc="best", fontsize=8, frameon=False)
    return figure
