"""Faults of emulated devices, by name and from a moment on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Final

from hw.drivers.errors import SettingError
from miner.header import Nonce


class Fault(StrEnum):
    """What can be wrong with a device, as its host sees it."""

    DEAD_CHIP = "dead-chip"
    """A part of the range is never searched."""
    HANG = "hang"
    """It takes work and answers nothing."""
    HANG_UP = "hang-up"
    """The line goes away, as if unplugged."""
    LATE_NONCE = "late-nonce"
    """A nonce comes only after the next work was given."""
    NOISE = "noise"
    """Bytes come that nobody sent."""
    STUCK_NONCE = "stuck-nonce"
    """Every work is answered by one and the same nonce."""
    SURPLUS_BYTE = "surplus-byte"
    """An answer is a byte too long."""
    BAD_CRC = "bad-crc"
    """The check digit of an answer is wrong."""
    WRONG_BAUD = "wrong-baud"
    """It speaks at another speed, so that bytes arrive mangled."""


STUCK_S: Final = 0.05  # after the work, for the answer of a stuck device
STUCK_NONCE: Final = Nonce(0x0DEFACED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedFault:
    """A fault that sets in `at_s` [s] after the device was started, and stays."""

    fault: Fault
    at_s: float

    @classmethod
    def parse(cls, text: str) -> TimedFault:
        """Read NAME@SECONDS, or NAME alone for one that is there from the start.

        Raises
        ------
        SettingError
            If there is no fault of that name, or the time is no number of seconds from 0 on.
        """
        name, at_s = named_time(text, Fault)
        return cls(fault=Fault(name), at_s=at_s)


def named_time(text: str, known: Iterable[str]) -> tuple[str, float]:
    """Read NAME@SECONDS, or NAME alone, which is 0 s; raise SettingError if the name is not `known`, or the time is none."""
    name, at, time = text.partition("@")
    names = list(known)
    if name not in names:
        raise SettingError(f"no fault {name!r}; known: {', '.join(names)}")
    try:
        at_s = float(time) if at else 0.0
    except ValueError:
        at_s = -1.0
    if not (isfinite(at_s) and at_s >= 0):
        raise SettingError(f"fault {text!r}: {time!r} is no time; want seconds from 0 on, such as {name}@30")
    return name, at_s


def check_once(names: Iterable[str]) -> None:
    """Raise SettingError if a fault stands there twice: it stays once it is there, so one of the two times would be lost."""
    given = list(names)
    if twice := next((name for name in given if given.count(name) > 1), None):
        raise SettingError(f"fault {twice!r} is given twice; want it once, with the time from which on it is there")


class Faults:
    """Which faults there are at a time; `started_s` [s] is when the device was started."""

    def __init__(self, planned: Iterable[TimedFault] = (), started_s: float = 0.0) -> None:
        self._from_s = {one.fault: started_s + one.at_s for one in planned}

    def there(self, fault: Fault, now_s: float) -> bool:
        """Return whether the device has this fault."""
        return self._from_s.get(fault, float("inf")) <= now_s

    def since_s(self, fault: Fault) -> float | None:
        """Return when the device has this fault from, or None for never."""
        return self._from_s.get(fault)

    def next_s(self, now_s: float) -> float | None:
        """Return when the next fault sets in, or None."""
        return min((at_s for at_s in self._from_s.values() if at_s > now_s), default=None)
