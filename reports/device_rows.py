"""The catalogue of machines as rows: found by name, chosen, sorted, told as a table or as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from typing import Final

from hw.catalogue import CatalogueEntry, Kind, entries, entry
from hw.catalogue.entries import COMPRESSIONS_A_HASH, GPU_COLUMNS, GPUS
from hw.catalogue.names import family, key
from hw.errors import UnknownMachineError
from hw.models import MachineModel
from hw.tables import read_rows
from miner.units import HASHES_PER_MH, HASHES_PER_TH

Json = dict[str, object]

SUGGESTIONS: Final = 6
UNKNOWN: Final = "-"  # in a table, where the source does not tell
BOUNDARIES: Final[Mapping[str, str]] = {
    "wall": "at the plug of the whole machine",
    "input": "at the input of the board, measured there; the adapter before it loses more",
    "estimated input": "at the input of the board, by its firmware's estimate: what the regulator gives and a fixed allowance",
    "board": "of the card of a GPU, without its host",
}
"""Where watts are, and what that leaves out."""
SHORT: Final = {"estimated input": "input*"}  # in a table, which is wide enough
_LENGTHS: Final = {"day": 10, "month": 7, "year": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which machines are listed: of a maker, released from `since` on, of a kind; None for all."""

    maker: str | None = None
    since: date | None = None
    kind: Kind | None = None


def chosen(choice: Choice) -> tuple[list[CatalogueEntry], int]:
    """Return the machines chosen, the oldest first, and how many `since` leaves out for want of a release date.

    A machine of which only the year is known counts as released on the last of that year; those without a date come last.

    Raises
    ------
    UnknownMachineError
        If there is no such maker; the message lists those known.
    """
    found = [one for one in entries(choice.kind) if choice.maker is None or key(choice.maker) in _maker_keys(one.machine.maker)]
    if not found and choice.maker is not None:
        makers = {one.machine.maker for one in entries()}
        if not any(key(choice.maker) in _maker_keys(maker) for maker in makers):
            raise UnknownMachineError(f"no maker {choice.maker!r}; known: {', '.join(sorted(makers, key=str.casefold))}")
    undated = 0
    if choice.since is not None:
        undated = sum(one.machine.released is None for one in found)
        found = [one for one in found if one.machine.released is not None and _latest(one.machine) >= choice.since]
    return sorted(found, key=_order), undated


def found_by_name(name: str) -> CatalogueEntry:
    """Return the machine called `name`; case, spaces, dashes and brackets do not count, nor the make: "s19j-pro-104th" will do.

    Raises
    ------
    UnknownMachineError
        If there is none, or several; the message lists the nearest names.
    """
    try:
        return entry(name)
    except UnknownMachineError:
        pass
    known, wanted = _by_loose_name(), _loose(name)
    alike = known.get(wanted, [])
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise UnknownMachineError(f"{name!r} may be {_some(alike)}; name one of them")
    near = [one for own, those in known.items() if wanted and own.startswith(wanted) for one in those]
    near += [one for own, those in known.items() if wanted and wanted in own for one in those]
    near += [one for own in get_close_matches(wanted, known, n=SUGGESTIONS, cutoff=0.6) for one in known[own]]
    hint = f"did you mean {_some(near)}?" if near else "`hashwatt devices list` shows all"
    raise UnknownMachineError(f"no machine {name!r} in the catalogue; {hint}")


def released(machine: MachineModel) -> str | None:
    """Return the release as far as it is known: "2021-05", "2021"; None where the source does not tell."""
    return None if machine.released is None else machine.released.isoformat()[: _LENGTHS[machine.released_precision]]


def short_name(one: CatalogueEntry) -> str:
    """Return maker and model, or the model alone where it begins with the maker's name."""
    return one.machine.model if one.machine.model.startswith(_bare(one.machine.maker)) else one.name


def hashrate(one: CatalogueEntry) -> tuple[float, str]:
    """Return the hash rate in the unit that suits its kind, and the unit: TH/s for an ASIC, MH/s for a GPU."""
    if one.kind == "gpu":
        return one.machine.hashrate_hps / HASHES_PER_MH, "MH/s"
    return one.machine.hashrate_hps / HASHES_PER_TH, "TH/s"


def number(value: float) -> str:
    """Return a number to four digits or, from 1,000 on, to the unit: 0.4336, 29.5, 14,200."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def as_json(one: CatalogueEntry) -> Json:
    """Return plain numbers with their units in the keys, and the papers of each: what it is, source, date and trust."""
    machine = one.machine
    return {
        "name": one.name,
        "maker": machine.maker,
        "model": machine.model,
        "kind": one.kind,
        "cooling": one.cooling,
        "released": released(machine),
        "hashrate_hps": machine.hashrate_hps,
        "power_w": machine.power_w,
        "power_boundary": one.power_boundary,
        "efficiency_j_per_th": machine.efficiency_j_per_th,
        "provenance": {figure: dict(zip(PAPERS, papers, strict=True)) for figure, papers in figure_papers(one).items()},
    }


PAPERS: Final = ("quality", "source", "as_of", "trust")


def figure_papers(one: CatalogueEntry) -> Mapping[str, tuple[str, str, str, str]]:
    """Return what each figure is worth: its quality, source, date and trust."""
    machine = one.machine
    power_source, how = machine.source, machine.source
    if one.kind == "gpu":
        power_source = _design_power_sources()[machine.model]
        how = f"{machine.source}: its speed of single SHA-256 over {COMPRESSIONS_A_HASH}"
    return {
        "hashrate_hps": (one.hashrate_quality, how, machine.as_of, machine.trust),
        "power_w": (one.power_quality, power_source, machine.as_of, one.power_trust),
        "efficiency_j_per_th": ("derived", "power over hash rate", machine.as_of, one.power_trust),
    }


def list_table(rows: Iterable[CatalogueEntry]) -> list[str]:
    """Return the lines of a table, a heading first, and below it what the boundaries mean, where there are several."""
    listed = list(rows)
    heading = ("name", "released", "hash rate", "", "W", "J/TH", "at", "cooling", "figures", "trust")
    there = {one.power_boundary for one in listed}
    legend = [f"{SHORT.get(name, name)}: {what}" for name, what in BOUNDARIES.items() if name in there]
    table = columns([heading, *(_cells(one) for one in listed)], right=(2, 4, 5))
    return [*table, "", "Watts and J/TH of different boundaries are not alike:", *legend] if len(there) > 1 else table


def columns(rows: Sequence[Sequence[str]], right: Iterable[int] = ()) -> list[str]:
    """Return rows of text as lines, each column as wide as its widest cell; those whose numbers are in `right` end flush."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    flush = set(right)
    return [
        "  ".join(
            f"{cell:>{width}}" if place in flush else f"{cell:<{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _cells(one: CatalogueEntry) -> tuple[str, ...]:
    rate, unit = hashrate(one)
    qualities = {one.hashrate_quality, one.power_quality}
    return (
        one.name,
        released(one.machine) or UNKNOWN,
        number(rate),
        unit,
        number(one.machine.power_w),
        _efficiency(one.machine.efficiency_j_per_th),
        SHORT.get(one.power_boundary, one.power_boundary),
        one.cooling,
        "rated" if qualities == {"rated"} else f"{one.hashrate_quality}, {one.power_quality}",
        one.power_trust,
    )


def _efficiency(j_per_th: float) -> str:
    """Return J/TH to the tenth, where that is within four digits."""
    return number(j_per_th) if j_per_th >= 1000 else f"{j_per_th:.1f}"


def _some(those: Iterable[CatalogueEntry]) -> str:
    """Return the first few models, and how many more there are."""
    models = list(dict.fromkeys(one.machine.model for one in those))
    more = [f"{len(models) - SUGGESTIONS} more"] if len(models) > SUGGESTIONS else []
    *most, last = [*models[:SUGGESTIONS], *more]
    return f"{', '.join(most)} or {last}" if most else last


def _order(one: CatalogueEntry) -> tuple[date, str]:
    return one.machine.released or date.max, one.name.casefold()


def _latest(machine: MachineModel) -> date:
    """Return the last day on which a machine with a date may have been released."""
    day = machine.released or date.max
    if machine.released_precision == "year":
        return day.replace(month=12, day=31)
    return day.replace(day=28) if machine.released_precision == "month" else day


def _maker_keys(maker: str) -> set[str]:
    """Return what a maker answers to: its name, with and without what is added in brackets."""
    return {key(maker), key(_bare(maker))}


def _bare(maker: str) -> str:
    return re.sub(r"\s*\(.*\)$", "", maker)


def _loose(name: str) -> str:
    return re.sub(r"[()/.]", "", key(name))


@lru_cache(maxsize=1)
def _by_loose_name() -> dict[str, list[CatalogueEntry]]:
    """Return the machines by all they are called: model, model without the make, either without its bin's rating."""
    found: dict[str, list[CatalogueEntry]] = {}
    for one in entries():
        model = one.machine.model
        bare = family(model)
        names = {name for whole in (one.name, model, bare) for name in (whole, whole.partition(" ")[2] or whole)}
        for own in {_loose(name) for name in names}:
            found.setdefault(own, []).append(one)
    return found


@lru_cache(maxsize=1)
def _design_power_sources() -> dict[str, str]:
    """Return where the design power of each GPU stands, by model."""
    text = (files("hw") / "data" / GPUS).read_text(encoding="utf-8")
    return {row.required("model"): row.required("tdp_source") for row in read_rows(text, GPU_COLUMNS, where=GPUS)}
