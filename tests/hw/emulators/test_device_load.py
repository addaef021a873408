"""Emulated devices as a meter's load, and that meter read over its line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from hw.drivers.bm13xx.chips import CHIPS
from hw.drivers.bm13xx.commands import WriteRegister
from hw.drivers.bm13xx.pll import choose_pll
from hw.drivers.bm13xx.registers import Register
from hw.drivers.icarus.family import profile
from hw.emulators.bm13xx import Bm13xxEmulator, ChainSetting
from hw.emulators.device_load import DeviceLoad
from hw.emulators.icarus import IcarusEmulator, Setting
from hw.errors import PowerError

if TYPE_CHECKING:
    from tests.hw.emulators.conftest import ListedFinder


@pytest.fixture
def chain(finder: ListedFinder) -> Callable[[int], Bm13xxEmulator]:
    return lambda count: Bm13xxEmulator(ChainSetting(chip=CHIPS["BM1366"], count=count, started_s=50.0), finder)


def test_it_adds_up_what_they_draw(chain: Callable[[int], Bm13xxEmulator], finder: ListedFinder) -> None:
    one, three = chain(1), chain(3)
    pll = WriteRegister(Register.PLL, choose_pll(CHIPS["BM1366"], 485.0).value(CHIPS["BM1366"])).to_bytes()
    for device in (one, three):
        device.feed(pll, 60.0)
    load = DeviceLoad([one, three, IcarusEmulator(Setting(profile=profile("erupter"), rate_hps=336e6), finder)], 50.0)
    alone = one.snapshot(1000.0)
    assert alone.power_w is not None
    assert alone.energy_j is not None
    assert load.power_w(1000.0) == pytest.approx(4 * alone.power_w)
    assert load.energy_j(50.0, 1000.0) == pytest.approx(4 * alone.energy_j)
    assert alone.energy_j > 900 * 12


def test_of_their_past_nothing_is_known(chain: Callable[[int], Bm13xxEmulator]) -> None:
    with pytest.raises(PowerError, match=r"energy from 51\.0 s on; these devices count theirs from 50\.0 s on only"):
        DeviceLoad([chain(1)], 50.0).energy_j(51.0, 60.0)
