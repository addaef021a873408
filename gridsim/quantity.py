"""Numbers of a scenario file: plain, sourced, or drawn from a named prior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

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


@dataclass(frozen=True, slots=True)
class Stated:
    """The range that a sourced number must lie in, ends included, and its unit if it is held to one."""

    unit: str | None
    low: float
    high: float

    def __call__(self, sourced: Sourced) -> Sourced:
        """Refuse another unit, or a value outside."""
        if self.unit is not None and sourced.unit != self.unit:
            raise ValueError(f"unit {sourced.unit!r}; want {self.unit!r}")
        if not self.low <= sourced.value <= self.high:
            raise ValueError(f"{sourced.value:g} is out of range; want a number from {self.low:g} to {self.high:g}")
        return sourced


class PriorRef(Frozen):
    """A number that each replicate draws from the prior of this name."""

    prior: Text


Quantity: TypeAlias = Annotated[Number | PriorRef, Field(union_mode="left_to_right")]
"""A number of a scenario: written down, or `{ prior = "name" }`."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range that a quantity must lie in, whether written down or drawn; ends included."""

    low: float
    high: float = inf

    def __call__(self, quantity: Number | PriorRef | None) -> Number | PriorRef | None:
        """Refuse a written number outside; a prior's whole range is held against the bounds by the scenario."""
        if isinstance(quantity, float):
            self.check(quantity)
        return quantity

    def check(self, value: float) -> None:
        """Raise ValueError if `value` lies outside."""
        if not self.low <= value <= self.high:
            want = f"a number from {self.low:g} to {self.high:g}" if self.high < inf else f"{self.low:g} or more"
            raise ValueError(f"{value:g} is out of range; want {want}")


FractionQuantity = Annotated[Quantity, AfterValidator(Bounds(0, 1))]
PositiveQuantity = Annotated[Quantity, AfterValidator(Bounds(1e-9))]
MOST = 1e9  # of gigawatts, days, hours, EH/s a month: far beyond what exists, and squares still fit a float
AmountQuantity = Annotated[Quantity, AfterValidator(Bounds(0, MOST))]
PueQuantity = Annotated[Quantity, AfterValidator(Bounds(1, 3))]
OptionalFraction = Annotated[Quantity | None, AfterValidator(Bounds(0, 1))]
OptionalAmount = Annotated[Quantity | None, AfterValidator(Bounds(0))]


def resolve(quantity: Number | PriorRef, draws: Mapping[str, float]) -> float:
    """Return the value of `quantity`, looked up in this replicate's `draws` when it names a prior."""
    if isinstance(quantity, PriorRef):
        try:
            return draws[quantity.prior]
        except KeyError:
            known = ", ".join(sorted(draws)) or "none"
            raise ScenarioError(f"no prior {quantity.prior!r}; known: {known}") from None
    return quantity
