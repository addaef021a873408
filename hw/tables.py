"""CSV tables of numbers from the world: every fault is told with file, line and column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite

from hw.errors import CatalogueError


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: its values by column, and its place for messages, as in ``machines.csv, line 7``."""

    values: Mapping[str, str]
    place: str

    def text(self, column: str) -> str:
        """Return the text of `column`, without spaces around it; it may be empty."""
        return self.values[column].strip()

    def required(self, column: str) -> str:
        """Return the text of `column`.

        Raises
        ------
        CatalogueError
            If it is empty.
        """
        text = self.text(column)
        if not text:
            raise CatalogueError(f"{self.place}, {column}: empty; want a value")
        return text

    def number(self, column: str) -> float:
        """Return the number in `column`.

        Raises
        ------
        CatalogueError
            If there is no finite number.
        """
        text = self.values[column]
        try:
            value = float(text)
        except ValueError:
            raise CatalogueError(f"{self.place}, {column}: {text!r} is not a number") from None
        if not isfinite(value):
            raise CatalogueError(f"{self.place}, {column}: {text!r} is not finite")
        return value

    def count(self, column: str) -> int | None:
        """Return the whole number of 0 or more in `column`, or None where it is empty.

        Raises
        ------
        CatalogueError
            If there is something else.
        """
        text = self.text(column)
        if not text:
            return None
        if not (text.isascii() and text.isdigit()):
            raise CatalogueError(
                f"{self.place}, {column}: {text!r} is not a count; want a whole number of 0 or more, or nothing"
            )
        return int(text)


def read_rows(text: str, columns: tuple[str, ...], *, where: str) -> Iterator[Row]:
    """Yield the rows of one table in CSV form; `where` names it in messages.

    Raises
    ------
    CatalogueError
        If the columns are not exactly `columns`, or a line has more or fewer values than columns.
    """
    reader = csv.DictReader(io.StringIO(text))
    if tuple(reader.fieldnames or ()) != columns:
        raise CatalogueError(f"{where}, line 1: columns are {reader.fieldnames}; want {', '.join(columns)}")
    for row in reader:
        place = f"{where}, line {reader.line_num}"
        if None in row or None in row.values():
            raise CatalogueError(f"{place}: not {len(columns)} values; want one for each column")
        yield Row(row, place)
