"""Stated priors: what cannot be sourced gets a range, a reason and a name, all in one file.

Each replicate draws every prior once, from a stream of its own, so adding a prior leaves the others alone.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from gridsim.quantity import Frozen, Number, Text
from gridsim.streams import Streams


class Prior(Frozen):
    """A triangular prior from `low` over `mode` to `high`, in `unit`, with the reason for the range.

    `status` is *calibrated* where `source` names the data before the start that fixed the mode, else *assumed*.
    A triangle says what is known here, a range and a best guess, and no more.
    """

    name: Text
    unit: Text
    low: Number
    mode: Number
    high: Number
    status: Literal["assumed", "calibrated"]
    reason: Text
    source: Text

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.mode <= self.high:
            raise ValueError(f"prior {self.name!r}: want low <= mode <= high, got {self.low}, {self.mode}, {self.high}")
        return self

    def draw(self, streams: Streams) -> float:
        """Draw this prior's value for one replicate."""
        if self.low == self.high:
            return self.low
        return float(streams.stream(f"prior/{self.name}").triangular(self.low, self.mode, self.high))


def draw_all(priors: tuple[Prior, ...], streams: Streams) -> dict[str, float]:
    """Return one draw of every prior, by name."""
    return {prior.name: prior.draw(streams) for prior in priors}
