"""What every power meter here gives: joules that add up, and samples of its power with their labels.

The power of a sample is the mean since the sample before, by the meter's own energy; that of the first is the mean since the
meter was opened. So nothing between two samples is missed, and powers times times add up to the energy.

Asked again too soon for its energy to have moved, a meter gives the sample before once more; `time_s` tells. Where there is
none before, it raises NoPowerYetError: a counter that has not ticked yet is no power of 0 W.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import NamedTuple, Protocol, runtime_checkable

from hw.errors import MeterUnavailableError, NoPowerYetError
from hw.power import Boundary, PowerSample, Quality
from miner.meter import EnergyMeter

Clock = Callable[[], float]


@runtime_checkable
class PowerMeter(EnergyMeter, Protocol):
    """An energy meter that also gives samples, whose boundary is its `boundary_kind` (or "machine", where that is the wall)."""

    def sample(self) -> PowerSample:
        """Return the mean power since the sample before, and the energy since the meter was opened.

        Raises
        ------
        NoPowerYetError
            If there is no sample before, and too little time has passed since the meter was opened.
        OSError
            If the instrument cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go of the instrument; closing twice is nothing."""
        ...


def kind_of(boundary: Boundary) -> str:
    """Return a boundary in one word: of the two for a machine's plug, "wall"."""
    return "wall" if boundary == "machine" else boundary


class Label(NamedTuple):
    """What a sample says of itself: which meter, where its watts were seen, and how it came to them."""

    source: str
    boundary: Boundary
    quality: Quality


class MeanPower:
    """Makes samples of a counter that `energy_j` reads [J], by `clock` [s], each at least `least_s` [s] after the one before.

    `least_s` is the time over which the counter's own steps no longer show in its power. Safe to use from several threads.
    """

    def __init__(self, energy_j: Callable[[], float], label: Label, *, clock: Clock, least_s: float = 0.0) -> None:
        self._energy_j, self._label, self._clock, self._least_s = energy_j, label, clock, least_s
        self._lock = Lock()
        self._sample: PowerSample | None = None
        self._before_s = clock()
        self._before_j = energy_j()

    def sample(self) -> PowerSample:
        """Return the mean power since the sample before; raise NoPowerYetError if there is none before and it is too soon."""
        with self._lock:
            now_s = self._clock()
            now_j = self._energy_j()
            passed_s = now_s - self._before_s
            if passed_s <= 0 or passed_s < self._least_s:
                return self._again(passed_s)
            if now_j < self._before_j:
                raise MeterUnavailableError(f"{self._label.source}: energy fell from {self._before_j} J to {now_j} J")
            self._sample = PowerSample(
                time_s=now_s,
                power_w=(now_j - self._before_j) / passed_s,
                energy_j=now_j,
                source=self._label.source,
                boundary=self._label.boundary,
                quality=self._label.quality,
            )
            self._before_s, self._before_j = now_s, now_j
            return self._sample

    def _again(self, passed_s: float) -> PowerSample:
        if self._sample is None:
            wanted = f"{self._least_s:g} s" if self._least_s else "some time"
            raise NoPowerYetError(
                f"{self._label.source}: opened {max(passed_s, 0.0):.3g} s ago, too little to tell a power; want {wanted}"
            )
        return self._sample
