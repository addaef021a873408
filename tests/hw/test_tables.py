"""A broken table is refused with file, line and column."""

from __future__ import annotations

import pytest

from hw.errors import CatalogueError
from hw.tables import Row, read_rows

COLUMNS = ("name", "power_w", "chips")


def rows(*lines: str, header: str = "name,power_w,chips") -> list[Row]:
    return list(read_rows("\n".join((header, *lines)) + "\n", COLUMNS, where="t.csv"))


def test_a_good_line_is_read() -> None:
    (row,) = rows("S9, 1323 ,189")
    assert (row.required("name"), row.number("power_w"), row.count("chips")) == ("S9", 1323.0, 189)
    assert row.place == "t.csv, line 2"


def test_an_empty_count_is_unknown() -> None:
    assert rows("S9,1323,")[0].count("chips") is None


@pytest.mark.parametrize(
    ("line", "column", "sentence"),
    [
        ("S9,lots,1", "power_w", "t.csv, line 2, power_w: 'lots' is not a number"),
        ("S9,nan,1", "power_w", "t.csv, line 2, power_w: 'nan' is not finite"),
        ("S9,1,-3", "chips", "t.csv, line 2, chips: '-3' is not a count"),
        ("S9,1,1.5", "chips", "t.csv, line 2, chips: '1.5' is not a count"),
        ("S9,1,٣", "chips", "is not a count"),
        (",1,1", "name", "t.csv, line 2, name: empty; want a value"),
    ],
)
def test_a_bad_value_names_its_column(line: str, column: str, sentence: str) -> None:
    (row,) = rows(line)
    read = {"power_w": row.number, "chips": row.count, "name": row.required}[column]
    with pytest.raises(CatalogueError) as caught:
        read(column)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("header", "line", "sentence"),
    [
        ("name,power_w", "S9,1", "t.csv, line 1: columns are ['name', 'power_w']; want name, power_w, chips"),
        ("name,power_w,chips", "S9,1", "t.csv, line 2: not 3 values"),
        ("name,power_w,chips", "S9,1,2,3", "t.csv, line 2: not 3 values"),
    ],
)
def test_a_bad_shape_names_its_line(header: str, line: str, sentence: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        rows(line, header=header)
    assert sentence in str(caught.value)
