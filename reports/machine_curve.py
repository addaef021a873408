"""The modelled power of one machine over its clock: which design stands for it, and what that design takes from where.

Three grades, told with every figure. The S19j Pro of 104 TH/s and the Bitaxe Gamma have voltage ladders of their own. Other
air-cooled machines of the S19's kind borrow the shape of that ladder, and any other large air-cooled ASIC uses all of it as a
stand-in. For the rest there is no design, and `NoCurve` says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from hw.catalogue import CatalogueEntry
from hw.catalogue.names import family
from hw.chip_power import LEAKAGE_GROWTH, LEAKAGE_SHARE
from hw.designs import GAMMA_CHIP_C, S19_CHIP_ABOVE_SINK_C, S19_INLET_C, S19_SINK_C, bitaxe_gamma, s19_kind, with_fan_count
from hw.fans import M3_PER_S_PER_CFM, S19_AIRFLOW_CFM, S19_FAN_W
from hw.machine_design import MachineDesign
from hw.operating_point import OperatingPoint, Setting, operating_point
from hw.sourced import Sourced
from hw.thermal import FLOW_EXPONENT

Grade = Literal["own", "relative", "stand-in"]

RATINGS: Final = {"rated": "nameplate", "target": "maker's targets", "design limit": "design limit"}
"""What a machine's ratings are called, by the quality of its power."""
COOLED_BY: Final = {"air": "air", "hydro": "water", "immersion": "immersion"}
LADDER_OWNER: Final = "Antminer S19j Pro (104Th)"
RELATIVES: Final = ("Antminer S19", "Antminer T19")  # their families begin so
GAMMA: Final = "Bitaxe Gamma ("
STAND_IN_FROM_W: Final = 1000.0  # W, assumed: below it no machine has much in common with one of 3 kW and four fans
TABLE_PCT: Final = (60, 70, 80, 90, 100, 110, 120)  # % of the nominal clock
LOWEST_PCT, HIGHEST_PCT = 60, 140  # % of the nominal clock, where the drawn line ends, if the supply does not end it before

_LADDER: Final = (
    "its own voltages at five clocks are published; supply, fans and heat are assumed",
    "voltages published",
)
_GAMMA: Final = (
    "its default voltage is published; that its lowest and highest options belong together is assumed, and so is heat",
    "within its options",
)
_RELATIVE: Final = (
    "a relative of the Antminer S19j Pro (104Th), whose voltages over the nominal clock, fans and heat it borrows",
    "borrowed voltages",
)
_STAND_IN: Final = (
    "a stand-in with the voltages over the nominal clock, fans, supply and heat of an Antminer S19j Pro (104Th): "
    "only the nameplate is this machine's own",
    "borrowed voltages",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCurve:
    """Why there is no model of a machine, as the rest of a sentence."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One thing that a design takes: what it is, its value in words, and its papers."""

    what: str
    value: str
    basis: str
    source: str
    as_of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineCurve:
    """A machine's modelled steady states over its clock, at the inlet air and fan speed of its rating.

    Attributes
    ----------
    design : MachineDesign
        What stands for it.
    grade : str
        "own", "relative" or "stand-in".
    note, within : str
        What that means as a clause, and what the part of the line that is not extrapolated rests on, in a few words.
    settings : tuple of OperatingPoint
        At round parts of the nominal clock, for a table.
    line : tuple of OperatingPoint
        Close by, for a drawing, up to where the supply is fully loaded.
    taken : tuple of Taken
        What the design takes from where.
    """

    design: MachineDesign
    grade: Grade
    note: str
    within: str
    settings: tuple[OperatingPoint, ...]
    line: tuple[OperatingPoint, ...]
    taken: tuple[Taken, ...]

    @property
    def clock_is_its_own(self) -> bool:
        """Whether clocks in MHz and voltages are the machine's; else only their ratio to the nominal ones means something."""
        return self.grade == "own"

    def clock_pct(self, point: OperatingPoint) -> float:
        """Return the clock of `point` in % of the nominal one."""
        return 100 * point.frequency_mhz / self.design.build.frequency_mhz

    @property
    def rated_at(self) -> str:
        """Where the nameplate's watts are: "wall", or "dc", behind the supply."""
        return self.design.build.rated_at


def rated_power_w(curve: MachineCurve, point: OperatingPoint) -> float:
    """Return the power [W] of `point` where the nameplate has its watts."""
    return point.wall_power_w if curve.rated_at == "wall" else point.dc_power_w


def machine_curve(one: CatalogueEntry) -> MachineCurve | NoCurve:
    """Return the modelled curve of a machine of the catalogue, or why there is none.

    Raises
    ------
    ModelError
        If the nameplate leaves nothing for the chips.
    """
    model = one.machine
    if one.kind == "gpu":
        return NoCurve(
            reason="there is no model of GPUs, whose watts here are the board's design limit and not what hashing draws"
        )
    if one.cooling != "air":
        return NoCurve(reason=f"the designs here are cooled by air, and this machine by {COOLED_BY[one.cooling]}")
    if model.model.startswith(GAMMA):
        gamma = bitaxe_gamma(model)
        return _curve(gamma, "own", _GAMMA, _gamma_takes(gamma))
    if model.power_w < STAND_IN_FROM_W:
        return NoCurve(reason=f"below {STAND_IN_FROM_W:,.0f} W there is no design here but that of the Bitaxe Gamma")
    chips = one.layout.chips if one.layout is not None else None
    design = s19_kind(model) if chips is None else s19_kind(model, chips=chips)
    design = with_fan_count(design, None if one.layout is None else one.layout.fans)
    if model.model == LADDER_OWNER:
        return _curve(design, "own", _LADDER, _s19_takes(design))
    if family(model.model).startswith(RELATIVES):
        return _curve(design, "relative", _RELATIVE, map(_borrowed, _s19_takes(design)))
    return _curve(design, "stand-in", _STAND_IN, map(_borrowed, _s19_takes(design)))


def _curve(design: MachineDesign, grade: Grade, notes: tuple[str, str], taken: Iterable[Taken]) -> MachineCurve:
    return MachineCurve(
        design=design,
        grade=grade,
        note=notes[0],
        within=notes[1],
        settings=tuple(_at(design, design.build.frequency_mhz * pct / 100) for pct in TABLE_PCT),
        line=tuple(_line(design)),
        taken=tuple(taken),
    )


def _line(design: MachineDesign) -> Iterator[OperatingPoint]:
    """Yield a point every % of the clock, and at the ladder's own ends, until the supply has no more to give."""
    nominal_mhz, ladder = design.build.frequency_mhz, design.build.curve.frequencies_mhz
    clocks = {nominal_mhz * pct / 100 for pct in range(LOWEST_PCT, HIGHEST_PCT + 1)} | {ladder[0], ladder[-1]}
    for clock in sorted(clocks):
        point = _at(design, clock)
        if point.supply_load > 1:
            return
        yield point


def _at(design: MachineDesign, frequency_mhz: float) -> OperatingPoint:
    return operating_point(design, Setting(frequency_mhz=frequency_mhz), design.build.ambient_c)


def _common(design: MachineDesign) -> Iterator[Taken]:
    build, ladder = design.build, design.build.curve
    node = "at a string of chips" if ladder.node == "string" else "at the chip"
    yield Taken(
        what="voltage over clock",
        value=f"{ladder.voltages_v[0]:g} to {ladder.voltages_v[-1]:g} V {node}, "
        f"{ladder.frequencies_mhz[0]:g} to {ladder.frequencies_mhz[-1]:g} MHz",
        basis=ladder.basis,
        source=ladder.source,
        as_of=ladder.as_of,
    )
    supply = build.supply
    percents = " ".join(f"{100 * part:g}" for part in supply.efficiencies)
    loads = " ".join(f"{100 * load:g}" for load in supply.loads)
    yield Taken(
        what="supply",
        value=f"{supply.rated_w:,.0f} W, {percents} % at {loads} % load",
        basis=supply.basis,
        source=supply.source,
        as_of=supply.as_of,
    )
    yield _sourced("leakage, of the chips' power", LEAKAGE_SHARE)
    yield _sourced("its growth with temperature", LEAKAGE_GROWTH)
    yield _sourced("heat transfer over air flow, exponent", FLOW_EXPONENT)


def _s19_takes(design: MachineDesign) -> Iterator[Taken]:
    yield from _common(design)
    yield _sourced("inlet air at the rating", S19_INLET_C)
    yield _sourced("heatsinks at the rating", S19_SINK_C)
    yield _sourced("chips above heatsinks", S19_CHIP_ABOVE_SINK_C)
    fans = design.build.fans
    yield replace(_sourced("fans", S19_FAN_W), value=f"{fans.count} of {fans.rated_w:.3g} W")
    flow_cfm = fans.airflow_m3_per_s / M3_PER_S_PER_CFM
    yield replace(_sourced("air through it", S19_AIRFLOW_CFM), value=f"{flow_cfm:.0f} cfm")


def _gamma_takes(design: MachineDesign) -> Iterator[Taken]:
    yield from _common(design)
    yield _sourced("chip at the rating", GAMMA_CHIP_C)
    yield Taken(
        what="controller, regulator, fan",
        value=f"{design.build.overhead_w:g} W",
        basis="assumed",
        source="hw.designs: what the 5 V input carries besides the chip",
        as_of="2026-11",
    )


def _borrowed(one: Taken) -> Taken:
    """Return it as a machine has it to which it does not belong."""
    return one if one.basis == "assumed" else replace(one, basis=f"assumed (elsewhere {one.basis})")


def _sourced(what: str, number: Sourced) -> Taken:
    unit = "" if number.unit == "1" else f" {number.unit}"
    return Taken(what=what, value=f"{number.value:.3g}{unit}", basis=number.basis, source=number.source, as_of=number.as_of)
