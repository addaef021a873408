"""The voltage that a clock needs: published points, straight lines between them, and a mark on what lies outside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from math import isfinite
from typing import Final, Literal, cast, get_args

from hw.chip_power import ChipPoint
from hw.curves import interpolate
from hw.errors import CatalogueError, ModelError, OperatingPointError, UnknownMachineError
from hw.sourced import Basis
from hw.tables import read_rows
from hw.units import HZ_PER_MHZ

Node = Literal["chip", "string"]

CHIP_POINTS: Final = "chip_points.csv"
CHIP_COLUMNS: Final = ("chip", "voltage_v", "hashrate_ghps", "power_w", "small_cores", "source", "as_of")
LADDERS: Final = "voltage_ladders.csv"
LADDER_COLUMNS: Final = ("ladder", "frequency_mhz", "voltage_v", "node", "source", "as_of", "basis")

_HPS_PER_GHPS: Final = 1_000_000_000  # exact, SI prefix


@dataclass(frozen=True, slots=True)
class Voltage:
    """A voltage [V] read off a curve; `extrapolated` where no published point lies on both sides."""

    voltage_v: float
    extrapolated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VoltageCurve:
    """Voltage over clock, from published points.

    Between points the voltage is a straight line, which keeps it monotone; beyond them the outermost line goes on, and the
    result says so.

    Attributes
    ----------
    frequencies_mhz : tuple of float
        Clocks [MHz], rising; two or more.
    voltages_v : tuple of float
        Voltages [V] at those clocks, never falling.
    node : str
        Where the voltage is taken: "chip" (one core domain) or "string" (a hashboard's chips in series, as supplies and
        firmware quote it).
    source, as_of, basis : str
        Where the points stand.

    Raises
    ------
    ModelError
        If the points are fewer than two, not finite and above 0, or not monotone.
    """

    frequencies_mhz: tuple[float, ...]
    voltages_v: tuple[float, ...]
    node: Node
    source: str
    as_of: str
    basis: Basis

    def __post_init__(self) -> None:
        """Refuse points that no curve goes through."""
        if len(self.frequencies_mhz) != len(self.voltages_v) or len(self.frequencies_mhz) < 2:
            raise ModelError(
                f"{len(self.frequencies_mhz)} clocks and {len(self.voltages_v)} voltages; want one for each, two or more"
            )
        if not all(isfinite(value) and value > 0 for value in (*self.frequencies_mhz, *self.voltages_v)):
            raise ModelError(f"points {self.frequencies_mhz} MHz, {self.voltages_v} V; want finite numbers above 0")
        if any(later <= earlier for earlier, later in pairwise(self.frequencies_mhz)):
            raise ModelError(f"clocks {self.frequencies_mhz} MHz; want them rising")
        if any(later < earlier for earlier, later in pairwise(self.voltages_v)):
            raise ModelError(f"voltages {self.voltages_v} V; want none below the one before: a faster clock needs no less")
        if self.node not in get_args(Node):
            raise ModelError(f"node is {self.node!r}; want one of {', '.join(get_args(Node))}")

    def voltage(self, frequency_mhz: float) -> Voltage:
        """Return the voltage that `frequency_mhz` [MHz] needs.

        Raises
        ------
        OperatingPointError
            If the clock is not above 0, or so far below the points that the line reaches 0 V.
        """
        if not (isfinite(frequency_mhz) and frequency_mhz > 0):
            raise OperatingPointError(f"a clock of {frequency_mhz} MHz; want a finite number above 0")
        clocks = self.frequencies_mhz
        voltage_v = interpolate(frequency_mhz, clocks, self.voltages_v)
        if voltage_v <= 0:
            raise OperatingPointError(
                f"{frequency_mhz:g} MHz is so far below the points, from {clocks[0]:g} MHz on, that their line gives "
                f"{voltage_v:.2f} V; want a higher clock"
            )
        return Voltage(voltage_v, not clocks[0] <= frequency_mhz <= clocks[-1])

    def scaled(self, *, frequency: float = 1.0, voltage: float = 1.0) -> VoltageCurve:
        """Return a curve of this shape with every clock and voltage multiplied, labelled assumed."""
        return replace(
            self,
            frequencies_mhz=tuple(clock * frequency for clock in self.frequencies_mhz),
            voltages_v=tuple(volt * voltage for volt in self.voltages_v),
            source=f"{self.source}; its shape scaled by {frequency:g} in clock and {voltage:g} in voltage",
            basis="assumed",
        )


def fitted_line(curve: VoltageCurve) -> VoltageCurve:
    """Return the straight line of least squares through the points of `curve`, over the same clocks.

    Raises
    ------
    ModelError
        If the line falls with the clock or reaches 0 V.
    """
    clocks, volts = curve.frequencies_mhz, curve.voltages_v
    mean_mhz, mean_v = sum(clocks) / len(clocks), sum(volts) / len(volts)
    slope = sum((clock - mean_mhz) * (volt - mean_v) for clock, volt in zip(clocks, volts, strict=True)) / sum(
        (clock - mean_mhz) ** 2 for clock in clocks
    )
    ends = (clocks[0], clocks[-1])
    return replace(
        curve,
        frequencies_mhz=ends,
        voltages_v=tuple(mean_v + slope * (clock - mean_mhz) for clock in ends),
        source=f"line of least squares through {len(clocks)} points: {curve.source}",
        basis="derived",
    )


@lru_cache(maxsize=1)
def _ladders() -> dict[str, VoltageCurve]:
    text = (files("hw") / "data" / LADDERS).read_text(encoding="utf-8")
    return parse_ladders(text, where=LADDERS)


def voltage_ladder(name: str) -> VoltageCurve:
    """Return the packaged voltage ladder called `name`, such as "Antminer S19j Pro" or "Bitaxe Gamma".

    Raises
    ------
    UnknownMachineError
        If there is none; the message lists those there are.
    """
    ladders = _ladders()
    if name not in ladders:
        raise UnknownMachineError(f"no voltage ladder {name!r}; known: {', '.join(ladders)}")
    return ladders[name]


def parse_ladders(text: str, *, where: str) -> dict[str, VoltageCurve]:
    """Return the ladders of one table in CSV form, by name; `where` names it in messages.

    The basis of a ladder is "assumed" as soon as one of its points is.

    Raises
    ------
    CatalogueError
        If the table is broken or its points are not monotone.
    """
    points: dict[str, list[tuple[float, float, str, str, str, str]]] = {}
    for row in read_rows(text, LADDER_COLUMNS, where=where):
        texts = (row.required("node"), row.required("source"), row.required("as_of"), row.required("basis"))
        points.setdefault(row.required("ladder"), []).append((row.number("frequency_mhz"), row.number("voltage_v"), *texts))
    found = {}
    for name, rows in points.items():
        clocks, volts, nodes, sources, dates, bases = zip(*rows, strict=True)
        try:
            found[name] = VoltageCurve(
                frequencies_mhz=clocks,
                voltages_v=volts,
                node=cast(Node, nodes[0]),
                source="; ".join(dict.fromkeys(sources)),
                as_of=max(dates),
                basis="assumed" if "assumed" in bases else cast(Basis, bases[0]),
            )
        except ModelError as error:
            raise CatalogueError(f"{where}, ladder {name!r}: {error}") from None
    return found


@lru_cache(maxsize=8)
def chip_points(chip: str) -> tuple[ChipPoint, ...]:
    """Return the published operating points of `chip`, slowest clock first: today those of "BM1384".

    Raises
    ------
    UnknownMachineError
        If there are none.
    """
    text = (files("hw") / "data" / CHIP_POINTS).read_text(encoding="utf-8")
    points = parse_chip_points(text, where=CHIP_POINTS)
    if chip not in points:
        raise UnknownMachineError(f"no operating points of chip {chip!r}; known: {', '.join(points)}")
    return points[chip]


def parse_chip_points(text: str, *, where: str) -> dict[str, tuple[ChipPoint, ...]]:
    """Return the operating points of one table in CSV form, by chip, slowest first.

    The table gives hash rates; the clock follows, since every small core does one hash a clock.

    Raises
    ------
    CatalogueError
        If the table is broken.
    """
    found: dict[str, list[ChipPoint]] = {}
    for row in read_rows(text, CHIP_COLUMNS, where=where):
        frequency_mhz = row.number("hashrate_ghps") * _HPS_PER_GHPS / HZ_PER_MHZ / row.number("small_cores")
        point = ChipPoint(voltage_v=row.number("voltage_v"), frequency_mhz=frequency_mhz, power_w=row.number("power_w"))
        if not min(point.voltage_v, point.frequency_mhz, point.power_w) > 0:
            raise CatalogueError(f"{row.place}: {point}; want numbers above 0")
        found.setdefault(row.required("chip"), []).append(point)
    return {chip: tuple(sorted(points, key=lambda point: point.frequency_mhz)) for chip, points in found.items()}


def chip_curve(chip: str) -> VoltageCurve:
    """Return the voltage over the clock that the published points of `chip` tell.

    Raises
    ------
    UnknownMachineError
        If there are none.
    """
    points = chip_points(chip)
    return VoltageCurve(
        frequencies_mhz=tuple(point.frequency_mhz for point in points),
        voltages_v=tuple(point.voltage_v for point in points),
        node="chip",
        source=f"operating points of {chip} in {CHIP_POINTS}",
        as_of="2026-11",
        basis="datasheet",
    )
