"""Every machine that the program knows by name.

`machines` and `machine` are the SHA-256 machines of 2020 and 2021, which scenarios of those years draw on: that list stays as
it is. `entries` and `entry` are the whole catalogue: those, other machines from the Antminer S3 to today's, the Bitaxe family,
and GPUs.
"""

from __future__ import annotations

from hw.catalogue.entries import CatalogueEntry, Kind, Layout, RateQuality, WattQuality, entries, entry, suggestion
from hw.catalogue.nameplates import COLUMNS, TABLE, machine, machines, parse_machines

__all__ = [
    "COLUMNS",
    "TABLE",
    "CatalogueEntry",
    "Kind",
    "Layout",
    "RateQuality",
    "WattQuality",
    "entries",
    "entry",
    "machine",
    "machines",
    "parse_machines",
    "suggestion",
]
