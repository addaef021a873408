"""How often a line is read: a busy one in turns, so that its answers come several at a time.

To be woken for each answer costs a host more than the answer itself. So a line from which something came is left alone for
`REST_S` [s]; what comes meanwhile waits in the system's buffer, and that long at most: of a share's worth, 0.05 s of the 600 s
between two blocks is 1 in 12,000. A line that was quiet for so long is read as soon as something comes: a lone answer does not
wait. Where the host has to wake up soon after the rest, to give the next work, the rest lasts until then: `STRETCH_S` [s] more
at most. docs/benchmarks/drivers.md has what other rests would cost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hw.drivers.port import READ_BYTES, Port

REST_S: Final = 0.05  # so that no answer is more than that late, but for the stretch and the time that a host takes to wake up
STRETCH_S: Final = 0.015  # a BM1397's job with four midstates lasts 60 ms: one waking up for its answers and the next, not two


class Pace:
    """Reads a port in turns. `clock` gives seconds, `sleep` lets them pass."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._clock, self._sleep = clock, sleep
        self._rested_s = 0.0

    def read(self, port: Port, timeout_s: float, *, at_once: bool = False, then_busy: bool = False) -> bytes:
        """Return what has come, waiting up to `timeout_s` [s] for the first byte; the rest is part of that.

        With `at_once` there is no rest: the end of something begun is on its way. With `then_busy` the host wakes up at the end
        of `timeout_s` anyway.
        """
        rest_s = self._rested_s - self._clock()
        if rest_s > 0 and timeout_s > 0 and not at_once:
            stretched = then_busy and timeout_s <= rest_s + STRETCH_S
            rest_s = timeout_s if stretched else min(rest_s, timeout_s)
            self._sleep(rest_s)
            timeout_s -= rest_s
        data = port.read(timeout_s)
        if 0 < len(data) < READ_BYTES:  # behind as much as one read takes there is more
            self._rested_s = self._clock() + REST_S
        return data
