"""Hourly means as a line with upright steps, thinned to the corners that an eye can tell apart."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from reports.figures.data import Floats

VISIBLE: Final = 0.0015  # of a figure's height: less than a pixel of the PNG
HOUR: Final = np.timedelta64(1, "h")

Moments = NDArray[np.datetime64]


def outline(times: Moments, values: Floats, tolerance: float) -> tuple[Moments, Floats]:
    """Return the corners of what hourly means draw: moments, and values in the shape of `values` with fewer or more rows.

    `times` are the starts of the hours, `values` is float64[hour] or float64[hour, curve]. A change by more than `tolerance`
    from one hour to the next stays upright, at the moment where the later hour begins: nothing falls before its cause. In
    between, straight lines keep within `tolerance` of the value of every hour. A NaN is a gap.
    """
    rows: Any = values.reshape(len(values), -1)
    cliffs = np.flatnonzero(~(np.abs(np.diff(rows, axis=0)) <= tolerance).all(axis=1)) + 1  # also where a NaN begins or ends
    edges = [0, *cliffs.tolist(), len(rows)]
    stretches = [(_corners(rows[first:end], tolerance) + first, end - 1) for first, end in pairwise(edges)]
    moments = [np.append(times[kept], times[last] + HOUR) for kept, last in stretches]  # a stretch lasts to its last hour's end
    return np.concatenate(moments), values[np.concatenate([np.append(kept, last) for kept, last in stretches])]


def _corners(rows: Floats, tolerance: float) -> NDArray[np.intp]:
    """Return which rows to keep so that straight lines between them miss no other by more than `tolerance`.

    Ramer's and Douglas and Peucker's algorithm, with upright distances: split where the chord misses most.
    """
    kept, open_chords = {0, len(rows) - 1}, [(0, len(rows) - 1)]
    while open_chords:
        first, last = open_chords.pop()
        way = (np.arange(first, last + 1) - first)[:, None] / max(last - first, 1)
        misses = np.abs(rows[first] + (rows[last] - rows[first]) * way - rows[first : last + 1]).max(axis=1)
        worst = int(np.argmax(misses))
        if misses[worst] > tolerance:
            kept.add(first + worst)
            open_chords += [(first, first + worst), (first + worst, last)]
    return np.array(sorted(kept), dtype=np.intp)
