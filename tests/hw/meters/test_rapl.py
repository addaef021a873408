"""Counters of processors: which of a machine's zones are added up, and what is a wrap and what is not."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from hw.errors import MeterError, MeterUnavailableError
from hw.meters.rapl import RaplMeter

RANGE_UJ = 65_532_610_987  # 2^32 units of 15.3 uJ, as of an AMD EPYC


def meter_of(root: Path, **more: Any) -> RaplMeter:
    return RaplMeter(root=root, every_s=None, **more)


def test_rapl_adds_up_its_packages(powercap: Any) -> None:
    root = powercap.zones(package0=(1_000_000, 262_143_328_850), package1=(5_000_000, 262_143_328_850))
    meter = meter_of(root)
    powercap.count(0, 3_500_000)
    powercap.count(1, 5_250_000)
    assert meter.energy_j() == 2.75
    assert (meter.kind, meter.source) == ("measured", "RAPL, package0, package1")


def test_rapl_undoes_the_wrap_of_a_counter(powercap: Any) -> None:
    """From 250 to 50 with a range of 999: 800 microjoules, not minus 200."""
    root = powercap.zones(package0=(250, 999))
    meter = meter_of(root)
    powercap.count(0, 50)
    assert meter.energy_j() == pytest.approx(800e-6)
    powercap.count(0, 60)
    assert meter.energy_j() == pytest.approx(810e-6)


def test_rapl_says_no_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(MeterUnavailableError, match="no RAPL here"):
        meter_of(tmp_path / "nowhere")


def test_rapl_says_what_is_wrong_with_a_counter(powercap: Any) -> None:
    root = powercap.zones(package0=(0, 999))
    meter = meter_of(root)
    (root / "intel-rapl:0" / "energy_uj").write_text("lots\n")
    with pytest.raises(MeterError, match="'lots' is no number of microjoules"):
        meter.energy_j()
    (root / "intel-rapl:0" / "energy_uj").unlink()
    with pytest.raises(MeterUnavailableError, match="energy_uj"):
        meter.energy_j()


@pytest.mark.parametrize("psys", ["psys", "psys-0"])
def test_the_platform_holds_the_packages_and_is_not_added_to_them(powercap: Any, psys: str) -> None:
    """As Linux numbers them on a laptop, and on a machine with two packages."""
    root = powercap.zones(**{"package-0": (0, RANGE_UJ), psys: (0, RANGE_UJ), "package-1": (0, RANGE_UJ)})
    meter = meter_of(root)
    for zone, energy_uj in enumerate((2_000_000, 9_000_000, 3_000_000)):
        powercap.count(zone, energy_uj)
    assert meter.energy_j() == 5.0
    assert meter.source == "RAPL, package-0, package-1"


def test_the_same_package_by_another_way_is_not_added_again(powercap: Any) -> None:
    root = powercap.zones(**{"package-0": (0, RANGE_UJ)})
    again = root / "intel-rapl-mmio:0"
    again.mkdir()
    for file, text in (("name", "package-0"), ("energy_uj", "0"), ("max_energy_range_uj", str(RANGE_UJ))):
        (again / file).write_text(text + "\n")
    meter = meter_of(root)
    powercap.count(0, 2_000_000)
    (again / "energy_uj").write_text("2000000\n")
    assert meter.energy_j() == 2.0


def test_no_zone_of_a_package_is_a_sentence(powercap: Any) -> None:
    root = powercap.zones(psys=(0, RANGE_UJ), dram=(0, RANGE_UJ))
    with pytest.raises(MeterUnavailableError) as caught:
        meter_of(root)
    assert str(caught.value) == f"no RAPL of processors here: {root} has psys, dram; want a zone named package-0 or the like"


@pytest.mark.parametrize(
    ("vendor", "total_j", "names"),
    [
        ("GenuineIntel", 10.0, "package-0-die-0, package-0-die-1, package-1-die-0, package-1-die-1"),
        ("AuthenticAMD", 4.0, "package-0, package-1"),
    ],
)
def test_dies_have_a_counter_each_or_all_of_a_package_one(
    powercap: Any, tmp_path: Path, vendor: str, total_j: float, names: str
) -> None:
    """Linux 6.10 and 6.11 show the one of an AMD package once for each of its dies, up to sixteen times."""
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nvendor_id\t: {vendor}\nmodel name\t: a processor\n")
    root = powercap.zones(**{f"package-{one}-die-{die}": (0, RANGE_UJ) for one in (0, 1) for die in (0, 1)})
    meter = meter_of(root, cpuinfo=cpuinfo)
    for zone, energy_uj in enumerate((1_000_000, 2_000_000, 3_000_000, 4_000_000)):
        powercap.count(zone, energy_uj)
    assert (meter.energy_j(), meter.source) == (total_j, f"RAPL, {names}")


def test_dies_of_an_unknown_processor_are_a_sentence(powercap: Any, tmp_path: Path) -> None:
    root = powercap.zones(**{"package-0-die-0": (0, RANGE_UJ)})
    with pytest.raises(MeterUnavailableError, match=r"nowhere: No such file or directory; whether the dies of a package"):
        meter_of(root, cpuinfo=tmp_path / "nowhere")


class Package:
    """One package, and the clock its meter goes by."""

    def __init__(self, powercap: Any, energy_uj: int, range_uj: int = RANGE_UJ) -> None:
        self.now_s, self._powercap = 100.0, powercap
        self.meter = meter_of(powercap.zones(**{"package-0": (energy_uj, range_uj)}), clock=lambda: self.now_s)

    def energy_j(self, after_s: float, energy_uj: int) -> float:
        self.now_s += after_s
        self._powercap.count(0, energy_uj)
        return self.meter.energy_j()


def test_a_counter_that_was_set_back_is_no_wrap(powercap: Any) -> None:
    """From 30 kJ to 0.1 kJ within a second: by a wrap that would be 35.6 kW."""
    package = Package(powercap, 30_000_000_000)
    with pytest.raises(MeterUnavailableError) as caught:
        package.energy_j(1.0, 100_000_000)
    assert str(caught.value) == (
        "RAPL, package-0: its counter went from 30000000000 to 100000000 microjoules within 1 s, which no wrap explains; "
        "want at most 2000 W of a package: was it set back, by a suspend or its driver?"
    )
    for _ in range(2):  # and for good: what passed is not known
        with pytest.raises(MeterUnavailableError, match="which no wrap explains"):
            package.energy_j(1.0, 100_500_000)
        with pytest.raises(MeterUnavailableError, match="which no wrap explains"):
            package.meter.sample()


def test_a_counter_that_jumps_ahead_is_refused_too(powercap: Any) -> None:
    package = Package(powercap, 0)
    assert package.energy_j(10.0, 19_000_000_000) == 19_000
    with pytest.raises(MeterUnavailableError, match="which no wrap explains"):
        package.energy_j(10.0, 40_000_000_000)


def test_a_wrap_at_a_power_that_can_be_is_undone(powercap: Any) -> None:
    """500 W for a second, with the end of the counter in between."""
    assert Package(powercap, RANGE_UJ - 300_000_000).energy_j(1.0, 199_999_999) == 500.0


def test_one_step_of_the_counter_is_no_power_however_short_the_time(powercap: Any) -> None:
    """At 500 W it moves by half a joule every millisecond, also between two readings at once."""
    assert Package(powercap, 0).energy_j(0.0, 500_000) == 0.5


def test_what_is_read_late_was_drawn_meanwhile(powercap: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine seconds may pass between the clock and the counter: 500 W, read 3 s after the clock."""
    package = Package(powercap, 0)
    read_uj = package.meter._read_uj

    def late() -> list[int]:
        package.now_s += 3.0
        return read_uj()

    monkeypatch.setattr(package.meter, "_read_uj", late)
    assert package.energy_j(0.0, 1_500_000_000) == 1500.0


def test_a_thread_reads_it_in_between_and_ends_with_the_meter(powercap: Any) -> None:
    """It goes around twice while nobody asks; of that, who reads at the ends sees 40 J."""
    root = powercap.zones(**{"package-0": (0, 99_999_999)})
    meter = RaplMeter(root=root, every_s=0.01)
    for energy_uj in (60_000_000, 20_000_000, 80_000_000, 40_000_000):
        powercap.count(0, energy_uj)
        time.sleep(0.3)
    assert meter.energy_j() == 240.0
    meter.close()
    for thread in _reading():
        thread.join(5)
    assert not _reading()


def test_what_the_thread_sees_is_told_to_whoever_asks_later(powercap: Any) -> None:
    """A counter that was set back, and has long passed where it stood when somebody asks."""
    root = powercap.zones(**{"package-0": (30_000_000_000, RANGE_UJ)})
    meter = RaplMeter(root=root, every_s=0.01)
    powercap.count(0, 0)
    for thread in _reading():
        thread.join(5)
    powercap.count(0, 30_000_000_001)
    with pytest.raises(MeterUnavailableError, match="from 30000000000 to 0 microjoules"):
        meter.energy_j()


@pytest.mark.parametrize("text", ["9" * 400, str(1 << 64)])
def test_a_number_that_linux_cannot_hold_is_none(powercap: Any, text: str) -> None:
    root = powercap.zones(**{"package-0": (0, RANGE_UJ)})
    (root / "intel-rapl:0/max_energy_range_uj").write_text(text)
    with pytest.raises(MeterUnavailableError, match="is no number of microjoules"):
        meter_of(root)


def _reading() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "rapl meter"]
