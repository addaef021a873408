"""All figures of a run, with the sentence that says how to read each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from matplotlib.figure import Figure

from reports.figures import hashrate, intervals, power, retargets
from reports.figures.data import RunTables
from reports.figures.style import as_png, as_svg, footer


class Picture(NamedTuple):
    """One finished figure: name, title of its file, how to read it, and its bytes."""

    name: str
    caption: str
    svg: bytes
    png: bytes


GALLERY: Final[tuple[tuple[str, Callable[[RunTables], Figure], str], ...]] = (
    (
        "hashrate",
        hashrate.draw,
        "The band holds nine runs in ten. Each red bar is one real epoch: what its 2016 blocks show, with their counting "
        "error. Where the bars leave the band, the model misses what happened.",
    ),
    (
        "retargets",
        retargets.draw,
        "Every 2016 blocks difficulty follows the time they took. Two bars of a pair that differ by less than 4.4 points "
        "differ by no more than one sigma of chance.",
    ),
    (
        "power",
        power.draw,
        "Electricity at the meters of mining sites in one run, stacked. What vanishes at a line was cut; what grows later "
        "stands abroad.",
    ),
    (
        "intervals",
        intervals.draw,
        "When machines vanish in mid-epoch the difficulty does not know yet: blocks come late until the next retarget.",
    ),
)


def pictures(tables: RunTables, foot: str) -> Iterator[Picture]:
    """Draw every figure of the gallery with `foot` at its foot."""
    for name, draw, caption in GALLERY:
        figure = draw(tables)
        footer(figure, foot)
        yield Picture(name, caption, as_svg(figure), as_png(figure))
