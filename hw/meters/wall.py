"""A meter at the wall that tells a power and counts energy in coarse steps: each makes good what the other lacks.

A counter of 1 Wh says nothing of 20 s at 1 kW (5.6 steps), and a power that is read twice a second misses what happens while
nobody reads. So the power is added up, by trapezoids, and the sum is held to within one step of the counter. It can be wrong by
two steps at most, however long nobody read: one that the counter has not told yet, and one that it had begun when the meter was
opened. Over a short time it is as good as the power.

An answer takes a tenth of a second on a slow line, and more if the line is busy. The energy told is that of the moment of
asking, between the readings before and after it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from math import isfinite
from threading import Event, Lock, Thread
from typing import Final, NamedTuple, Protocol

from hw.errors import MeterUnavailableError
from hw.meters.meter import Label, MeanPower
from hw.power import PowerSample
from hw.units import J_PER_WH
from miner.meter import Resolution

EVERY_S: Final = 0.5  # between readings
LEAST_S: Final = 1.0  # of a sample: two readings
KEPT: Final = 16  # readings; who asks waits for one or two
KIND: Final = "integrated"


class WallReading(NamedTuple):
    """What an instrument tells at a moment: its power [W], and the energy that it counted since it was made or reset [J]."""

    power_w: float
    counted_j: float


class WallInstrument(Protocol):
    """An instrument with a name, and the steps of its counter [J] and of its power [W]."""

    @property
    def name(self) -> str:
        """Which instrument it is, and where."""
        ...

    @property
    def step_j(self) -> float:
        """The step of its counter [J], or more."""
        ...

    @property
    def step_w(self) -> float:
        """The step of its power [W], or more."""
        ...

    def read(self) -> WallReading:
        """Return what it tells now; raise MeterUnavailableError if that is nothing."""
        ...

    def close(self) -> None:
        """Let go of it; closing twice is nothing."""
        ...


class WallMeter:
    """Adds up what `instrument` tells; a thread reads it every `every_s` [s] until `close`, or nobody does if that is None.

    A reading that fails is an error for whoever asks then, and no loss: the counter tells what passed meanwhile. A counter that
    fell is an error for good: it was reset, or started again from 0, at an unknown moment.
    """

    boundary = "wall plug (all that hangs on the meter)"
    boundary_kind = "wall"

    def __init__(
        self, instrument: WallInstrument, *, clock: Callable[[], float] = time.monotonic, every_s: float | None = EVERY_S
    ) -> None:
        self.kind: str = KIND
        self.source = (
            f"{instrument.name}, power read every {every_s or EVERY_S:g} s and added up, held to its energy counter "
            f"(steps of {instrument.step_j / J_PER_WH:g} Wh)"
        )
        self.resolution = Resolution(step_w=instrument.step_w, late_s=every_s or EVERY_S)
        self._instrument, self._clock = instrument, clock
        self._lock, self._closed = Lock(), Event()
        self._failed = ""
        try:
            self._last = self._read()
            self._curve = deque([(clock(), 0.0)], KEPT)  # energy by time, as it was told by then
            self._first_j = self._last.counted_j
            self._mean = MeanPower(self.energy_j, Label(self.source, "wall", KIND), clock=clock, least_s=LEAST_S)
        except BaseException:
            instrument.close()
            raise
        if every_s is not None:
            Thread(target=self._poll, args=(every_s,), name="wall meter", daemon=True).start()

    def energy_j(self) -> float:
        """Return the energy [J] from when the meter was opened until now, the moment of this call.

        Raises
        ------
        MeterUnavailableError
            If the instrument does not answer, tells what cannot be, or its counter fell.
        """
        asked_s = self._clock()
        with self._lock:
            self._add()
            return self._until(asked_s)

    def sample(self) -> PowerSample:
        """Return the mean power since the sample before, at first since the meter was opened (`hw.meters.meter`)."""
        return self._mean.sample()

    def close(self) -> None:
        """Read no more, and let go of the instrument."""
        self._closed.set()
        with self._lock:
            self._failed = self._failed or f"{self._instrument.name}: closed"
            self._instrument.close()

    def _poll(self, every_s: float) -> None:
        while not self._closed.wait(every_s):
            with self._lock:
                if self._failed:
                    return
                try:
                    self._add()
                except MeterUnavailableError:
                    continue  # whoever asks reads again, and is told

    def _add(self) -> None:
        if self._failed:
            raise MeterUnavailableError(self._failed)
        now = self._read()
        now_s = self._clock()
        if now.counted_j < self._last.counted_j:
            told = f"its energy counter fell from {self._last.counted_j:g} J to {now.counted_j:g} J: was it reset?"
            self._failed = f"{self._instrument.name}: {told}"
            raise MeterUnavailableError(self._failed)
        last_s, last_j = self._curve[-1]
        added_j = last_j + (self._last.power_w + now.power_w) / 2 * max(0.0, now_s - last_s)
        counted_j, step_j = now.counted_j - self._first_j, self._instrument.step_j
        self._curve.append((now_s, sorted((counted_j - step_j, added_j, counted_j + step_j))[1]))
        self._last = now

    def _until(self, asked_s: float) -> float:
        """Return the energy [J] at a moment, on the straight line between the readings around it."""
        for (from_s, from_j), (to_s, to_j) in reversed(list(pairwise(self._curve))):
            if from_s <= asked_s < to_s:
                return from_j + (to_j - from_j) * (asked_s - from_s) / (to_s - from_s)
        first_s, first_j = self._curve[0]
        return first_j if asked_s < first_s else self._curve[-1][1]

    def _read(self) -> WallReading:
        reading = self._instrument.read()
        for what, value, unit in (("power", reading.power_w, "W"), ("energy", reading.counted_j, "J")):
            if not (isfinite(value) and value >= 0):
                told = f"it tells {what} of {value:g} {unit}; want 0 or more: is it wired the right way round?"
                raise MeterUnavailableError(f"{self._instrument.name}: {told}")
        return reading
