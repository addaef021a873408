"""Meters add up joules, say what they hold, and say no rather than 0 where there is no instrument."""

from __future__ import annotations

import pytest

from hw.errors import MeterError
from hw.meters.nameplate import NameplateMeter
from hw.meters.registry import METERS, open_meter


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
