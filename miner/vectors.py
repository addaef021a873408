"""Real block headers that ship with the program: test vectors, known-answer work, and proof that the floor holds."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from miner.errors import VectorError
from miner.header import BlockHeader


@cache
def headers() -> dict[int, BlockHeader]:
    """Return the shipped headers by height, in order of height."""
    text = (files("miner") / "data" / "headers.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {int(row["height"]): BlockHeader.from_hex(row["header_hex"]) for row in rows}


def header_at(height: int) -> BlockHeader:
    """Return the real header of block `height`; raise VectorError, which names known ones, if it does not ship."""
    try:
        return headers()[height]
    except KeyError:
        near = sorted(sorted(headers(), key=lambda known: abs(known - height))[:6])
        raise VectorError(f"no header of block {height} ships; the nearest are {', '.join(map(str, near))}") from None
