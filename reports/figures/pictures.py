"""A finished figure as bytes, and how to have one drawn: names first, the drawing library only where it is done."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Final, NamedTuple

from reports.figures import captions
from reports.figures.data import RunTables


class Picture(NamedTuple):
    """One finished figure: name, the sentences that say how to read it, and its bytes."""

    name: str
    caption: str
    svg: bytes
    png: bytes


PICTURES: Final[dict[str, Callable[[RunTables], str]]] = {
    "hashrate": captions.hashrate,
    "retargets": captions.retargets,
    "power": captions.power,
    "intervals": captions.intervals,
}
"""The figures of a run, in the order of the report, with what writes their captions; the module of its name draws each."""


def draw_picture(name: str, tables: RunTables, foot: str) -> Picture:
    """Draw one figure by name, with `foot` at its foot. The drawing library is loaded here, not before."""
    from reports.figures import hashrate, intervals, power, retargets
    from reports.figures.style import as_png, as_svg, finish

    modules = {"hashrate": hashrate, "retargets": retargets, "power": power, "intervals": intervals}
    with warnings.catch_warnings():
        # A letter that the font lacks is an empty box in the PNG; the SVG holds text, which its reader has fonts for.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure = modules[name].draw(tables)
        finish(figure, foot)
        return Picture(name, PICTURES[name](tables), as_svg(figure), as_png(figure))
