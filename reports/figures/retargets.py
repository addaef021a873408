"""Every retarget: simulated change of difficulty, with the real one beside it where there is one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from miner.retarget import next_nbits
from miner.target import NBits
from reports.compare import NOISE_PCT
from reports.figures.data import Floats, Heights, RunTables, epoch_band
from reports.figures.style import BLACK, BLUE, VERMILION, height_axis, new_figure
from reports.observed import change_pct

WIDTH = 0.38
_WHISKERS = {"ecolor": BLACK, "elinewidth": 0.8, "capsize": 2}


def draw(tables: RunTables) -> Figure:
    """Return the figure: pairs where there is a comparison, else what the ensemble gives alone."""
    figure, axes = new_figure("Change of difficulty at the end of each epoch", "change of difficulty (%)")
    heights = _draw_alone(axes, tables.epochs) if tables.comparison is None else _draw_pairs(axes, tables.comparison)
    axes.axhline(0, color=BLACK, linewidth=0.8)
    height_axis(axes, heights)
    axes.legend(loc="best", fontsize=8, frameon=False)
    return figure


def simulated_changes_pct(epochs: pa.Table) -> Floats:
    """Return the change of difficulty [%] that closes each epoch, in the order of the table's rows."""
    nbits, spans_s = epochs["nbits"].to_pylist(), epochs["span_s"].to_pylist()
    pairs = zip(map(NBits, nbits), spans_s, strict=True)
    return np.array([change_pct(target, next_nbits(target, span_s)) for target, span_s in pairs])


def _draw_pairs(axes: Axes, comparison: pa.Table) -> Heights:
    """Draw simulated and real bars side by side; return the heights."""
    heights: Heights = comparison["first_height"].to_numpy()
    places = np.arange(len(heights))
    noise = NOISE_PCT["difficulty_change"]
    axes.bar(places - WIDTH / 2, comparison["simulated_change_pct"].to_numpy(), WIDTH, color=BLUE, label="simulated, median")
    axes.bar(
        places + WIDTH / 2,
        comparison["observed_change_pct"].to_numpy(),
        WIDTH,
        yerr=noise,
        color=VERMILION,
        error_kw=_WHISKERS,
        label=f"real chain (± {noise} %: the counting noise of two epochs)",
    )
    return heights


def _draw_alone(axes: Axes, epochs: pa.Table) -> Heights:
    """Draw the ensemble's medians, with whiskers over its 90 % range; return the heights."""
    band = epoch_band(epochs, simulated_changes_pct(epochs))
    axes.bar(
        np.arange(len(band.heights)),
        band.middle,
        2 * WIDTH,
        yerr=(band.middle - band.low, band.high - band.middle),
        color=BLUE,
        error_kw=_WHISKERS,
        label="simulated, median and 90 % of the runs",
    )
    return band.heights
