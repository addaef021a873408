"""RAPL: the energy counters of x86 processors, as Linux shows them under powercap.

A package counts microjoules and wraps at ``max_energy_range_uj``, after minutes at full power; whoever reads at least once a
wrap loses nothing. Source: Linux, ``Documentation/power/powercap/powercap.rst``.
"""

from __future__ import annotations

from pathlib import Path

from hw.errors import MeterError, MeterUnavailableError

ROOT = Path("/sys/class/powercap")
UJ_PER_J = 1_000_000  # exact, SI prefix


class RaplMeter:
    """All processor packages below `root`, added up. The wrap of a counter is undone, once between two readings."""

    kind = "measured"
    boundary = "processor packages (without boards, memory modules and power supply)"

    def __init__(self, *, root: Path = ROOT) -> None:
        self._zones = sorted(zone for zone in root.glob("intel-rapl:*") if zone.name.count(":") == 1)
        if not self._zones:
            raise MeterUnavailableError(f"no RAPL here: {root} has no intel-rapl zones (virtual machines hide them)")
        self.source = f"RAPL, {', '.join(_text(zone / 'name') for zone in self._zones)}"
        self._ranges_uj = [_number(zone / "max_energy_range_uj") for zone in self._zones]
        self._last_uj = [_number(zone / "energy_uj") for zone in self._zones]
        self._total_uj = 0

    def energy_j(self) -> float:
        """Return the energy [J] of all packages since the meter was opened."""
        for place, zone in enumerate(self._zones):
            now_uj = _number(zone / "energy_uj")
            self._total_uj += (now_uj - self._last_uj[place]) % (self._ranges_uj[place] + 1)
            self._last_uj[place] = now_uj
        return self._total_uj / UJ_PER_J


def open_meter(rest: str) -> RaplMeter:
    """Open the meter of ``rapl``."""
    if rest:
        raise MeterError(f"rapl:{rest}: want just `rapl`; it adds up all processor packages")
    return RaplMeter()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise MeterUnavailableError(f"{path}: {error.strerror}; recent kernels let only root read RAPL") from None


def _number(path: Path) -> int:
    text = _text(path)
    try:
        return int(text)
    except ValueError:
        raise MeterError(f"{path}: {text[:20]!r} is no number of microjoules") from None
