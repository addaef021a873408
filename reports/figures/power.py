"""Power by region: the largest stacked, the rest together."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from hw.units import W_PER_GW
from reports.figures.data import DAILY, RunTables
from reports.figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, YELLOW, mark, new_figure, utc_axis

COLOURS = (VERMILION, ORANGE, YELLOW, GREEN, SKY, BLUE, PURPLE)


def draw(tables: RunTables) -> Figure:
    """Return the figure of replicate 0's power at the site meter."""
    figure, axes = new_figure("Power that mining draws, by region (run 0)", "power at the site meter (GW)")
    names = tables.regions["region"].dictionary_encode().combine_chunks().dictionary.to_pylist()
    power_gw = tables.regions["power_w"].to_numpy().reshape(-1, len(names)) / W_PER_GW
    times = tables.regions["time_utc"].to_numpy()[:: len(names)]
    step = min(DAILY, len(times))  # a run of less than a day is one stretch
    whole_days = len(times) // step * step
    daily = power_gw[:whole_days].reshape(-1, step, len(names)).mean(axis=1)
    order = np.argsort(-daily.max(axis=0), kind="stable")
    shown = sorted(order[: len(COLOURS)], key=lambda place: names[place] not in {"Sichuan", "Xinjiang", "Yunnan"})
    rest = daily.sum(axis=1) - daily[:, shown].sum(axis=1)
    labels = [names[place] for place in shown]
    stack = [daily[:, place] for place in shown]
    colours = list(COLOURS[: len(shown)])
    if len(names) > len(shown):
        labels, stack, colours = [*labels, "all others"], [*stack, rest], [*colours, GREY]
    axes.stackplot(times[:whole_days:step], *stack, labels=labels, colors=colours, alpha=0.85)
    mark(axes, tables.marks)
    handles, texts = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], texts[::-1], loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False)
    utc_axis(axes)
    return figure
