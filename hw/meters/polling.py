"""A power that is read over and over again and added up: for instruments that tell watts but no joules."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import isfinite
from threading import Event, Lock, Thread
from typing import Final

EVERY_S: Final = 0.1
MOST_GAP_S: Final = 2.0  # what passed in a longer one is not known


class PolledEnergy:
    """Adds up what `power_w` [W] says, by trapezoids between readings; a thread reads every `every_s` [s] until `close`.

    Once a reading failed it stays so: what passed meanwhile is not known. Raises OSError if the first one fails.
    """

    def __init__(
        self, power_w: Callable[[], float], *, clock: Callable[[], float] = time.monotonic, every_s: float = EVERY_S
    ) -> None:
        self._power_w, self._clock, self._every_s = power_w, clock, every_s
        self._lock, self._closed = Lock(), Event()
        self._failed: OSError | None = None
        self._total_j = 0.0
        self._last = clock(), self._power()
        Thread(target=self._poll, name="power", daemon=True).start()

    def energy_j(self) -> float:
        """Return the energy [J] since the beginning.

        Raises
        ------
        OSError
            If a power could not be read, was none, or was not read for too long.
        """
        with self._lock:
            self._add()
            return self._total_j

    def close(self) -> None:
        """Read no more."""
        self._closed.set()

    def _poll(self) -> None:
        while not self._closed.wait(self._every_s):
            with self._lock:
                try:
                    self._add()
                except OSError:
                    return  # kept, for whoever asks for the energy

    def _add(self) -> None:
        if self._failed is None:
            try:
                now_s, power_w = self._clock(), self._power()
                before_s, before_w = self._last
                if now_s - before_s > MOST_GAP_S:
                    raise OSError(f"the power was not read for {now_s - before_s:.1f} s")
                self._total_j += (before_w + power_w) / 2 * (now_s - before_s)
                self._last = now_s, power_w
            except OSError as error:
                self._failed = error
        if self._failed is not None:
            raise OSError(str(self._failed)) from self._failed

    def _power(self) -> float:
        power_w = self._power_w()
        if not (isfinite(power_w) and power_w > 0):
            raise OSError(f"a power of {power_w} W was read; want a number above 0")
        return power_w
