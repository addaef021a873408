"""Wrong nonces: few at the voltage of the curve, more with less of it, and as many as measured machines had."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.catalogue import entry
from hw.designs import bitaxe_gamma, s19_kind
from hw.faulty import FaultyPoint, error_rate, errors_at, faulty_at, faulty_point
from hw.fleet.bitaxe import axe_chip, bitaxe
from hw.health import healthy
from hw.operating_point import Setting, point_at
from hw.protection import ESP_MINER

S19J_PRO = s19_kind(entry("Antminer S19j Pro (104Th)").machine)
GAMMA = bitaxe_gamma(entry("Bitaxe Gamma (602/603)").machine)
NOMINAL = Setting(frequency_mhz=545)

GAMMAS = [  # settings, mean mV, mean MHz, mean of measured hash rate over MHz times 2,040 cores, its standard error
    (20, 1025.0, 469.5, 1.0205, 0.0098),
    (25, 1025.0, 492.0, 1.0104, 0.0074),
    (30, 1025.6, 518.4, 0.9983, 0.0085),
    (22, 1025.6, 469.2, 1.0200, 0.0080),
    (31, 1027.2, 492.7, 1.0181, 0.0086),
    (26, 1029.0, 517.5, 1.0114, 0.0078),
    (50, 1032.9, 468.7, 0.9605, 0.0061),
    (51, 1047.9, 489.3, 0.9661, 0.0054),
    (32, 1054.3, 517.9, 0.9962, 0.0072),
]
"""Three Bitaxe Gammas, each at low, middle and high clocks: github.com/mtab3000/bitaxe-monitor, 20250620, commit 67ad946."""


def warm(setting: Setting) -> FaultyPoint:
    """Return what a whole S19j Pro does while its chips are at 65 degC."""
    return faulty_at(S19J_PRO, setting, point_at(S19J_PRO, setting, ambient_c=25, chip_c=65), healthy(3, 126))


def test_errors_are_one_percent_at_the_curve_and_five_where_measurements_end() -> None:
    """Healthy machines have up to 2 %, unstable ones more than 5; clocks up to 25 % above the voltage's own were measured."""
    assert error_rate(S19J_PRO, NOMINAL) == 0.01
    assert error_rate(S19J_PRO, Setting(frequency_mhz=595)) == 0.01
    assert error_rate(S19J_PRO, Setting(frequency_mhz=545 * 1.25, voltage_v=13.4)) == pytest.approx(0.05, rel=1e-6)


@pytest.mark.parametrize(("mhz", "beyond"), [(545 * 1.249, False), (545 * 1.251, True)])
def test_errors_beyond_what_was_measured_are_told_as_such(mhz: float, beyond: bool) -> None:
    """The point of the machine carries the mark on, even where clock and voltage are published ones."""
    setting = Setting(frequency_mhz=mhz, voltage_v=13.4)
    assert errors_at(S19J_PRO, setting).extrapolated == beyond
    scaled = Setting(frequency_mhz=mhz * 450 / 545, voltage_v=1.06)  # 450 MHz is what the Gamma's ladder gives for 1.06 V
    told = faulty_point(GAMMA, scaled, 15, healthy(1, 1), ESP_MINER)
    assert told.point is not None
    assert told.point.extrapolated == beyond


def test_a_gamma_loses_no_more_than_the_weakest_of_three_that_were_measured() -> None:
    """Set far below the ladder's voltage, one lost 3 % of its hashes and two none; the model, made to be careful, loses 3."""
    lost, modelled = [], []
    for unit in (GAMMAS[:3], GAMMAS[3:6], GAMMAS[6:]):
        settings = sum(row[0] for row in unit)
        lost.append(sum(number * (1 - part) for number, _, _, part, _ in unit) / settings)
        rates = [(row[0], error_rate(GAMMA, Setting(frequency_mhz=row[2], voltage_v=row[1] / 1000))) for row in unit]
        modelled.append(sum(number * rate for number, rate in rates) / settings)
    assert sum(lost) / 3 < sum(modelled) / 3 < max(lost) + 0.005


@pytest.mark.parametrize(
    ("name", "mhz", "most"),
    [
        ("Bitaxe Gamma (600/601)", 550, 0.02),
        ("Bitaxe Gamma (600/601)", 600, 0.05),
        ("Bitaxe Ultra", 525, 0.02),
        ("Bitaxe Ultra", 575, 0.05),
        ("Bitaxe Supra", 575, 0.05),
        ("Bitaxe Max", 475, 0.05),
    ],
)
def test_clocks_that_a_bitaxe_offers_leave_it_its_hash_rate(name: str, mhz: float, most: float) -> None:
    """At its default voltage: more than 1 % wrong, and no instability, which begins at 5 %."""
    one = entry(name)
    design, voltage_v = bitaxe(one), axe_chip(one).default_mv / 1000
    assert 0.01 < error_rate(design, Setting(frequency_mhz=mhz, voltage_v=voltage_v)) < most


@given(st.floats(min_value=400, max_value=1400), st.floats(min_value=0.1, max_value=50))
def test_errors_rise_with_overclock(mhz: float, more_mhz: float) -> None:
    slow, fast = (error_rate(S19J_PRO, Setting(frequency_mhz=clock, voltage_v=13.4)) for clock in (mhz, mhz + more_mhz))
    assert 0 < slow <= fast <= 1


@given(st.floats(min_value=11.5, max_value=15), st.floats(min_value=0.01, max_value=1))
def test_errors_fall_with_voltage(volts: float, more_v: float) -> None:
    low, high = (error_rate(S19J_PRO, Setting(frequency_mhz=545, voltage_v=one)) for one in (volts, volts + more_v))
    assert 0 < high <= low <= 1


def test_too_much_overclock_gives_fewer_hashes() -> None:
    """Where the errors gained by a faster clock cost more than it brings."""
    modest, wild = (warm(Setting(frequency_mhz=clock, voltage_v=13.4)) for clock in (700, 850))
    assert wild.hashrate_hps < modest.hashrate_hps
    assert wild.wall_power_w > modest.wall_power_w
