"""A machine on its way from one state to another: what flows meanwhile, and what of it comes together in a step.

Watts, hashes and the clock go from where they were to where the orders lead, along the curves of a ramp. What the fans draw is
in the watts and goes with them, so their speed, which goes with its third root, agrees with the watts at every moment.

A boot is the control board's: it goes on whatever is ordered meanwhile, and chips that are woken during it do no more than the
boot has reached.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Final

from hw.modes import Ramp
from hw.transient import Flow

GAUSS: Final = 1 / (2 * sqrt(3))  # two such points a piece integrate polynomials up to the third degree exactly


@dataclass(frozen=True, slots=True)
class Way:
    """A ramp under way: since when [s], and what flowed before."""

    ramp: Ramp
    since_s: float
    before: Flow

    @property
    def until_s(self) -> float:
        """When [s] it is over."""
        return self.since_s + self.ramp.settled_s

    def flow(self, goal: Flow, now_s: float) -> Flow:
        """Return what flows at `now_s` [s] on the way to `goal`; voltage is there in full as soon as there is a clock."""
        since_s, before = now_s - self.since_s, self.before
        power, rate = self.ramp.power_part(since_s), self.ramp.hashrate_part(since_s)
        clock_mhz = _between(before.clock_mhz, goal.clock_mhz, rate)
        return Flow(
            wall_w=_between(before.wall_w, goal.wall_w, power),
            chip_w=_between(before.chip_w, goal.chip_w, power),
            hps=_between(before.hps, goal.hps, rate),
            reported_hps=_between(before.reported_hps, goal.reported_hps, rate),
            fan_speed=min(_between(before.fan_speed**3, goal.fan_speed**3, power) ** (1 / 3), 1.0),
            clock_mhz=clock_mhz,
            voltage_v=(goal.voltage_v or before.voltage_v) if clock_mhz > 0 else 0.0,
            found=goal.found,
        )


@dataclass(slots=True)
class Ways:
    """The ways that a machine is on: its boot, and its falling asleep or waking up, which may go on at once."""

    boot: Way | None = None
    turn: Way | None = None

    def settle(self, now_s: float) -> bool:
        """Forget what is over at `now_s` [s]; tell whether a way is left."""
        self.boot, self.turn = (None if way is None or now_s >= way.until_s else way for way in (self.boot, self.turn))
        return bool(self.boot or self.turn)

    def until_s(self) -> float:
        """Return when [s] the last of them is over; -inf if there is none."""
        return max((way.until_s for way in (self.boot, self.turn) if way is not None), default=float("-inf"))

    def flow(self, goal: Flow, now_s: float, *, asleep: bool) -> Flow:
        """Return what flows at `now_s` [s] while the orders lead to `goal`; an order to sleep does not wait for the boot."""
        reached = goal if asleep or self.boot is None else self.boot.flow(goal, now_s)
        return reached if self.turn is None else self.turn.flow(reached, now_s)

    def mean_flow(self, goal: Flow, now_s: float, duration_s: float, *, asleep: bool) -> Flow:
        """Return the mean of what flows from `now_s` [s] on, exact if `goal` stays: both ways are straight between points."""
        cuts = sorted({now_s, now_s + duration_s, *self._points_s(now_s, now_s + duration_s)})
        mean = Flow(0.0, 0.0, 0.0, 0.0, 0.0)
        for begin_s, end_s in pairwise(cuts):
            middle_s, reach_s, part = (begin_s + end_s) / 2, (end_s - begin_s) * GAUSS, (end_s - begin_s) / duration_s / 2
            for at_s in (middle_s - reach_s, middle_s + reach_s):
                flow = self.flow(goal, at_s, asleep=asleep)
                mean = Flow(
                    wall_w=mean.wall_w + part * flow.wall_w,
                    chip_w=mean.chip_w + part * flow.chip_w,
                    hps=mean.hps + part * flow.hps,
                    reported_hps=mean.reported_hps + part * flow.reported_hps,
                    fan_speed=mean.fan_speed + part * flow.fan_speed,
                )
        return mean

    def _points_s(self, begin_s: float, end_s: float) -> Iterator[float]:
        """Yield the times [s] within a step at which a way bends or jumps."""
        for way in (self.boot, self.turn):
            if way is not None:
                points_s = (way.since_s + time_s for time_s in way.ramp.times_s)
                yield from (at_s for at_s in points_s if begin_s < at_s < end_s)


def _between(before: float, after: float, part: float) -> float:
    return before + (after - before) * part
