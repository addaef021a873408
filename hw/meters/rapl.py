"""RAPL: the energy counters of x86 processors, as Linux shows them under powercap.

A package counts microjoules and wraps at ``max_energy_range_uj``, after minutes at full power (65 kJ of some at 500 W: 131 s).
A thread reads it every second, so that no wrap is lost, and so that a counter that was set back (by a suspend, or by a driver
that was loaded anew) is hardly ever taken for one that wrapped: it would have to stand within 2 kJ of its end.

A zone without a parent is a package, or ``psys``: the platform, whose energy holds that of the packages. The zones
``intel-rapl-mmio:N`` show the counters of the same packages by another way. So only ``intel-rapl:N`` named ``package-...`` is
added up, for AMD's too. ``package-0-die-1`` is a die with its own counter if it is Intel's; AMD's have one counter a package,
which Linux 6.10 and 6.11 show once for each die.

Sources: Linux, ``Documentation/power/powercap/powercap.rst`` and ``drivers/powercap/intel_rapl_common.c`` (its
`rapl_package_register_powercap`, and the comment at its `rapl_msrs_are_pkg_scope`, new in 6.12).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Final

from hw.errors import MeterError, MeterUnavailableError
from hw.meters.meter import Label, MeanPower
from hw.power import PowerSample
from miner.meter import Resolution

ROOT = Path("/sys/class/powercap")
CPUINFO = Path("/proc/cpuinfo")
UJ_PER_J = 1_000_000  # exact, SI prefix
STEP_S: Final = 0.001  # the counter moves about every millisecond (Intel, Software Developer's Manual, volume 3B)
LEAST_S: Final = 0.1  # of a sample: a step is 1 % of this
EVERY_S: Final = 1.0  # between readings
MOST_W: Final = 2000.0
"""More than a package can draw [W]. Those sold are specified for 500 W at most (AMD EPYC 9965, Intel Xeon 6980P; 2024), and the
most that we know of is 1.9 kW, overclocked under liquid nitrogen (Elmor, Xeon w9-3495X; 2023)."""
END: Final = 1 << 64  # of the numbers that Linux writes here
ONE_COUNTER: Final = ("AuthenticAMD", "HygonGenuine")  # a package, however many dies it has
KIND: Final = "measured"


class RaplMeter:
    """All processor packages below `root`, added up. A thread reads every `every_s` [s] until `close`, unless that is None.

    The wrap of a counter is undone, once between two readings. An increment that no processor could draw is an error for good:
    the counter was set back, and what passed is not known.
    """

    boundary = "processor packages (without boards, memory modules and power supply)"
    boundary_kind = "chip"
    resolution = Resolution(step_s=STEP_S)

    def __init__(
        self,
        *,
        root: Path = ROOT,
        cpuinfo: Path = CPUINFO,
        clock: Callable[[], float] = time.monotonic,
        every_s: float | None = EVERY_S,
    ) -> None:
        self._names = _packages(root, cpuinfo)
        self.kind: str = KIND
        self.source = f"RAPL, {', '.join(self._names.values())}"
        self._clock, self._lock, self._closed, self._failed = clock, Lock(), Event(), ""
        self._ranges_uj = [_range_uj(zone / "max_energy_range_uj") for zone in self._names]
        self._last_s, self._last_uj, self._total_uj = clock(), self._read_uj(), 0
        self._mean = MeanPower(self.energy_j, Label(self.source, "chip", KIND), clock=clock, least_s=LEAST_S)
        if every_s is not None:
            Thread(target=self._poll, args=(every_s,), name="rapl meter", daemon=True).start()

    def energy_j(self) -> float:
        """Return the energy [J] of all packages since the meter was opened.

        Raises
        ------
        MeterUnavailableError
            If a counter cannot be read, or moved as none can.
        """
        with self._lock:
            self._add()
            return self._total_uj / UJ_PER_J

    def sample(self) -> PowerSample:
        """Return the mean power since the sample before, at first since the meter was opened (`hw.meters.meter`)."""
        return self._mean.sample()

    def close(self) -> None:
        """Let go of the thread."""
        self._closed.set()

    def _poll(self, every_s: float) -> None:
        while not self._closed.wait(every_s):
            with self._lock:
                try:
                    self._add()
                except MeterUnavailableError:
                    if self._failed:
                        return
                    continue  # whoever asks reads again, and is told

    def _add(self) -> None:
        if self._failed:
            raise MeterUnavailableError(self._failed)
        began_s, now_uj = self._clock(), self._read_uj()  # of all, before any is counted
        passed_s = max(0.0, self._clock() - self._last_s)  # from before the last reading to after this one: never too little
        added_uj = 0
        for name, range_uj, last, now in zip(self._names.values(), self._ranges_uj, self._last_uj, now_uj, strict=True):
            drawn_uj = (now - last) % (range_uj + 1)
            if drawn_uj > MOST_W * UJ_PER_J * (passed_s + LEAST_S):
                told = f"from {last} to {now} microjoules within {passed_s:.3g} s"
                want = f"want at most {MOST_W:g} W of a package: was it set back, by a suspend or its driver?"
                self._failed = f"RAPL, {name}: its counter went {told}, which no wrap explains; {want}"
                raise MeterUnavailableError(self._failed)
            added_uj += drawn_uj
        self._total_uj += added_uj
        self._last_s, self._last_uj = began_s, now_uj

    def _read_uj(self) -> list[int]:
        return [_number(zone / "energy_uj") for zone in self._names]


def check(rest: str) -> None:
    """Raise MeterError if anything stands behind ``rapl``."""
    if rest:
        raise MeterError(f"rapl:{rest}: want just `rapl`; it adds up all processor packages")


def open_meter(rest: str) -> RaplMeter:
    """Open the meter of ``rapl``."""
    check(rest)
    return RaplMeter()


def _packages(root: Path, cpuinfo: Path) -> dict[Path, str]:
    """Return the zones whose counters are added up, each with its name (see the module's docstring)."""
    zones = sorted(zone for zone in root.glob("intel-rapl:*") if zone.name.count(":") == 1)
    if not zones:
        raise MeterUnavailableError(f"no RAPL here: {root} has no intel-rapl zones (virtual machines hide them)")
    names = {zone: _text(zone / "name") for zone in zones}
    packages = {zone: name for zone, name in names.items() if name.startswith("package")}
    if not packages:
        held = ", ".join(names.values())
        raise MeterUnavailableError(f"no RAPL of processors here: {root} has {held}; want a zone named package-0 or the like")
    if any("-die-" in name for name in packages.values()) and _one_counter(cpuinfo):
        first = {name.partition("-die-")[0]: zone for zone, name in reversed(packages.items())}
        packages = {zone: package for package, zone in sorted(first.items())}
    return packages


def _one_counter(cpuinfo: Path) -> bool:
    """Return whether all dies of a package have one counter together."""
    try:
        told = cpuinfo.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        unknown = "whether the dies of a package have one counter or more is not known"
        raise MeterUnavailableError(f"{cpuinfo}: {error.strerror}; {unknown}") from None
    return any(vendor in told for vendor in ONE_COUNTER)


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
    if not 0 <= number < END:
        raise MeterUnavailableError(f"{path}: {text[:20]!r} is no number of microjoules")
    return number


def _range_uj(path: Path) -> int:
    """Return where a counter wraps; one that never moves would tell 0 J for anything."""
    range_uj = _number(path)
    if range_uj == 0:
        raise MeterUnavailableError(f"{path}: 0 microjoules; that counter does not count")
    return range_uj
