"""Whatever stands in a file where it should not, the sentence is ours: key path, value, and what would be right."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from hw.spec_errors import explain, shown


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    width: float = Field(gt=0, le=2.5, allow_inf_nan=False)
    count: int = Field(default=1, ge=1, multiple_of=4)

    @model_validator(mode="after")
    def _check(self) -> Part:
        if self.count > 100:
            raise ValueError(f"count: {self.count} is too many; want fewer" if self.width > 1 else "width and count clash")
        return self


class Square(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Literal["square"]
    side: float


class Circle(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Literal["circle"]
    radius: float


class Link(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1)]


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    parts: Annotated[tuple[Part, ...], Field(strict=False, max_length=2)] = ()
    shapes: tuple[Annotated[Square | Circle, Field(discriminator="kind")], ...] = Field(default=(), strict=False)
    amount: Annotated[float | Link, Field(union_mode="left_to_right")] = 1.0
    names: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False, min_length=1)] = ("a",)
    colour: Annotated[Colour, Field(strict=False)] | None = None
    version: Literal[1] = 1
    at: AwareDatetime = datetime(2021, 1, 1, tzinfo=UTC)
    code: str = Field(default="A", pattern="^[A-Z]$")
    plain: str = Field(default="A", pattern="^[A-Z]$", description="a capital letter")
    on: bool = False
    one: Part | None = None


def told(**table: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate(table)
    return explain(caught.value, Whole)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"parts": 3}, "parts: 3; want tables, each under [[parts]], at most 2"),
        ({"parts": {"width": 1.0}}, "parts: a table; want tables, each under [[parts]], at most 2"),
        ({"parts": [{"width": 1.0}] * 3}, "parts: a list of 3; want tables, each under [[parts]], at most 2"),
        ({"parts": [True]}, "parts[0]: true; want a table, under [[parts]]"),
        ({"parts": [{"width": 1.0}, {}]}, "parts[1].width: it is missing; want a number above 0, up to 2.5"),
        ({"parts": [{"width": 0.0}]}, "parts[0].width: 0.0; want a number above 0, up to 2.5"),
        ({"parts": [{"width": float("nan")}]}, "parts[0].width: nan; want a finite number above 0, up to 2.5"),
        ({"parts": [{"width": "1"}]}, "parts[0].width: '1'; want a number above 0, up to 2.5"),
        ({"parts": [{"width": 1.0, "count": 6}]}, "parts[0].count: 6; want a whole number of 1 or more, a multiple of 4"),
        ({"parts": [{"width": 1.0, "cuont": 6}]}, "parts[0].cuont: unknown key 'cuont'; did you mean 'count'?"),
        ({"parts": [{"width": 1.0, "zz z": 6}]}, "parts[0].'zz z': unknown key 'zz z'; want one of width, count"),
        ({"parts": [{"widht": 1.0}]}, "parts[0].widht: unknown key 'widht'; did you mean 'width'? (and 1 more)"),
        ({"parts": [{"width": 2.0, "count": 400}]}, "parts[0].count: 400 is too many; want fewer"),
        ({"parts": [{"width": 1.0, "count": 400}]}, "parts[0]: width and count clash"),
        ({"one": 1}, "one: 1; want a table, under [one]"),
        ({"one": {"width": True}}, "one.width: true; want a number above 0, up to 2.5"),
        ({"shapes": [{"side": 1.0}]}, "shapes[0].kind: it is missing; want one of square, circle"),
        ({"shapes": [{"kind": "cube"}]}, "shapes[0].kind: 'cube'; want one of square, circle"),
        (
            {"shapes": [{"kind": "square", "radius": 1.0}]},
            "shapes[0].radius: unknown key 'radius'; want one of kind, side (and 1",
        ),
        ({"shapes": ["square"]}, "shapes[0]: 'square'; want a table, under [[shapes]]"),
        ({"amount": "2"}, "amount: '2'; want a number or { name = ... }"),
        ({"amount": {"name": ""}}, "amount.name: ''; want text in quotes, not empty"),
        ({"amount": {"nmae": "x"}}, "amount.nmae: unknown key 'nmae'; did you mean 'name'?"),
        ({"names": []}, "names: an empty list; want a list of text in quotes, not empty, one or more"),
        ({"names": "a"}, "names: 'a'; want a list of text in quotes, not empty, one or more"),
        ({"names": ["a", 2]}, "names[1]: 2; want text in quotes, not empty"),
        ({"colour": "rde"}, "colour: 'rde'; want one of red, green"),
        ({"version": 2}, "version: 2; want 1"),
        ({"at": datetime(2021, 1, 1)}, "at: 2021-01-01T00:00:00; want a moment with its offset from UTC, such as 2021-06-20"),  # noqa: DTZ001
        ({"at": date(2021, 1, 1)}, "at: 2021-01-01; want a moment with its offset"),
        ({"code": "ab"}, "code: 'ab'; want text in quotes that matches ^[A-Z]$"),
        ({"plain": 3}, "plain: 3; want a capital letter"),
        ({"on": 1}, "on: 1; want true or false"),
        ({"on": "x" * 99}, f"on: '{'x' * 56}...; want true or false"),
        ({"colr": 1}, "colr: unknown key 'colr'; did you mean 'colour'?"),
    ],
)
def test_a_sentence_says_where_what_and_what_would_be_right(table: dict[str, Any], sentence: str) -> None:
    assert told(**table).startswith(sentence)


def test_how_many_more_there_are() -> None:
    assert told(on=1, version=2, plain=3).endswith(" (and 2 more)")
    assert told(amount={"name": 3}) == "amount.name: 3; want text in quotes, not empty", "both branches of it are one problem"


def test_values_are_shown_as_a_file_has_them() -> None:
    assert [shown(value) for value in (True, 1, 1.5, float("inf"), {}, [], "it's", date(2021, 1, 2))] == ([
        "true",
        "1",
        "1.5",
        "inf",
        "an empty table",
        "an empty list",
        '"it\'s"',
        "2021-01-02",
    ])
