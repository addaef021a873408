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
from matplotlib.text import Text

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
_AXES_PT: Final = (560.0, 300.0)  # at least: a legend may stand beside them
_LETTER_PT: Final = 4.8  # mean width of a letter of 8 points
_ROW_PT: Final = 13
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


def height_axis(axes: Axes, heights: Iterable[int]) -> None:
    """Make the x axis one of epochs, named by their first blocks."""
    names = [f"{height:,}" for height in heights]
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=8)
    axes.set_xlabel("first block of the epoch")


def mark(axes: Axes, moments: Iterable[tuple[datetime, str]]) -> None:
    """Draw a labelled vertical line at each moment, the labels in rows above the data. Call it when the data are drawn.

    A label stands in the highest row where it meets no other, on white, so that a neighbour's line passes behind it.
    """
    places = [(date2num(moment), label) for moment, label in moments]  # type: ignore[no-untyped-call]
    for place, _ in places:
        axes.axvline(place, color=GREY, linewidth=0.9, linestyle=":")
    left, right = axes.get_xlim()
    rows: list[list[tuple[float, float]]] = []
    for place, label in sorted(places):
        at_pt, width_pt = (place - left) / (right - left) * _AXES_PT[0], _LETTER_PT * len(label) + 8
        turned = at_pt + width_pt > _AXES_PT[0]
        span = (at_pt - width_pt, at_pt) if turned else (at_pt, at_pt + width_pt)
        row = next((number for number, taken in enumerate(rows) if _is_free(span, taken)), len(rows))
        if row == len(rows):
            rows.append([])
        rows[row].append(span)
        _label(axes, label, place, row=row, turned=turned)
    bottom, top = axes.get_ylim()
    strip = min(_ROW_PT * len(rows) / _AXES_PT[1], 0.5)
    axes.set_ylim(top=bottom + (top - bottom) / (1 - strip))


def _is_free(span: tuple[float, float], taken: Iterable[tuple[float, float]]) -> bool:
    return all(span[1] <= start or end <= span[0] for start, end in taken)


def _label(axes: Axes, label: str, place: float, *, row: int, turned: bool) -> None:
    """Write one label beside its line; `turned` to the left where there is no room on the right."""
    text = axes.annotate(
        label,
        (place, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(-4 if turned else 4, -10 - _ROW_PT * row),
        textcoords="offset points",
        ha="right" if turned else "left",
        fontsize=8,
        color="#444444",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
    )
    text.set_in_layout(False)  # a very long label shall not squeeze the axes


def finish(figure: Figure, foot: str) -> None:
    """Put run, seed and scenario at the foot, and lay everything out once for all formats.

    Text is text: a dollar sign in a name opens no formula.
    """
    figure.supxlabel(foot, x=0.01, ha="left", fontsize=7, color=GREY)
    for text in figure.findobj(Text):
        text.set_parse_math(False)
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
