"""Straight lines between known points: monotone where the points are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence


def interpolate(x: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    """Return y at `x` on the straight lines through the points (`xs`, `ys`); beyond them the outermost line goes on.

    `xs` must rise; two points or more. At a known point the known value comes out, to the bit.
    """
    at = min(max(bisect_right(xs, x) - 1, 0), len(xs) - 2)
    if x == xs[at + 1]:
        return ys[at + 1]
    return ys[at] + (ys[at + 1] - ys[at]) * ((x - xs[at]) / (xs[at + 1] - xs[at]))
