"""Watts that somebody states: no instrument, and labelled so."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import isfinite

from hw.errors import MeterError


class NameplateMeter:
    """A constant power [W] from the nameplate. `clock` gives seconds."""

    kind = "nameplate"
    boundary = "as stated"

    def __init__(self, power_w: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        if not (isfinite(power_w) and power_w > 0):
            raise MeterError(f"a nameplate of {power_w} W; want a number of watts above 0")
        self.source = f"nameplate, {power_w:g} W"
        self._power_w = power_w
        self._clock = clock
        self._from_s = clock()

    def energy_j(self) -> float:
        """Return the stated power times the seconds since the meter was opened [J]."""
        return self._power_w * (self._clock() - self._from_s)


def open_meter(rest: str) -> NameplateMeter:
    """Open the meter of ``nameplate:WATTS``."""
    try:
        power_w = float(rest)
    except ValueError:
        raise MeterError(f"nameplate:{rest} is no number of watts; want for example nameplate:65") from None
    return NameplateMeter(power_w)
