"""Meters add up joules, say what they hold, and say no rather than 0 where there is no instrument."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hw.errors import MeterError, MeterUnavailableError
from hw.meters.nameplate import NameplateMeter
from hw.meters.rapl import RaplMeter
from hw.meters.registry import METERS, open_meter


def test_rapl_adds_up_its_packages(powercap: Any) -> None:
    root = powercap.zones(package0=(1_000_000, 262_143_328_850), package1=(5_000_000, 262_143_328_850))
    meter = RaplMeter(root=root)
    powercap.count(0, 3_500_000)
    powercap.count(1, 5_250_000)
    assert meter.energy_j() == 2.75
    assert (meter.kind, meter.source) == ("measured", "RAPL, package0, package1")


def test_rapl_undoes_the_wrap_of_a_counter(powercap: Any) -> None:
    """From 250 to 50 with a range of 999: 800 microjoules, not minus 200."""
    root = powercap.zones(package0=(250, 999))
    meter = RaplMeter(root=root)
    powercap.count(0, 50)
    assert meter.energy_j() == pytest.approx(800e-6)
    powercap.count(0, 60)
    assert meter.energy_j() == pytest.approx(810e-6)


def test_rapl_says_no_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(MeterUnavailableError, match="no RAPL here"):
        RaplMeter(root=tmp_path / "nowhere")


def test_rapl_says_what_is_wrong_with_a_counter(powercap: Any) -> None:
    root = powercap.zones(package0=(0, 999))
    meter = RaplMeter(root=root)
    (root / "intel-rapl:0" / "energy_uj").write_text("lots\n")
    with pytest.raises(MeterError, match="'lots' is no number of microjoules"):
        meter.energy_j()
    (root / "intel-rapl:0" / "energy_uj").unlink()
    with pytest.raises(MeterUnavailableError, match="energy_uj"):
        meter.energy_j()


def test_a_nameplate_is_labelled_as_one() -> None:
    now_s = [10.0]
    meter = NameplateMeter(65.0, clock=lambda: now_s[0])
    now_s[0] = 14.0
    assert meter.energy_j() == 260.0
    assert (meter.kind, meter.source) == ("nameplate", "nameplate, 65 W")


@pytest.mark.parametrize("specification", ["nameplate:", "nameplate:lots", "nameplate:nan", "nameplate:-3", "nameplate:0"])
def test_a_nameplate_without_watts_is_refused(specification: str) -> None:
    with pytest.raises(MeterError, match="number of watts"):
        open_meter(specification)


def test_an_unknown_meter_lists_the_known() -> None:
    with pytest.raises(MeterError, match=f"no meter 'nvlm'; known: {', '.join(METERS)}"):
        open_meter("nvlm:0")


def test_rapl_takes_no_argument() -> None:
    with pytest.raises(MeterError, match="want just `rapl`"):
        open_meter("rapl:1")
