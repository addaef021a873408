"""RAPL: the energy counters of x86 processors, as Linux shows them under powercap.

A package counts microjoules and wraps at ``max_energy_range_uj``, after minutes at full power; whoever reads at least once a
wrap loses nothing. Source: Linux, ``Documentation/power/powercap/powercap.rst``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final

from hw.errors import MeterError, MeterUnavailableError
from hw.meters.meter import Label, MeanPower
from hw.power import PowerSample

ROOT = Path("/sys/class/powercap")
UJ_PER_J = 1_000_000  # exact, SI prefix
LEAST_S: Final = 0.1  # the counter moves about every millisecond (Intel, Software Developer's Manual, volume 3B): 1 % of this
KIND: Final = "measured"


class RaplMeter:
    """All processor packages below `root`, added up. The wrap of a counter is undone, once between two readings."""

    boundary = "processor packages (without boards, memory modules and power supply)"

    def __init__(self, *, root: Path = ROOT, clock: Callable[[], float] = time.monotonic) -> None:
        self._zones = sorted(zone for zone in root.glob("intel-rapl:*") if zone.name.count(":") == 1)
        if not self._zones:
            raise MeterUnavailableError(f"no RAPL here: {root} has no intel-rapl zones (virtual machines hide them)")
        self.kind: str = KIND
        self.source = f"RAPL, {', '.join(_text(zone / 'name') for zone in self._zones)}"
        self._ranges_uj = [_range_uj(zone / "max_energy_range_uj") for zone in self._zones]
        self._last_uj = [_number(zone / "energy_uj") for zone in self._zones]
        self._total_uj = 0
        self._lock = Lock()
        self._mean = MeanPower(self.energy_j, Label(self.source, "chip", KIND), clock=clock, least_s=LEAST_S)

    def energy_j(self) -> float:
        """Return the energy [J] of all packages since the meter was opened."""
        with self._lock:
            now_uj = [_number(zone / "energy_uj") for zone in self._zones]  # all, before any is counted
            for place, (last, now) in enumerate(zip(self._last_uj, now_uj, strict=True)):
                self._total_uj += (now - last) % (self._ranges_uj[place] + 1)
            self._last_uj = now_uj
            return self._total_uj / UJ_PER_J

    def sample(self) -> PowerSample:
        """Return the mean power since the sample before, at first since the meter was opened (`hw.meters.meter`)."""
        return self._mean.sample()

    def close(self) -> None:
        """Nothing is open."""


def check(rest: str) -> None:
    """Raise MeterError if anything stands behind ``rapl``."""
    if rest:
        raise MeterError(f"rapl:{rest}: want just `rapl`; it adds up all processor packages")


def open_meter(rest: str) -> RaplMeter:
    """Open the meter of ``rapl``."""
    check(rest)
    return RaplMeter()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except UnicodeDecodeError:
        raise MeterUnavailableError(f"{path}: not in plain letters and digits") from None
    except OSError as error:
        raise MeterUnavailableError(f"{path}: {error.strerror}; recent kernels let only root read RAPL") from None


def _number(path: Path) -> int:
    text = _text(path)
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise MeterUnavailableError(f"{path}: {text[:20]!r} is no number of microjoules")
    return number


def _range_uj(path: Path) -> int:
    """Return where a counter wraps; one that never moves would tell 0 J for anything."""
    range_uj = _number(path)
    if range_uj == 0:
        raise MeterUnavailableError(f"{path}: 0 microjoules; that counter does not count")
    return range_uj
