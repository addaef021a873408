"""One number taken from the world, with its unit, its source, its date, and how it came about."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Literal, get_args

from hw.errors import ModelError

Basis = Literal["measured", "datasheet", "nameplate", "derived", "assumed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """A number that somebody else found, or that nobody did and that is assumed here.

    Attributes
    ----------
    value, unit : float, str
        The number and its unit; "1" for a ratio.
    source, as_of : str
        Where it stands and when that was current or read (ISO 8601 to the precision known); for an assumption, why it was
        chosen.
    basis : str
        "measured", "datasheet", "nameplate", "derived" (computed from sourced numbers) or "assumed".

    Raises
    ------
    ModelError
        If the value is not finite, a text is empty, or the basis is unknown.
    """

    value: float
    unit: str
    source: str
    as_of: str
    basis: Basis

    def __post_init__(self) -> None:
        """Refuse a number without its papers."""
        if not isfinite(self.value):
            raise ModelError(f"value is {self.value}; want a finite number of {self.unit or 'some unit'}")
        for field in ("unit", "source", "as_of"):
            if not getattr(self, field).strip():
                raise ModelError(f"{self.value:g}: {field} is empty; every number needs one")
        if self.basis not in get_args(Basis):
            raise ModelError(f"{self.value:g}: basis is {self.basis!r}; want one of {', '.join(get_args(Basis))}")
