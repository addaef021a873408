"""The tables of one run as figures want them: opened once, thinned to what a picture can show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

HOURLY: Final = 1
DAILY: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTables:
    """What the figures draw from; `comparison` is None where the scenario names no history.

    `marks` are the moments worth a line: (UTC datetime, short label).
    """

    network: pa.Table
    regions: pa.Table
    epochs: pa.Table
    comparison: pa.Table | None
    marks: tuple[tuple[datetime, str], ...]


def thinned(table: pa.Table, column: str, every: int) -> Any:  # noqa: ANN401  numbers or moments
    """Return every `every`-th value of a column as a numpy array."""
    return table[column].to_numpy()[::every]
