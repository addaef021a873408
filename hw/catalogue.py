"""The machines that hashed in 2020 and 2021, by name.

The table `hw/data/sha256_machines_2020_2021.csv` holds one nameplate a row, with its source. Three sources, by trust:

- high: CBECI's hardware list. Its experts refined J/TH; the power is their J/TH times the hash rate in the model's name.
- medium-high: F2Pool's device list of March 2020, makers' figures; some release months are approximate.
- medium: a reseller's list of 2022, without release dates.

Where several list one model, the most trusted row with both ratings was taken. The file is read on the first call.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from typing import Final, cast

from hw.errors import CatalogueError, ModelError, UnknownMachineError
from hw.models import MachineModel, Precision, Trust
from miner.units import HASHES_PER_TH

TABLE: Final = "sha256_machines_2020_2021.csv"
COLUMNS: Final = (
    "maker",
    "model",
    "released",
    "released_precision",
    "hashrate_thps",
    "power_w",
    "quoted_efficiency_j_per_th",
    "source",
    "as_of",
    "trust",
)

_SUGGESTIONS: Final = 6
_LENGTH_OF_DATE: Final = {"day": 10, "month": 7, "year": 4, "unknown": 0}


@lru_cache(maxsize=1)
def machines() -> tuple[MachineModel, ...]:
    """Return every machine of the packaged table, in its order.

    Raises
    ------
    CatalogueError
        If the table is broken; the message names line and column.
    """
    text = (files("hw") / "data" / TABLE).read_text(encoding="utf-8")
    return parse_machines(text, where=TABLE)


def machine(name: str) -> MachineModel:
    """Return the machine called `name`: its model, or maker and model; case, spaces and dashes do not count.

    Raises
    ------
    UnknownMachineError
        If there is none; the message lists the nearest names.
    """
    by_key = _by_key(machines())
    found = by_key.get(_key(name))
    if found is None:
        raise UnknownMachineError(f"no machine {name!r} in the catalogue; {_nearest(name)}")
    return found


def parse_machines(text: str, *, where: str) -> tuple[MachineModel, ...]:
    """Return the machines of one table in CSV form; `where` names it in messages.

    Raises
    ------
    CatalogueError
        If columns are missing or unknown, a value cannot be read or contradicts another, or a name comes twice.
    """
    reader = csv.DictReader(io.StringIO(text))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise CatalogueError(f"{where}, line 1: columns are {reader.fieldnames}; want {', '.join(COLUMNS)}")
    rows = []
    for row in reader:
        place = f"{where}, line {reader.line_num}"
        if None in row or None in row.values():
            raise CatalogueError(f"{place}: not {len(COLUMNS)} values; want one for each column")
        rows.append(_read_row(row, place))
    _by_key(rows, where=where)
    return tuple(rows)


def _read_row(row: Mapping[str, str], place: str) -> MachineModel:
    precision = row["released_precision"] or "unknown"
    quoted = row["quoted_efficiency_j_per_th"]
    try:
        return MachineModel(
            maker=row["maker"],
            model=row["model"],
            hashrate_hps=_number(row, "hashrate_thps", place) * HASHES_PER_TH,
            power_w=_number(row, "power_w", place),
            source=row["source"],
            as_of=row["as_of"],
            trust=cast(Trust, row["trust"]),
            released=_date(row["released"], precision, place),
            released_precision=cast(Precision, precision),
            quoted_efficiency_j_per_th=_number(row, "quoted_efficiency_j_per_th", place) if quoted else None,
        )
    except ModelError as error:
        raise CatalogueError(f"{place}: {error}") from None


def _number(row: Mapping[str, str], column: str, place: str) -> float:
    try:
        return float(row[column])
    except ValueError:
        raise CatalogueError(f"{place}, {column}: {row[column]!r} is not a number") from None


def _date(text: str, precision: str, place: str) -> date | None:
    """Read "2020-05" with precision "month" as 1 May 2020; an empty text with "unknown" as None."""
    if len(text) != _LENGTH_OF_DATE.get(precision, -1):
        raise CatalogueError(
            f"{place}, released: {text!r} with precision {precision!r}; want 2020-05-01 day, 2020-05 month, 2020 year"
        )
    try:
        return date.fromisoformat(text + "2000-01-01"[len(text) :]) if text else None
    except ValueError:
        raise CatalogueError(f"{place}, released: {text!r} is not a date; want 2020-05-01, 2020-05 or 2020") from None


def _by_key(models: list[MachineModel] | tuple[MachineModel, ...], *, where: str = TABLE) -> dict[str, MachineModel]:
    found: dict[str, MachineModel] = {}
    for model in models:
        for key in (_key(model.name), _key(model.model)):
            if key in found:
                raise CatalogueError(
                    f"{where}: two machines answer to {model.model!r}; give each bin its rating, as in 'S9 (14Th)'"
                )
            found[key] = model
    return found


def _key(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).casefold()


def _nearest(name: str) -> str:
    """Say which machines begin like `name`, or are spelled like it."""
    key = _key(name)
    by_key = _by_key(machines())
    alike = [by_key[other].model for other in by_key if key and other.startswith(key)]
    alike += [by_key[other].model for other in get_close_matches(key, by_key, n=_SUGGESTIONS, cutoff=0.6)]
    unique = list(dict.fromkeys(alike))[:_SUGGESTIONS]
    if unique:
        return f"did you mean {', '.join(unique)}?"
    return f"it holds {len(machines())}, such as {machines()[0].model}"
