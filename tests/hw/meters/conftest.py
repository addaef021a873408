"""A tree as Linux shows the energy counters of processors, and wall meters that answer on pseudo-terminals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hw.emulators.pty_line import PtyLine
from hw.emulators.serving import EmulatorServer
from hw.emulators.wall_meter import WallMeterEmulator, WallMeterSetting


class Powercap:
    """Zones below a folder, each with its counter."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def zones(self, **zones: tuple[int, int]) -> Path:
        """Make (energy_uj, max_energy_range_uj) by zone, and a part of a zone, not to be counted; return the root."""
        for number, (name, (energy_uj, range_uj)) in enumerate(zones.items()):
            zone = self.root / f"intel-rapl:{number}"
            zone.mkdir(parents=True)
            (zone / "name").write_text(name + "\n")
            (zone / "max_energy_range_uj").write_text(f"{range_uj}\n")
            self.count(number, energy_uj)
        part = self.root / "intel-rapl:0:0"
        part.mkdir(exist_ok=True)
        (part / "energy_uj").write_text("1\n")
        return self.root

    def count(self, zone: int, energy_uj: int) -> None:
        """Let a zone's counter stand at so much [microjoules]."""
        (self.root / f"intel-rapl:{zone}" / "energy_uj").write_text(f"{energy_uj}\n")


@pytest.fixture
def powercap(tmp_path: Path) -> Powercap:
    """Return an empty tree."""
    return Powercap(tmp_path / "powercap")


class Walls:
    """Emulated wall meters on real pseudo-terminals, each served by a thread that goes by the clock of its test."""

    def __init__(self) -> None:
        self._served: list[tuple[EmulatorServer, threading.Thread]] = []

    def start(self, setting: WallMeterSetting, clock: Callable[[], float] = time.monotonic) -> PtyLine:
        """Connect a meter to a line and return that; it is found at the line's path."""
        server, line = EmulatorServer(clock), PtyLine()
        server.add(WallMeterEmulator(setting), line)
        thread = threading.Thread(target=server.run)
        thread.start()
        self._served.append((server, thread))
        return line

    def stop(self) -> None:
        """Hang up all lines; once is enough."""
        while self._served:
            server, thread = self._served.pop()
            server.stop()
            thread.join(5)
            server.close()


@pytest.fixture
def walls() -> Iterator[Walls]:
    """Return what starts emulated wall meters."""
    walls = Walls()
    yield walls
    walls.stop()
