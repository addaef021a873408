"""Watts that somebody states: no instrument, and labelled so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, cast, get_args

from hw.errors import MeterError
from hw.meters.meter import kind_of
from hw.meters.options import split_options
from hw.power import Boundary, PowerSample
from miner.meter import Resolution

KIND: Final = "nameplate"
MOST_W: Final = 1e12  # a third of what all power stations give; joules of it, and their squares, still fit a float


class NameplateMeter:
    """A constant power [W] from the nameplate of what lies inside `level`. `clock` gives seconds."""

    resolution = Resolution()

    def __init__(self, power_w: float, *, level: Boundary | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        if not 0 < power_w <= MOST_W:
            raise MeterError(f"a nameplate of {power_w} W; want a number of watts above 0, up to {MOST_W:g}")
        self.kind: str = KIND
        self.source = f"nameplate, {power_w:g} W"
        self.boundary = f"{level}, as stated" if level else "as stated"
        self._level: Boundary = level or "machine"
        self.boundary_kind = kind_of(self._level)
        self._power_w = power_w
        self._clock = clock
        self._from_s = clock()

    def energy_j(self) -> float:
        """Return the stated power times the seconds since the meter was opened [J]."""
        return self._power_w * (self._clock() - self._from_s)

    def sample(self) -> PowerSample:
        """Return the stated power, known from the first moment on; "machine" is its boundary unless another was stated."""
        now_s = self._clock()
        return PowerSample(
            time_s=now_s,
            power_w=self._power_w,
            energy_j=self._power_w * (now_s - self._from_s),
            source=self.source,
            boundary=self._level,
            quality=KIND,
        )

    def close(self) -> None:
        """Nothing is open."""


def check(rest: str) -> None:
    """Raise MeterError if `rest` makes no sense; there is nothing that could be missing."""
    open_meter(rest)


def open_meter(rest: str) -> NameplateMeter:
    """Open the meter of ``nameplate:WATTS`` or ``nameplate:WATTS,boundary=chip``."""
    watts, options = split_options("nameplate", rest, ("boundary",))
    if not watts:
        raise MeterError("nameplate: no number of watts is given; want for example nameplate:65")
    try:
        power_w = float(watts)
    except ValueError:
        raise MeterError(f"nameplate:{watts[:40]} is no number of watts; want for example nameplate:65") from None
    return NameplateMeter(power_w, level=read_level("nameplate", options["boundary"]) if "boundary" in options else None)


def read_level(meter: str, text: str) -> Boundary:
    """Return `text` as one of the boundaries; raise MeterError with those known if it is none."""
    if text not in get_args(Boundary):
        raise MeterError(f"{meter}: boundary={text[:40]}; want one of {', '.join(get_args(Boundary))}")
    return cast("Boundary", text)
