"""A meter on paper: a load, and a sensor with its faults. What it tells is modelled, and labelled so."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import floor, isfinite
from threading import Lock
from typing import Final

import numpy as np

from hw.errors import MeterError, MeterUnavailableError, PowerError
from hw.meters.load import Load, constant_load
from hw.meters.meter import Label, MeanPower, kind_of
from hw.meters.nameplate import MOST_W, read_level
from hw.meters.options import number, split_options, whole_number
from hw.power import Boundary, PowerSample
from miner.meter import Resolution

KIND: Final = "modelled"
OPTIONS: Final = ("boundary", "gain", "offset", "noise", "window", "interval", "seed")
SHORTEST_S: Final = 0.01  # of an interval: an hour without a reading is still far below the most updates
MOST_UPDATES: Final = 1_000_000  # between two readings; more is a mistake in the interval


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorModel:
    """How a sensor turns the power at it into what it tells.

    Every `interval_s` [s] it takes the mean of the last `window_s` [s] (0: the power of that moment), multiplies it by `gain`
    (1.01 tells 1 % too much), adds `offset_w` [W] and a normal deviate of `noise_w` [W], and tells that until the next time;
    never less than 0 W. With an interval of 0 it tells at all times; then neither window, noise nor negative offset can be.

    Raises
    ------
    MeterError
        If a figure is none that a sensor could have.
    """

    gain: float = 1.0
    offset_w: float = 0.0
    noise_w: float = 0.0
    window_s: float = 0.0
    interval_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no sensor could be."""
        if not (isfinite(self.gain) and self.gain > 0):
            raise MeterError(f"gain is {self.gain}; want a number above 0")
        if not isfinite(self.offset_w):
            raise MeterError(f"offset_w is {self.offset_w}; want a finite number of watts")
        for name, value in (("noise_w", self.noise_w), ("window_s", self.window_s), ("interval_s", self.interval_s)):
            if not (isfinite(value) and value >= 0):
                raise MeterError(f"{name} is {value}; want a finite number, 0 or more")
        if not self.interval_s and (self.window_s or self.noise_w or self.offset_w < 0):
            raise MeterError(
                "a sensor with a window, noise or a negative offset; want an interval above 0 at which it tells anew"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """What a simulated meter is connected to: a load, its name, and where in the machine that is."""

    load: Load
    name: str
    boundary: Boundary = "wall"


class SimulatedMeter:
    """Adds up what a sensor tells of a circuit. Its noise comes from `rng`: one deviate an update, however often it is read."""

    def __init__(
        self, circuit: Circuit, sensor: SensorModel, *, rng: np.random.Generator, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.kind: str = KIND
        self.source = f"simulated meter at {circuit.name}"
        self.boundary, self.boundary_kind = f"{circuit.boundary} (simulated)", kind_of(circuit.boundary)
        self.resolution = Resolution(
            late_s=sensor.interval_s + sensor.window_s, noise_w=sensor.noise_w, every_s=sensor.interval_s
        )
        self._load, self._sensor, self._rng, self._clock = circuit.load, sensor, rng, clock
        self._from_s = clock()
        self._lock = Lock()
        self._updates, self._before_j, self._told_w = 0, 0.0, 0.0
        self._mean = MeanPower(self.energy_j, Label(self.source, circuit.boundary, KIND), clock=clock)

    def energy_j(self) -> float:
        """Return what the sensor told since the meter was opened, added up [J]; exact, since it tells steps.

        Raises
        ------
        MeterUnavailableError
            If the load is none, or the sensor would have told too often since it was read.
        """
        with self._lock:
            try:
                return self._until(self._clock())
            except PowerError as error:
                raise MeterUnavailableError(f"{self.source}: {error}") from error

    def sample(self) -> PowerSample:
        """Return the mean of what the sensor told since the sample before, at first since the meter was opened."""
        return self._mean.sample()

    def close(self) -> None:
        """Nothing is open."""

    def _until(self, now_s: float) -> float:
        sensor = self._sensor
        if not sensor.interval_s:
            true_j = self._real(self._load.energy_j(self._from_s, now_s))
            return sensor.gain * true_j + sensor.offset_w * (now_s - self._from_s)
        due = floor((now_s - self._from_s) / sensor.interval_s) + 1  # one as the meter is opened
        if due - self._updates > MOST_UPDATES:
            raise MeterUnavailableError(
                f"{self.source}: {due - self._updates} updates since it was read; want a longer interval"
            )
        while self._updates < due:
            if self._updates:
                self._before_j += self._told_w * sensor.interval_s
            self._told_w = self._tells(self._from_s + self._updates * sensor.interval_s)
            self._updates += 1
        last_s = self._from_s + (self._updates - 1) * sensor.interval_s
        return self._before_j + self._told_w * max(0.0, now_s - last_s)

    def _tells(self, at_s: float) -> float:
        sensor, window_s = self._sensor, self._sensor.window_s
        power_w = self._real(self._load.energy_j(at_s - window_s, at_s) / window_s if window_s else self._load.power_w(at_s))
        noise_w = sensor.noise_w * self._rng.standard_normal() if sensor.noise_w else 0.0
        return max(0.0, sensor.gain * power_w + sensor.offset_w + noise_w)

    def _real(self, amount: float) -> float:
        """Return a power or an energy of the load, if it is one."""
        if not (isfinite(amount) and amount >= 0):
            raise MeterUnavailableError(f"{self.source}: a load of {amount:g}; want a finite number, 0 or more")
        return amount


def check(rest: str) -> None:
    """Raise MeterError if `rest` makes no sense; there is nothing that could be missing."""
    open_meter(rest)


def open_meter(rest: str, *, clock: Callable[[], float] = time.monotonic) -> SimulatedMeter:
    """Open the meter of ``simulated:WATTS``, a constant load; options set its boundary and its sensor."""
    watts, options = split_options("simulated", rest, OPTIONS)
    if not watts:
        raise MeterError("simulated: no number of watts is given; want for example simulated:350")
    power_w = number("simulated", {"WATTS": watts}, "WATTS", 0.0)
    if not 0 <= power_w <= MOST_W:
        raise MeterError(f"simulated:{watts[:40]}; want a number of watts, 0 or more, up to {MOST_W:g}")
    sensor = SensorModel(
        gain=number("simulated", options, "gain", 1.0),
        offset_w=number("simulated", options, "offset", 0.0),
        noise_w=number("simulated", options, "noise", 0.0),
        window_s=number("simulated", options, "window", 0.0),
        interval_s=number("simulated", options, "interval", 0.0),
    )
    if 0 < sensor.interval_s < SHORTEST_S:  # told now, and not when a measurement has ended and is lost by it
        raise MeterError(f"simulated: interval={options['interval'][:40]}; want {SHORTEST_S:g} s or more, or 0 for all times")
    if not max(sensor.gain, abs(sensor.offset_w), sensor.noise_w) <= MOST_W:
        raise MeterError(f"simulated:{rest[:60]}; want gain, offset and noise of up to {MOST_W:g}")
    circuit = Circuit(
        load=constant_load(power_w),
        name=f"{power_w:g} W",
        boundary=read_level("simulated", options.get("boundary", "wall")),
    )
    seed = whole_number("simulated", options, "seed", range(10**9), 0)
    return SimulatedMeter(circuit, sensor, rng=np.random.default_rng(seed), clock=clock)
