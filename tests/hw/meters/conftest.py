"""A tree as Linux shows the energy counters of processors."""

from __future__ import annotations

from pathlib import Path

import pytest


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
