"""Turn what the validation library finds in a file into one sentence: key path, value, and what would be right.

What would be right is read off the model itself: a field's type, bounds and choices, or its `description` where a pattern tells
a person too little. None of the library's own words reach the reader.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time
from difflib import get_close_matches
from math import isfinite
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hw.spec_fields import Part, element_parts, field_parts, model_parts, narrowed, parts_of, wanted

MOST_SHOWN: Final = 60  # letters of a value
MOST_KEYS: Final = 12  # of a table, listed where an unknown one is like none of them
_RANKS: Final = {"extra_forbidden": 0, "value_error": 1, "missing": 3}  # an unknown key explains a missing one
_OTHER_RANK: Final = 2
_KEY_PATH: Final = re.compile(r"([a-z_]+)(?:\[\d+\]|\.[a-z_]+)*: ")


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Return one sentence about the first problem that `model` has with a file's table, and how many more there are."""
    found = [_placed(problem, model) for problem in error.errors(include_url=False)]
    first = min(found, key=lambda one: one.rank)
    deeper = (one for one in found if one.rank == first.rank and one.path.startswith(f"{first.path}."))
    told = next(deeper, first)  # of a number that may also be a table, the key of that table is to blame
    more = len({one.path for one in found if not told.path.startswith(f"{one.path}.")}) - 1
    return told.sentence() + (f" (and {more} more)" if more > 0 else "")


def shown(value: object) -> str:
    """Return a value of a file as the file has it, or what it is if it holds others."""
    if isinstance(value, dict):
        return "a table" if value else "an empty table"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, bool):
        return str(value).lower()
    text = value.isoformat() if isinstance(value, date | time) else repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 3]}..."


@dataclass(frozen=True, slots=True)
class _Placed:
    """A problem, its key path such as `events[3].fraction`, and what may stand there."""

    problem: ErrorDetails
    path: str
    parts: tuple[Part, ...]

    @property
    def rank(self) -> int:
        """The most telling problem has the lowest."""
        return _RANKS.get(self.problem["type"], _OTHER_RANK)

    def sentence(self) -> str:
        """Return where it is, what is there, and what would be right."""
        kind, given = self.problem["type"], self.problem.get("input")
        if kind == "value_error":
            return self._own_words(str(self.problem["ctx"]["error"]))
        if kind == "extra_forbidden":
            return f"{self.path}: {self._unknown_key()}"
        if kind in {"union_tag_invalid", "union_tag_not_found"}:
            return self._wrong_branch(str(self.problem["ctx"]["discriminator"]).strip("'"), given)
        want = wanted(self.parts, self.path)
        if isinstance(given, float) and not isfinite(given):
            want = want.replace("a number", "a finite number", 1)
        told = "it is missing" if kind == "missing" else shown(given)
        return f"{self.path}: {told}; want {want}" if self.path else f"{told}; want {want}"

    def _own_words(self, told: str) -> str:
        """Return what a model's check says of itself; it may begin with a key path below its own."""
        key = _KEY_PATH.match(told)
        below = key is not None and any(key[1] in model.model_fields for model in model_parts(self.parts))
        return f"{self.path}{'.' if below else ': '}{told}" if self.path else told

    def _unknown_key(self) -> str:
        key = str(self.problem["loc"][-1])
        known = list(dict.fromkeys(name for model in model_parts(self.parts) for name in model.model_fields))
        near = get_close_matches(key, known, n=1)
        hint = f"want one of {', '.join(known)}" if len(known) <= MOST_KEYS else "want one that the manual names"
        return f"unknown key {shown(key)}; " + (f"did you mean {near[0]!r}?" if near else hint)

    def _wrong_branch(self, key: str, given: object) -> str:
        """Tell of a table that may be of several kinds, and says of none that it is one, by its `key`."""
        told = shown(given[key]) if isinstance(given, dict) and key in given else "it is missing"
        kinds = [part for model in model_parts(self.parts) for part in field_parts(model, key)]
        return f"{self.path}.{key}: {told}; want {wanted(kinds, key)}"


def _placed(problem: ErrorDetails, model: type[BaseModel]) -> _Placed:
    """Follow the library's location through the models; its steps that only name a branch of a union are left out."""
    path, parts = "", tuple(parts_of(model))
    last = len(problem["loc"]) - 1
    for number, step in enumerate(problem["loc"]):
        if isinstance(step, int):
            path, parts = f"{path}[{step}]", tuple(element_parts(parts))
            continue
        below = tuple(part for one in model_parts(parts) for part in field_parts(one, step))
        if below:
            path, parts = _joined(path, step), below
        elif number == last and problem["type"] == "extra_forbidden":
            path = _joined(path, step if re.fullmatch(r"[\w-]{1,60}", step, re.ASCII) else shown(step))
        else:
            parts = narrowed(parts, step)
    return _Placed(problem, path, parts)


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
