"""The modelled power of one machine over its clock, with the nameplate point that it was calibrated to.

Solid where voltages are published, dashed where the line is extrapolated, so that nothing hangs on a colour.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from hw.catalogue import CatalogueEntry
from hw.operating_point import OperatingPoint
from miner.units import HASHES_PER_TH
from reports.device_rows import short_name
from reports.figures.data import Floats
from reports.figures.style import BLACK, BLUE, GREY, VERMILION, new_figure
from reports.machine_curve import RATINGS, MachineCurve, rated_power_w

CAPTION_LETTERS: Final = 165  # to a line at the foot
ADAPTER: Final = "at the wall, adapter assumed"
TITLES: Final = {"own": "", "relative": " after a relative", "stand-in": " by a stand-in"}
PLACES: Final = {"wall": "at the wall", "dc": "at its 5 V input"}


class Stretch(NamedTuple):
    """Points in a row that are all extrapolated, or all not; neighbours share the point between them."""

    points: tuple[OperatingPoint, ...]
    extrapolated: bool


def stretches(line: Sequence[OperatingPoint]) -> list[Stretch]:
    """Cut a line where its mark changes; the point of the change, still published, belongs to both sides."""
    found: list[Stretch] = []
    for earlier, later in pairwise(line):
        extrapolated = earlier.extrapolated or later.extrapolated
        if found and found[-1].extrapolated == extrapolated:
            found[-1] = Stretch((*found[-1].points, later), extrapolated)
        else:
            found.append(Stretch((earlier, later), extrapolated))
    return found


def draw(curve: MachineCurve, one: CatalogueEntry) -> Figure:
    """Return the figure of the machine `one`: power [W] on the left, energy per hash [J/TH] and chips [°C] on the right."""
    figure, power = new_figure("", f"power {PLACES[curve.rated_at]} (W)")
    grid = figure.add_gridspec(2, 2, width_ratios=(1.6, 1.0))
    power.set_subplotspec(grid[:, 0])
    efficiency, heat = figure.add_subplot(grid[0, 1], sharex=power), figure.add_subplot(grid[1, 1], sharex=power)
    title = f"{short_name(one)}: power over clock, modelled{TITLES[curve.grade]}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    nominal = min(curve.line, key=lambda point: abs(curve.clock_pct(point) - 100))
    _draw_power(power, curve, nominal, RATINGS[one.power_quality])
    _plot(efficiency, curve, [point.efficiency_j_per_th for point in curve.line])
    _plot(heat, curve, [point.chip_c for point in curve.line])
    for axes, label in ((efficiency, "energy per hash\nat the wall (J/TH)"), (heat, "chip (°C)")):
        _dress(axes, label)
    if curve.rated_at == "wall":
        _mark_nameplate(efficiency, _clock(curve, nominal), nominal.efficiency_j_per_th)
    efficiency.tick_params(labelbottom=False)
    for axes in (power, heat):
        axes.set_xlabel("clock (MHz)" if curve.clock_is_its_own else "clock (% of nominal)")
    return figure


def caption(curve: MachineCurve, one: CatalogueEntry) -> str:
    """Say what the picture is worth, and where the ratings stand."""
    machine = one.machine
    build = curve.design.build
    sentences = [
        f"Modelled, not measured: {curve.note}.",
        f"Steady states with inlet air of {build.ambient_c:g} °C and fans at {100 * build.fan_speed:.0f} % of full speed; "
        "the line ends where the supply is fully loaded.",
        "Dashed: extrapolated beyond all published voltages.",
        f"Ratings: {machine.source} ({machine.as_of}, trust {_trust(one)}).",
    ]
    return "\n".join(textwrap.wrap(" ".join(sentences), CAPTION_LETTERS, break_on_hyphens=False))


def _trust(one: CatalogueEntry) -> str:
    """Return how far to trust the ratings; the watts apart where they are less well known."""
    trust = one.machine.trust
    return trust if one.power_trust == trust else f"{trust}, of the watts {one.power_trust}"


def _draw_power(axes: Axes, curve: MachineCurve, nominal: OperatingPoint, rating: str) -> None:
    _plot(axes, curve, [rated_power_w(curve, point) for point in curve.line], label="modelled")
    if curve.rated_at != "wall":
        clocks, walls_w = [_clock(curve, point) for point in curve.line], [point.wall_power_w for point in curve.line]
        axes.plot(clocks, walls_w, color=GREY, linewidth=1.3, linestyle=":", label=ADAPTER)
    rate, rated_w = nominal.hashrate_hps / HASHES_PER_TH, rated_power_w(curve, nominal)
    _mark_nameplate(axes, _clock(curve, nominal), rated_w, f"{rating}: {rate:.4g} TH/s, {rated_w:,.0f} W")
    axes.set_ylim(bottom=0)
    axes.legend(handles=_told_in_order(axes), loc="upper left", fontsize=8.5, frameon=False)
    factor = nominal.hashrate_hps / HASHES_PER_TH / _clock(curve, nominal)
    rates = axes.secondary_xaxis("top", functions=(_times(factor), _times(1 / factor)))
    rates.set_xlabel("hash rate (TH/s)")


def _times(factor: float) -> Callable[[ArrayLike], Floats]:
    return lambda values: np.asarray(values, dtype=np.float64) * factor


def _told_in_order(axes: Axes) -> list[Artist]:
    """Return what the legend tells: the nameplate first, then what is known best."""
    handles, labels = axes.get_legend_handles_labels()
    ranked = sorted(zip(labels, handles, strict=True), key=lambda pair: (_rank(pair[0]), pair[0]))
    return [handle for _, handle in ranked]


def _rank(label: str) -> int:
    if label.startswith("modelled"):
        return 2 if label.endswith("extrapolated") else 1
    return 3 if label == ADAPTER else 0


def _plot(axes: Axes, curve: MachineCurve, values: Sequence[float], label: str = "") -> None:
    """Draw `values`, one for each point of the line; with a `label`, both sorts get one."""
    value_at = {point.frequency_mhz: value for point, value in zip(curve.line, values, strict=True)}
    told: set[bool] = set()
    for stretch in stretches(curve.line):
        extrapolated = stretch.extrapolated
        mark = f"{label}, extrapolated" if extrapolated else f"{label}, {curve.within}"
        axes.plot(
            [_clock(curve, point) for point in stretch.points],
            [value_at[point.frequency_mhz] for point in stretch.points],
            color=VERMILION if extrapolated else BLUE,
            linewidth=1.6 if extrapolated else 2.4,
            linestyle="--" if extrapolated else "-",
            label=mark if label and extrapolated not in told else None,
        )
        told.add(extrapolated)


def _dress(axes: Axes, label: str) -> None:
    axes.set_ylabel(label)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _clock(curve: MachineCurve, point: OperatingPoint) -> float:
    return point.frequency_mhz if curve.clock_is_its_own else curve.clock_pct(point)


def _mark_nameplate(axes: Axes, clock: float, value: float, label: str | None = None) -> None:
    axes.plot([clock], [value], marker="D", markersize=8, color=BLACK, linestyle="none", zorder=5, label=label)
