"""The clock of a chain on its way up, step by step, since a sudden load makes supplies sag; downwards there is one step."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf

from hw.drivers.bm13xx.bringup import clock_steps


class Climb:
    """Tells which clock [MHz] to set next, and when: `step_s` [s] of `clock` after the one before."""

    def __init__(self, clock: Callable[[], float], step_s: float) -> None:
        self._clock, self._step_s = clock, step_s
        self._left: deque[float] = deque()
        self._due_s = -inf

    def begin(self, from_mhz: float, to_mhz: float) -> None:
        """Go from one clock [MHz] to another, instead of where it was going; the first step is due at once."""
        self._left, self._due_s = deque(clock_steps(from_mhz, to_mhz)), -inf

    def stop(self) -> None:
        """Take no more steps."""
        self._left.clear()

    @property
    def due_s(self) -> float:
        """When [s] the next step is due; inf if there is none."""
        return self._due_s if self._left else inf

    def step_mhz(self) -> float | None:
        """Return the clock [MHz] to set now, once; None if no step is due."""
        now_s = self._clock()
        if now_s < self.due_s:
            return None
        self._due_s = now_s + self._step_s
        return self._left.popleft()
