"""Power by region: the largest stacked, the rest together."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from hw.units import W_PER_GW
from reports.figures.data import RunTables
from reports.figures.outline import VISIBLE, outline
from reports.figures.standing import standing_of_run_0
from reports.figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, YELLOW, mark, new_figure, utc_axis

COLOURS = (VERMILION, ORANGE, YELLOW, GREEN, SKY, BLUE, PURPLE)


def draw(tables: RunTables) -> Figure:
    """Return the figure of replicate 0's power at the site meter, hour by hour."""
    standing = standing_of_run_0(tables.epochs)
    title = "Power that mining draws, by region: run 0" + ("" if standing is None else f", {standing.words}")
    figure, axes = new_figure(title, "power at the site meter (GW)")
    names = tables.regions["region"].dictionary_encode().combine_chunks().dictionary.to_pylist()
    power_gw = tables.regions["power_w"].to_numpy().reshape(-1, len(names)) / W_PER_GW
    hours = tables.regions["time_utc"].to_numpy()[:: len(names)]
    order = np.argsort(-power_gw.max(axis=0), kind="stable")
    shown = sorted(order[: len(COLOURS)], key=lambda place: names[place] not in {"Sichuan", "Xinjiang", "Yunnan"})
    labels, colours = [names[place] for place in shown], list(COLOURS[: len(shown)])
    tops = power_gw[:, shown].cumsum(axis=1)
    if len(names) > len(shown):
        labels, colours = [*labels, "all others"], [*colours, GREY]
        tops = np.column_stack([tops, power_gw.sum(axis=1)])
    times, tops = outline(hours, tops, VISIBLE * float(tops.max()))
    axes.stackplot(times, np.diff(tops, axis=1, prepend=0).T, labels=labels, colors=colours, alpha=0.85)
    mark(axes, tables.marks)
    handles, texts = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], texts[::-1], loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False)
    utc_axis(axes)
    return figure
