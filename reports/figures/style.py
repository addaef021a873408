"""What all figures share: colours, sizes, dates, footers, and files that are the same to the byte."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart with any colour vision. Source: Okabe & Ito, "Color Universal Design", 2008.
BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
GREEN: Final = "#009E73"
VERMILION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
SKY: Final = "#56B4E9"
YELLOW: Final = "#F0E442"
BLACK: Final = "#000000"
GREY: Final = "#7F7F7F"

SIZE_IN: Final = (10.0, 5.2)
DPI: Final = 110
_RC: Final[Any] = {
    "svg.hashsalt": "hashwatt",
    "svg.fonttype": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "font.size": 10.0,
}


def new_figure(title: str, y_label: str) -> tuple[Figure, Axes]:
    """Return an empty figure with one pair of axes; no global state is touched."""
    with mpl.rc_context(_RC):
        figure = Figure(figsize=SIZE_IN, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11.5, fontweight="bold")
    axes.set_ylabel(y_label)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.7)
    axes.set_axisbelow(True)
    return figure, axes


def utc_axis(axes: Axes) -> None:
    """Make the x axis one of UTC dates."""
    locator = AutoDateLocator(tz=UTC)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=UTC))  # type: ignore[no-untyped-call]
    axes.set_xlabel("date (UTC)")


def mark(axes: Axes, moments: Iterable[tuple[datetime, str]]) -> None:
    """Draw a labelled vertical line at each moment; neighbours' labels take turns in height."""
    for number, (moment, label) in enumerate(moments):
        place = date2num(moment)  # type: ignore[no-untyped-call]
        axes.axvline(place, color=GREY, linewidth=0.9, linestyle=":")
        axes.annotate(
            label,
            (place, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(3, -11 - 12 * (number % 3)),
            textcoords="offset points",
            fontsize=8,
            color="#444444",
        )


def finish(figure: Figure, foot: str) -> None:
    """Put run, seed and scenario at the foot, and lay everything out once for all formats."""
    figure.supxlabel(foot, x=0.01, ha="left", fontsize=7, color=GREY)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def as_svg(figure: Figure) -> bytes:
    """Return the figure as SVG, the same bytes for the same figure."""
    buffer = BytesIO()
    with mpl.rc_context(_RC):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def as_png(figure: Figure) -> bytes:
    """Return the figure as PNG, the same bytes for the same figure."""
    buffer = BytesIO()
    with mpl.rc_context(_RC):
        figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()
