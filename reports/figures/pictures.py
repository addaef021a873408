"""A finished figure as bytes, and how to have one drawn: names first, the drawing library only where it is done."""

from __future__ import annotations

from typing import Final, NamedTuple

from reports.figures.data import RunTables


class Picture(NamedTuple):
    """One finished figure: name, the sentence that says how to read it, and its bytes."""

    name: str
    caption: str
    svg: bytes
    png: bytes


PICTURES: Final = {
    "hashrate": (
        "The band holds nine runs in ten. Each red bar is one real epoch: what its 2016 blocks show, with their counting "
        "error. Where the bars leave the band, the model misses what happened."
    ),
    "retargets": (
        "Every 2016 blocks difficulty follows the time they took. Two bars of a pair that differ by less than 4.4 points "
        "differ by no more than one sigma of chance."
    ),
    "power": (
        "Electricity at the meters of mining sites in one run, stacked. What vanishes at a line was cut; what grows later "
        "stands abroad."
    ),
    "intervals": "When machines vanish in mid-epoch, difficulty does not know yet: blocks come late until the next retarget.",
}
"""The figures of a run, in the order of the report, with their captions; each is drawn by the module of its name."""


def draw_picture(name: str, tables: RunTables, foot: str) -> Picture:
    """Draw one figure by name, with `foot` at its foot. The drawing library is loaded here, not before."""
    from reports.figures import hashrate, intervals, power, retargets
    from reports.figures.style import as_png, as_svg, finish

    modules = {"hashrate": hashrate, "retargets": retargets, "power": power, "intervals": intervals}
    figure = modules[name].draw(tables)
    finish(figure, foot)
    return Picture(name, PICTURES[name], as_svg(figure), as_png(figure))
