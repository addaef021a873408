"""What emulated chips draw: that of one chip many times, by the ratings of the board or machine that they are taken from."""

from __future__ import annotations

from itertools import pairwise

import pytest

from hw.drivers.bm13xx.chips import CHIPS
from hw.emulators.board import BOARDS, EmulatedBoard

WARM_S = 5000.0

RATED_W = {
    "BM1397": 12.0,
    "BM1366": 12.0,
    "BM1368": 12.0,
    "BM1370": 22.0,
}  # of Bitaxes with one chip: ESP-Miner device_config.h


def running(name: str, chips: int, mhz: float | None = None) -> EmulatedBoard:
    board = EmulatedBoard(CHIPS[name], chips, 0.0)
    board.clock(CHIPS[name].default_mhz if mhz is None else mhz, 0.0)
    return board


@pytest.mark.parametrize("name", list(RATED_W))
def test_a_chip_of_a_bitaxe_draws_its_board_s_watts(name: str) -> None:
    """At the adapter's plug, which takes up to a quarter more than the rating at the board's input."""
    assert RATED_W[name] < running(name, 1).read(WARM_S).power_w < 1.25 * RATED_W[name]


def test_378_chips_bm1362_draw_what_an_s19j_pro_does_at_its_own_clock() -> None:
    """3,068 W at the wall and 545 MHz, its nameplate; a board of it a third."""
    assert running("BM1362", 378, 545.0).read(WARM_S).power_w == pytest.approx(3068, rel=0.01)
    assert running("BM1362", 126, 545.0).read(WARM_S).power_w == pytest.approx(3068 / 3, rel=0.01)
    assert running("BM1362", 126, 495.0).read(WARM_S).power_w < 0.92 * 3068 / 3


@pytest.mark.parametrize("name", list(BOARDS))
@pytest.mark.parametrize("chips", [2, 6, 128])
def test_so_many_chips_draw_and_warm_as_one_does(name: str, chips: int) -> None:
    """At the default clock, at a slower one, and without a clock: power and energy many times, temperature once."""
    one, many = running(name, 1), running(name, chips)
    for number, mhz in enumerate((CHIPS[name].default_mhz * 0.8, 0.0), 1):
        told, all_told = one.read(number * 1000.0), many.read(number * 1000.0)
        assert all_told.power_w == pytest.approx(chips * told.power_w)
        assert all_told.energy_j == pytest.approx(chips * told.energy_j)
        assert all_told.chip_c == told.chip_c
        assert many.chip(number * 1000.0) == one.chip(number * 1000.0)
        one.clock(mhz, number * 1000.0)
        many.clock(mhz, number * 1000.0)
    assert many.read(2001.0).power_w < 0.05 * all_told.power_w


@pytest.mark.parametrize("name", list(BOARDS))
def test_energy_is_the_sum_of_power_and_begins_at_nothing(name: str) -> None:
    board = EmulatedBoard(CHIPS[name], 3, 100.0)
    assert board.read(100.0).energy_j == 0.0
    idle_w = board.read(110.0).power_w
    assert board.read(110.0).energy_j == pytest.approx(10 * idle_w)
    board.clock(CHIPS[name].default_mhz, 110.0)
    powers_w = [board.read(110.0 + second).power_w for second in range(301)]
    added_j = 10 * idle_w + sum((before + after) / 2 for before, after in pairwise(powers_w))
    assert board.read(410.0).energy_j == pytest.approx(added_j, rel=0.01)


def test_chips_that_rest_for_heat_count_nothing() -> None:
    """A Gamma at 725 MHz gets hotter than 75 °C, where ESP-Miner stops it for half a minute at least."""
    board = running("BM1370", 1, 725.0)
    times_s = [float(second) for second in range(0, 3600, 2)]
    cool = [board.is_cool(at_s) and board.chip(at_s).hashrate_hps > 0 for at_s in times_s]
    assert not all(cool)
    stopped_s = times_s[cool.index(False)]
    again = running("BM1370", 1, 725.0)
    assert again.chip(stopped_s).hashes > 0
    assert again.chip(stopped_s + 20.0).hashes == again.chip(stopped_s + 2.0).hashes


@pytest.mark.parametrize("name", list(BOARDS))
@pytest.mark.parametrize("chips", [2, 4, 128])
def test_chips_behind_a_dead_one_only_leak_and_the_others_go_on(name: str, chips: int) -> None:
    """Half of them draw next to nothing, all cool down, and each that lives counts as much as one in a whole chain."""
    mhz = CHIPS[name].default_mhz
    broken = EmulatedBoard(CHIPS[name], chips, 0.0, dead_from_s=WARM_S)
    whole = running(name, chips)
    broken.clock(mhz, 0.0)
    assert broken.read(WARM_S - 1) == whole.read(WARM_S - 1)
    hot = whole.read(2 * WARM_S)
    told = broken.read(2 * WARM_S)
    assert 0.4 < told.power_w / hot.power_w < 0.65
    assert told.chip_c < hot.chip_c - 5
    assert broken.chip(2 * WARM_S).hashes == pytest.approx(whole.chip(2 * WARM_S).hashes, rel=1e-6)
    assert broken.chip(2 * WARM_S).hashrate_hps == pytest.approx(mhz * 1e6 * CHIPS[name].small_cores, rel=0.02)


def test_a_chip_that_is_alone_and_dead_draws_and_counts_nothing_more() -> None:
    board = EmulatedBoard(CHIPS["BM1370"], 1, 0.0, dead_from_s=100.0)
    board.clock(525.0, 0.0)
    counted = board.chip(100.0).hashes
    assert board.chip(500.0).hashes == counted > 0
    assert board.read(500.0).power_w < 5.0
