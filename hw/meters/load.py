"""Powers as functions of time that can be integrated: what a simulated or an emulated meter is connected to."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import floor, fsum, inf, isfinite
from typing import Protocol

from hw.errors import PowerError


class Load(Protocol):
    """Something that draws power."""

    def power_w(self, time_s: float) -> float:
        """Return the power [W] at `time_s` [s]."""
        ...

    def energy_j(self, from_s: float, to_s: float) -> float:
        """Return the energy [J] drawn from `from_s` to `to_s` [s]."""
        ...


@dataclass(frozen=True, slots=True)
class StepLoad:
    """A power that is constant between `changes`, (time [s], power [W] from then on) in their order, and 0 W before the first.

    Its energy is exact: each piece's product and their sum are rounded once.

    Raises
    ------
    PowerError
        If times do not rise, or one is none (the first may be minus infinity), or a power is negative or not finite.
    """

    changes: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        """Refuse what no machine could draw."""
        for time_s, power_w in self.changes:
            if not time_s < inf:
                raise PowerError(f"power changes at {time_s} s; want a time")
            _check(time_s, power_w)
        for (earlier_s, _), (later_s, _) in pairwise(self.changes):
            if later_s <= earlier_s:
                raise PowerError(f"power changes at {earlier_s} s and then at {later_s} s; want times that rise")

    def power_w(self, time_s: float) -> float:
        """Return the power [W] at `time_s` [s]; at a change, that after it."""
        place = bisect_right(self.changes, (time_s, inf))
        return self.changes[place - 1][1] if place else 0.0

    def energy_j(self, from_s: float, to_s: float) -> float:
        """Return the energy [J] drawn from `from_s` to `to_s` [s]; 0 if that is not later."""
        ends = (*(time_s for time_s, _ in self.changes[1:]), inf)
        return fsum(
            power_w * (min(end_s, to_s) - max(start_s, from_s))
            for (start_s, power_w), end_s in zip(self.changes, ends, strict=False)
            if min(end_s, to_s) > max(start_s, from_s)
        )


@dataclass(frozen=True, slots=True)
class FunctionLoad:
    """Any function of time, held to its value in the middle of every `step_s` [s]: steps, whose energy is exact.

    What that leaves out of a smooth function's energy falls with the square of `step_s` (midpoint rule). Raises PowerError when
    the function gives a power that is negative or not finite.
    """

    function: Callable[[float], float]
    step_s: float

    def __post_init__(self) -> None:
        """Refuse a step that is none."""
        if not (isfinite(self.step_s) and self.step_s > 0):
            raise PowerError(f"step_s is {self.step_s}; want seconds above 0")

    def power_w(self, time_s: float) -> float:
        """Return the power [W] of the step in which `time_s` [s] lies."""
        return self._of(floor(time_s / self.step_s))

    def energy_j(self, from_s: float, to_s: float) -> float:
        """Return the energy [J] drawn from `from_s` to `to_s` [s]; 0 if that is not later."""
        if to_s <= from_s:
            return 0.0
        first, last = floor(from_s / self.step_s), floor(to_s / self.step_s)
        return fsum(
            self._of(step) * max(0.0, min((step + 1) * self.step_s, to_s) - max(step * self.step_s, from_s))
            for step in range(first, last + 1)
        )

    def _of(self, step: int) -> float:
        middle_s = (step + 0.5) * self.step_s
        power_w = self.function(middle_s)
        _check(middle_s, power_w)
        return power_w


def constant_load(power_w: float) -> StepLoad:
    """Return what draws `power_w` [W] at all times."""
    return StepLoad(((-inf, power_w),))


def _check(time_s: float, power_w: float) -> None:
    if not (isfinite(power_w) and power_w >= 0):
        raise PowerError(f"a power of {power_w} W at {time_s} s; want a finite number, 0 or more")
