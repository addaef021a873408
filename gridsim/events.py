"""Dated events of a scenario, as its file states them; `gridsim.policy` and `gridsim.migration` act them out.

All moments are aware datetimes. A fraction is of the machines of its regions that run when the event starts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self, TypeAlias, TypeVar

from pydantic import AwareDatetime, Field, model_validator

from gridsim.quantity import AmountQuantity, FractionQuantity, Frozen, OptionalAmount, PositiveQuantity, Text


class _Event(Frozen):
    """What every event has: an id, the text of what happened, and where that is known from."""

    id: Text
    description: Text
    source: Text


AnyEvent = TypeVar("AnyEvent", bound=_Event)


class Rationing(_Event):
    """Supply withheld for a while: machines stop where they stand and start again at the end."""

    kind: Literal["rationing"]
    regions: Annotated[tuple[Text, ...], Field(min_length=1)]
    start: AwareDatetime
    end: AwareDatetime
    fraction: FractionQuantity

    @model_validator(mode="after")
    def _forward(self) -> Self:
        return _check_order(self, self.start, self.end)


class Order(_Event):
    """Machines shut for good between `start` and `deadline`, or over `ramp_h` hours from `start`.

    `announced` tells machines on the way to turn elsewhere; with `closes` nothing new may settle there.
    """

    kind: Literal["order"]
    regions: Annotated[tuple[Text, ...], Field(min_length=1)]
    start: AwareDatetime
    fraction: FractionQuantity
    deadline: AwareDatetime | None = None
    ramp_h: OptionalAmount = None
    announced: AwareDatetime | None = None
    closes: bool = False

    @model_validator(mode="after")
    def _one_ramp(self) -> Self:
        if (self.deadline is None) == (self.ramp_h is None):
            raise ValueError(f"order {self.id!r}: give either a deadline or ramp_h")
        return self if self.deadline is None else _check_order(self, self.start, self.deadline)


class Sweep(_Event):
    """Inspections without a list: each running machine is found at a constant hazard a day."""

    kind: Literal["sweep"]
    regions: Annotated[tuple[Text, ...], Field(min_length=1)]
    start: AwareDatetime
    end: AwareDatetime | None = None
    hazard_per_day: AmountQuantity

    @model_validator(mode="after")
    def _forward(self) -> Self:
        return self if self.end is None else _check_order(self, self.start, self.end)


class SeasonalMove(_Event):
    """Machines that follow cheap water: part of `origin` drives to `destination`, evenly between two dates."""

    kind: Literal["seasonal"]
    origin: Text
    destination: Text
    start: AwareDatetime
    end: AwareDatetime
    fraction: FractionQuantity
    transit_days: AmountQuantity
    destination_limit_gw: PositiveQuantity

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions it touches."""
        return (self.origin, self.destination)

    @model_validator(mode="after")
    def _forward(self) -> Self:
        return _check_order(self, self.start, self.end)


Event: TypeAlias = Annotated[Rationing | Order | Sweep | SeasonalMove, Field(discriminator="kind")]


def _check_order(event: AnyEvent, start: datetime, end: datetime) -> AnyEvent:
    if end < start:
        raise ValueError(f"event {event.id!r}: it ends ({end:%Y-%m-%dT%H:%M%z}) before it starts ({start:%Y-%m-%dT%H:%M%z})")
    return event
