"""The machines that hashed in 2020 and 2021, by name.

The table `hw/data/sha256_machines_2020_2021.csv` holds one nameplate a row, with its source. Three sources, by trust:

- high: CBECI's hardware list. Its experts refined J/TH; the power is their J/TH times the hash rate in the model's name.
- medium-high: F2Pool's device list of March 2020, makers' figures; some release months are approximate.
- medium: a reseller's list of 2022, without release dates.

Where several list one model, the most trusted row with both ratings was taken. The file is read on the first call.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Final, cast

from hw.catalogue.names import by_key, key, nearest
from hw.errors import CatalogueError, ModelError, UnknownMachineError
from hw.models import MachineModel, Precision, Trust
from hw.tables import Row, read_rows
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

_LENGTH_OF_DATE: Final = {"day": 10, "month": 7, "year": 4, "unknown": 0}


@lru_cache(maxsize=1)
def machines() -> tuple[MachineModel, ...]:
    """Return every machine of the packaged table of 2020 and 2021, in its order.

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
    known = by_key(machines(), where=TABLE)
    found = known.get(key(name))
    if found is None:
        raise UnknownMachineError(f"no machine {name!r} in the catalogue; {nearest(name, known)}")
    return found


def parse_machines(text: str, *, where: str) -> tuple[MachineModel, ...]:
    """Return the machines of one table in CSV form; `where` names it in messages.

    Raises
    ------
    CatalogueError
        If columns are missing or unknown, a value cannot be read or contradicts another, or a name comes twice.
    """
    rows = tuple(_read_row(row) for row in read_rows(text, COLUMNS, where=where))
    by_key(rows, where=where)
    return rows


def _read_row(row: Row) -> MachineModel:
    quoted = row.values["quoted_efficiency_j_per_th"]
    return read_model(
        row,
        hashrate_hps=row.number("hashrate_thps") * HASHES_PER_TH,
        power_w=row.number("power_w"),
        quoted_efficiency_j_per_th=row.number("quoted_efficiency_j_per_th") if quoted else None,
    )


def read_model(
    row: Row, *, hashrate_hps: float, power_w: float, quoted_efficiency_j_per_th: float | None = None
) -> MachineModel:
    """Return the machine of one row, with the ratings [H/s, W, J/TH] that the caller made of it.

    Read here: maker, model, released, released_precision, source, as_of, trust.

    Raises
    ------
    CatalogueError
        If a value cannot be read or contradicts another.
    """
    values = row.values
    precision = values["released_precision"] or "unknown"
    try:
        return MachineModel(
            maker=values["maker"],
            model=values["model"],
            hashrate_hps=hashrate_hps,
            power_w=power_w,
            source=values["source"],
            as_of=values["as_of"],
            trust=cast(Trust, values["trust"]),
            released=_date(values["released"], precision, row.place),
            released_precision=cast(Precision, precision),
            quoted_efficiency_j_per_th=quoted_efficiency_j_per_th,
        )
    except ModelError as error:
        raise CatalogueError(f"{row.place}: {error}") from None


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
