"""Modes and ramps: as fast as the sources say, and with the energy that the curve holds."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.catalogue import machine
from hw.designs import s19_kind
from hw.errors import ModelError
from hw.modes import (
    BREAKER_OPENS,
    ESP_PAUSE,
    LUXOS_SLEEP,
    LUXOS_WAKE,
    LUXOS_WAKE_FAST,
    STOCK_BOOT,
    Ramp,
    esp_resume,
    low_power,
    preset,
    set_ramp,
    sleep_power_w,
)
from hw.operating_point import operating_point

S19J_PRO = s19_kind(machine("Antminer S19j Pro (104Th)"))
RAMPS = [BREAKER_OPENS, LUXOS_SLEEP, LUXOS_WAKE, LUXOS_WAKE_FAST, STOCK_BOOT, ESP_PAUSE, esp_resume(525), set_ramp(30)]

ramps = st.sampled_from(RAMPS)
times_s = st.floats(min_value=0, max_value=700)


def test_sleep_sheds_a_machine_in_less_than_five_seconds() -> None:
    """3068 W to 25 W: 99 % of the load is gone."""
    asleep_w = sleep_power_w(S19J_PRO)
    assert asleep_w == 25
    assert LUXOS_SLEEP.settled_s <= 5
    assert LUXOS_SLEEP.power_w(5, from_w=3068, to_w=asleep_w) == 25
    assert LUXOS_SLEEP.power_w(2.5, from_w=3068, to_w=asleep_w) == pytest.approx((3068 + 25) / 2)


def test_fast_firmware_is_back_in_ten_seconds_and_stock_firmware_in_minutes() -> None:
    assert LUXOS_WAKE_FAST.settled_s <= 10
    assert LUXOS_WAKE_FAST.power_w(10, from_w=25, to_w=3068) == 3068
    assert 300 <= STOCK_BOOT.settled_s <= 600
    assert STOCK_BOOT.power_w(119, from_w=25, to_w=3068) == 25
    assert 60 < LUXOS_WAKE.settled_s < STOCK_BOOT.settled_s


def test_what_is_assumed_says_so() -> None:
    assert {ramp.name for ramp in RAMPS if ramp.basis == "datasheet"} == {"LuxOS sleep", "LuxOS wake, unsafe"}
    assert all(ramp.source and ramp.as_of for ramp in RAMPS)


def test_a_bitaxe_climbs_to_525_mhz_in_seven_and_a_half_seconds() -> None:
    """75 steps of 6.25 MHz, 100 ms each, after the start of its chip."""
    ramp = esp_resume(525)
    start_s = ramp.times_s[1]
    assert ramp.settled_s - start_s == pytest.approx(7.5)
    assert ramp.hashrate_hps(start_s, from_hps=0, to_hps=1.071e12) == pytest.approx(1.071e12 * 56.25 / 525)
    assert ramp.hashrate_hps(start_s - 0.01, from_hps=0, to_hps=1.071e12) == 0


def test_a_breaker_is_at_once() -> None:
    assert BREAKER_OPENS.power_w(-0.001, from_w=3068, to_w=0) == 3068
    assert BREAKER_OPENS.power_w(0, from_w=3068, to_w=0) == 0
    assert set_ramp(0).power_w(0, from_w=3068, to_w=25) == 25


@given(ramps, times_s, times_s)
def test_power_goes_one_way(ramp: Ramp, one: float, other: float) -> None:
    early_s, late_s = sorted((one, other))
    early_w, late_w = (ramp.power_w(at_s, from_w=3000, to_w=25) for at_s in (early_s, late_s))
    assert 25 <= late_w <= early_w <= 3000
    assert ramp.power_w(ramp.settled_s, from_w=3000, to_w=25) == 25


@given(ramps, times_s)
def test_energy_is_the_integral_of_power(ramp: Ramp, until_s: float) -> None:
    """A slow twin: the trapezoid rule on 4,000 pieces, cut at the ramp's own points."""
    cuts = sorted({until_s * at / 4000 for at in range(4001)} | {at for at in ramp.times_s if at <= until_s})
    slow_j = 0.0
    for start_s, end_s in pairwise(cuts):
        middle_w = ramp.power_w((start_s + end_s) / 2, from_w=3000, to_w=25)
        slow_j += middle_w * (end_s - start_s)  # exact on straight pieces
    assert ramp.energy_j(until_s, from_w=3000, to_w=25) == pytest.approx(slow_j, rel=1e-9, abs=1e-6)


@given(ramps, times_s, times_s)
def test_energy_adds_up_over_time(ramp: Ramp, one: float, other: float) -> None:
    """Over the end of the ramp the rest is the new power."""
    until_s = ramp.settled_s + one
    more_j = ramp.energy_j(until_s + other, from_w=3000, to_w=25) - ramp.energy_j(until_s, from_w=3000, to_w=25)
    assert more_j == pytest.approx(25 * other, rel=1e-9, abs=1e-5)


def test_a_ramp_can_be_turned_round_in_the_middle() -> None:
    """An order that comes during a wake starts from what is drawn then."""
    now_w = LUXOS_WAKE_FAST.power_w(4, from_w=25, to_w=3068)
    assert LUXOS_SLEEP.power_w(0, from_w=now_w, to_w=25) == pytest.approx(25 + 0.4 * 3043)


@pytest.mark.parametrize(
    ("number", "mhz", "volt"), [(0, 545, 13.4), (-2, 495, 13.2), (2, 595, 13.6), (-16, 145, 11.8), (8, 745, 14.2)]
)
def test_luxos_presets(number: int, mhz: float, volt: float) -> None:
    """25 profiles, 25 MHz and 0.1 V apart."""
    point = operating_point(S19J_PRO, preset(S19J_PRO, number), 0)
    assert (point.frequency_mhz, point.voltage_v) == pytest.approx((mhz, volt))
    assert point.extrapolated == (abs(number) > 2)


@pytest.mark.parametrize("number", [-17, 9])
def test_there_are_25_presets(number: int) -> None:
    with pytest.raises(ModelError, match=r"want -16 to \+8"):
        preset(S19J_PRO, number)


def test_low_power_mode_saves_watts_but_hardly_joules_a_hash() -> None:
    """A quarter off the clock at full voltage, against the preset that lowers the voltage too."""
    nominal, low = operating_point(S19J_PRO, preset(S19J_PRO, 0), 25), operating_point(S19J_PRO, low_power(S19J_PRO), 25)
    tuned = operating_point(S19J_PRO, preset(S19J_PRO, -5), 25)
    assert low.hashrate_hps == pytest.approx(0.75 * nominal.hashrate_hps)
    assert low.efficiency_j_per_th == pytest.approx(nominal.efficiency_j_per_th, rel=0.01)
    assert tuned.efficiency_j_per_th < 0.95 * nominal.efficiency_j_per_th


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"times_s": (1.0, 5.0)}, "want two or more, from 0 on and never falling"),
        ({"times_s": (0.0,)}, "want two or more"),
        ({"times_s": (0.0, float("inf"))}, "from 0 on and never falling"),
        ({"power_parts": (0.0, 0.5)}, "want 2 from 0 to 1, the last of them 1"),
        ({"hashrate_parts": (-0.1, 1.0)}, "want 2 from 0 to 1"),
        ({"hashrate_parts": (0.0, 0.5, 1.0)}, "want 2 from 0 to 1"),
    ],
)
def test_a_curve_that_is_no_way_is_refused(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(ModelError) as caught:
        replace(LUXOS_SLEEP, **change)  # type: ignore[arg-type]
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: esp_resume(50), "want one above 56.25, where the ramp starts"),
        (lambda: set_ramp(-1), "duration_s is -1"),
        (lambda: LUXOS_SLEEP.energy_j(-1, from_w=1, to_w=0), "until_s is -1"),
    ],
)
def test_the_impossible_is_refused(call: object, sentence: str) -> None:
    assert callable(call)
    with pytest.raises(ModelError) as caught:
        call()
    assert sentence in str(caught.value)
