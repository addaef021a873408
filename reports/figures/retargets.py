"""Every retarget: simulated change of difficulty beside the real one, with the noise of both."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from reports.compare import NOISE_PCT
from reports.figures.data import RunTables
from reports.figures.style import BLACK, BLUE, VERMILION, new_figure

WIDTH = 0.38


def draw(tables: RunTables) -> Figure:
    """Return the figure; without a comparison, an empty one that says so."""
    figure, axes = new_figure("Change of difficulty at the end of each epoch", "change of difficulty (%)")
    comparison = tables.comparison
    if comparison is None:
        axes.text(0.5, 0.5, "this scenario names no history to compare with", ha="center", transform=axes.transAxes)
        return figure
    heights = comparison["first_height"].to_numpy()
    places = np.arange(len(heights))
    noise = NOISE_PCT["difficulty_change"]
    error = {"ecolor": BLACK, "elinewidth": 0.8, "capsize": 2}
    axes.bar(places - WIDTH / 2, comparison["simulated_change_pct"].to_numpy(), WIDTH, color=BLUE, label="simulated, median")
    axes.bar(
        places + WIDTH / 2,
        comparison["observed_change_pct"].to_numpy(),
        WIDTH,
        yerr=noise,
        color=VERMILION,
        error_kw=error,
        label=f"real chain (± {noise} %: the counting noise of two epochs)",
    )
    axes.axhline(0, color=BLACK, linewidth=0.8)
    axes.set_xticks(places, [f"{height:,}" for height in heights], rotation=45, ha="right", fontsize=8)
    axes.set_xlabel("first block of the epoch")
    axes.legend(loc="lower right", fontsize=8, frameon=False)
    return figure
