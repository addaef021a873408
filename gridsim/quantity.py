"""Numbers of a scenario file: plain, sourced, or drawn from a named prior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from gridsim.errors import ScenarioError


class Frozen(BaseModel):
    """A part of a scenario: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True)


Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A finite number as TOML wrote it; a string or a boolean is not one."""

Whole = Annotated[int, Field(strict=True)]
"""A whole number as TOML wrote it."""

Text = Annotated[str, Field(min_length=1)]
"""Text that is not empty."""


class Sourced(Frozen):
    """A number taken from the world: value, unit, where from, and as of when."""

    value: Number
    unit: Text
    source: Text
    as_of: Text


class PriorRef(Frozen):
    """A number that each replicate draws from the prior of this name."""

    prior: Text


Quantity: TypeAlias = Annotated[Number | PriorRef, Field(union_mode="left_to_right")]
"""A number of a scenario: written down, or `{ prior = "name" }`."""


def resolve(quantity: Number | PriorRef, draws: Mapping[str, float]) -> float:
    """Return the value of `quantity`, looked up in this replicate's `draws` when it names a prior."""
    if isinstance(quantity, PriorRef):
        try:
            return draws[quantity.prior]
        except KeyError:
            known = ", ".join(sorted(draws)) or "none"
            raise ScenarioError(f"no prior {quantity.prior!r}; known: {known}") from None
    return quantity
