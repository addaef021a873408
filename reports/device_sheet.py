"""Everything known of one machine, as text or as JSON: ratings, layout, and the modelled curve with what it takes."""

from __future__ import annotations

from hw.catalogue import CatalogueEntry
from hw.operating_point import OperatingPoint
from miner.units import HASHES_PER_TH
from reports.device_rows import BOUNDARIES, UNKNOWN, Json, as_json, columns, figure_papers, hashrate, number, released
from reports.machine_curve import COOLED_BY, RATINGS, MachineCurve, NoCurve

EXTRAPOLATED = "*"  # after what rests on no published voltage


def sheet(one: CatalogueEntry, curve: MachineCurve | NoCurve) -> list[str]:
    """Return the lines of text about a machine."""
    when = released(one.machine)
    lines = [
        one.name,
        f"{one.kind.upper()}, cooled by {COOLED_BY[one.cooling]}, {f'released {when}' if when else 'release not known'}",
        "",
        *columns([("figure", "value", "what it is", "as of", "trust", "source"), *_figures(one)]),
        f"Watts and J/TH are {BOUNDARIES[one.power_boundary]}.",
        "",
    ]
    return [*lines, *(_no_model(curve) if isinstance(curve, NoCurve) else _model(curve, RATINGS[one.power_quality]))]


def sheet_json(one: CatalogueEntry, curve: MachineCurve | NoCurve) -> Json:
    """Return the same as plain numbers with units in their keys."""
    layout = one.layout
    told: Json = {**as_json(one), "layout": None, "model": None, "no_model_because": None}
    if layout is not None:
        told["layout"] = {
            "boards": layout.boards,
            "chips_per_board": layout.chips_per_board,
            "chips": layout.chips,
            "fans": layout.fans,
            "chip": layout.chip,
            "source": layout.source,
            "as_of": layout.as_of,
            "trust": None,
        }
    if isinstance(curve, NoCurve):
        told["no_model_because"] = curve.reason
    else:
        told["model"] = _model_json(curve)
    return told


def _figures(one: CatalogueEntry) -> list[tuple[str, ...]]:
    rate, unit = hashrate(one)
    machine, papers = one.machine, figure_papers(one)
    values = {
        "hashrate_hps": ("hash rate", f"{number(rate)} {unit}"),
        "power_w": ("power", f"{number(machine.power_w)} W"),
        "efficiency_j_per_th": ("efficiency", f"{number(machine.efficiency_j_per_th)} J/TH"),
    }
    rows: list[tuple[str, ...]] = []
    for figure, (quality, source, as_of, trust) in papers.items():
        rows.append((*values[figure], quality, as_of, trust, source))
    layout = one.layout
    if layout is None:
        return rows
    boards = None if layout.boards is None else str(layout.boards)
    chips = None if layout.chips is None else f"{layout.chips}, {layout.chips_per_board} on each board"
    if chips is None and layout.chips_per_board is not None:
        chips = f"{layout.chips_per_board} on each board"
    fans = None if layout.fans is None else str(layout.fans)
    parts = {"boards": boards, "chips": chips, "fans": fans, "chip": layout.chip}
    rows += [
        (name, value, "layout", layout.as_of, UNKNOWN, layout.source) for name, value in parts.items() if value is not None
    ]
    return rows


def _no_model(curve: NoCurve) -> list[str]:
    return [f"No modelled power curve: {curve.reason}."]


def _model(curve: MachineCurve, rating: str) -> list[str]:
    build = curve.design.build
    clock = ["clock MHz", "voltage V"] if curve.clock_is_its_own else []
    input_5v = ["5 V input W"] if curve.rated_at == "dc" else []
    heading = ("of nominal clock", *clock, "TH/s", "wall W", *input_5v, "J/TH at wall", "chip degC", "")
    return [
        f"Modelled, not measured: {curve.note}.",
        f"Steady states with inlet air of {build.ambient_c:g} degC and fans at {100 * build.fan_speed:.0f} % of full speed.",
        "",
        *columns([heading, *(_cells(curve, point, rating) for point in curve.settings)], right=range(len(heading) - 1)),
        f"{EXTRAPOLATED} extrapolated: {_published(curve)}",
        "",
        "What the model takes, and from where:",
        *columns([(one.what, one.value, one.basis, one.as_of, one.source) for one in curve.taken]),
    ]


def _published(curve: MachineCurve) -> str:
    ladder, nominal_mhz = curve.design.build.curve, curve.design.build.frequency_mhz
    ends = ladder.frequencies_mhz[0], ladder.frequencies_mhz[-1]
    span = f"{100 * ends[0] / nominal_mhz:.0f} to {100 * ends[1] / nominal_mhz:.0f} % of the nominal clock"
    if curve.clock_is_its_own:
        return f"voltages are published from {ends[0]:g} to {ends[1]:g} MHz, {span}"
    return f"the borrowed voltages reach from {span}"


def _cells(curve: MachineCurve, point: OperatingPoint, rating: str) -> tuple[str, ...]:
    pct = round(curve.clock_pct(point))
    clock = [f"{point.frequency_mhz:.0f}", f"{point.voltage_v:.2f}"] if curve.clock_is_its_own else []
    remarks = [rating] if pct == 100 else []
    remarks += [EXTRAPOLATED] if point.extrapolated else []
    remarks += ["supply overloaded"] if point.supply_load > 1 else []
    return (
        f"{pct} %",
        *clock,
        _fixed(point.hashrate_hps / HASHES_PER_TH),
        _fixed(point.wall_power_w),
        *([_fixed(point.dc_power_w)] if curve.rated_at == "dc" else []),
        f"{point.efficiency_j_per_th:.2f}",
        f"{point.chip_c:.0f}",
        " ".join(remarks),
    )


def _fixed(value: float) -> str:
    """Return a number of a column, whose size hardly changes, with so many decimals that three or four digits are told."""
    return f"{value:,.{0 if value >= 300 else 1 if value >= 5 else 3}f}"


def _model_json(curve: MachineCurve) -> Json:
    build, own = curve.design.build, curve.clock_is_its_own
    return {
        "quality": "modelled",
        "grade": curve.grade,
        "note": curve.note,
        "inlet_c": build.ambient_c,
        "fan_speed_pct": 100 * build.fan_speed,
        "rated_at": curve.rated_at,
        "settings": [
            {
                "clock_pct_of_nominal": round(curve.clock_pct(point), 9),
                "frequency_mhz": point.frequency_mhz if own else None,
                "voltage_v": point.voltage_v if own else None,
                "hashrate_hps": point.hashrate_hps,
                "wall_power_w": point.wall_power_w,
                "supply_output_w": point.dc_power_w,
                "efficiency_j_per_th": point.efficiency_j_per_th,
                "chip_c": point.chip_c,
                "supply_load": point.supply_load,
                "extrapolated": point.extrapolated,
            }
            for point in curve.settings
        ],
        "takes": [
            {"what": one.what, "value": one.value, "basis": one.basis, "source": one.source, "as_of": one.as_of}
            for one in curve.taken
        ],
    }
