"""Orders to a device from outside: what they ask, what holds after them, and where they wait for the thread of the device.

Of each sort (to hash or not, the clock or the power) the latest counts: one that waits still is refused when the next comes, so
that a device which is away for hours has two orders to carry out when it comes back, and not thousands.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from math import isfinite
from typing import Final, TypeAlias

from hw.device import Device
from hw.drivers.errors import SettingError

MOST_TRIES: Final = 3  # of an order at which the device fails, each after it was opened again

Outcomes: TypeAlias = dict[str, "Future[None]"]
"""By the label of each device: done once the order is carried out; its exception is the SettingError of one that refused."""


@dataclass(frozen=True, slots=True)
class Hashing:
    """To hash, or to be curtailed."""

    on: bool


@dataclass(frozen=True, slots=True)
class Frequency:
    """To set its clock [MHz]."""

    frequency_mhz: float

    def __post_init__(self) -> None:
        """Refuse what no device could have."""
        _check("a frequency", self.frequency_mhz, "MHz")


@dataclass(frozen=True, slots=True)
class PowerTarget:
    """To draw about so much [W]."""

    power_w: float

    def __post_init__(self) -> None:
        """Refuse what no device could keep."""
        _check("a power target", self.power_w, "W")


Order: TypeAlias = Hashing | Frequency | PowerTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What holds for a device by the orders that it carried out; a device that is opened again is put back to it.

    Of a clock [MHz] and a power target [W] the later holds, and the other is None.
    """

    curtailed: bool = False
    frequency_mhz: float | None = None
    power_target_w: float | None = None

    def after(self, order: Order) -> Standing:
        """Return what holds once `order` is carried out."""
        match order:
            case Hashing(on):
                return replace(self, curtailed=not on)
            case Frequency(frequency_mhz):
                return replace(self, frequency_mhz=frequency_mhz, power_target_w=None)
            case PowerTarget(power_w):
                return replace(self, frequency_mhz=None, power_target_w=power_w)

    def set_up(self, device: Device) -> None:
        """Put a device to the clock or the power that holds, then to sleep if it is curtailed.

        Curtailed last, since a chain that is set to a clock sweeps at it.
        """
        if self.frequency_mhz is not None:
            device.set_frequency(self.frequency_mhz)
        if self.power_target_w is not None:
            device.set_power_target(self.power_target_w)
        if self.curtailed:
            device.curtail()


def give(order: Order, device: Device, *, curtailed: bool) -> None:
    """Let `device` carry out `order`; one that is curtailed stays so whatever is set."""
    match order:
        case Hashing(on):
            return device.resume() if on else device.curtail()
        case Frequency(frequency_mhz):
            device.set_frequency(frequency_mhz)
        case PowerTarget(power_w):
            device.set_power_target(power_w)
    if curtailed:
        device.curtail()


@dataclass(slots=True)
class Waiting:
    """An order that is not carried out yet, and how often that was tried."""

    order: Order
    outcome: Future[None]
    tries: int = 0

    @property
    def sort(self) -> bool:
        """What another order of the same sort has in common with it."""
        return isinstance(self.order, Hashing)

    def refuse(self, why: Exception) -> None:
        """Tell who gave it that it is not carried out, unless he called it off."""
        if self.outcome.running() or self.outcome.set_running_or_notify_cancel():
            self.outcome.set_exception(why)


class OrderBook:
    """The orders that wait for one device, called `label` in what is said to who gave them; for any number of threads."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._lock = threading.Lock()
        self._waiting: list[Waiting] = []
        self._closed = False

    def add(self, order: Order) -> Future[None]:
        """Let `order` wait for the device's thread; return what tells how it ended."""
        new = Waiting(order, Future())
        with self._lock:
            closed, old = self._closed, [one for one in self._waiting if one.sort == new.sort]
            if not closed:
                self._waiting = [*(one for one in self._waiting if one.sort != new.sort), new]
        if closed:
            new.refuse(self._over())
        else:
            self._supersede(old)
        return new.outcome

    def take(self) -> Waiting | None:
        """Return the order that waits longest, or None; one that was called off is passed over."""
        while True:
            with self._lock:
                if not self._waiting:
                    return None
                first = self._waiting.pop(0)
            if first.outcome.running() or first.outcome.set_running_or_notify_cancel():
                first.tries += 1
                return first

    def put_back(self, order: Waiting, why: Exception) -> None:
        """Let an order wait again at which the device failed; refuse it if that was once too often, or a later one waits."""
        if order.tries >= MOST_TRIES:
            order.refuse(SettingError(f"{self._label} fails at it, {MOST_TRIES} times by now: {' '.join(str(why).split())}"))
            return
        with self._lock:
            closed, later = self._closed, any(one.sort == order.sort for one in self._waiting)
            if not (closed or later):
                self._waiting.insert(0, order)
        if closed:
            order.refuse(self._over())
        elif later:
            self._supersede([order])

    def close(self) -> None:
        """Refuse all that waits, and all that comes."""
        with self._lock:
            self._closed = True
            left, self._waiting = self._waiting, []
        for one in left:
            one.refuse(self._over())

    def _supersede(self, old: list[Waiting]) -> None:
        for one in old:
            one.refuse(SettingError(f"{self._label}: a later order came before this one could be carried out"))

    def _over(self) -> SettingError:
        return SettingError(f"{self._label}: the mining is over, so nothing is carried out any more")


def refusals(outcomes: Mapping[str, Future[None]], within_s: float) -> dict[str, str]:
    """Wait up to `within_s` [s] in all; return by label why an order is not carried out, where it is not."""
    wait(outcomes.values(), timeout=within_s)
    told = {}
    for label, outcome in outcomes.items():
        if not outcome.done():
            told[label] = f"{label}: not carried out within {within_s:g} s, but not refused: the device is away or busy"
        elif outcome.cancelled():
            told[label] = f"{label}: called off"
        elif (error := outcome.exception()) is not None:
            told[label] = str(error)
    return told


def _check(what: str, value: float, unit: str) -> None:
    if not (isfinite(value) and value > 0):
        raise SettingError(f"{what} of {value:g} {unit}; want a finite number above 0")
