"""Units of the hardware floor: exact by definition."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw import units

powers_w = st.floats(min_value=0, max_value=1e11)
durations_s = st.floats(min_value=0, max_value=1e9)


def test_the_constants_are_the_definitions() -> None:
    """A kilowatt-hour is 1000 W times 3600 s."""
    assert units.J_PER_KWH == 1000 * 60 * 60
    assert units.J_PER_MWH == 10**6 * 60 * 60
    assert (units.W_PER_KW, units.W_PER_MW, units.W_PER_GW) == (10**3, 10**6, 10**9)


@pytest.mark.parametrize(
    ("power_w", "duration_s", "kwh"),
    [
        pytest.param(1000, 3600, 1, id="one kilowatt for an hour"),
        pytest.param(3250, 86_400, 78, id="an Antminer S19 for a day"),
        pytest.param(0, 3600, 0, id="switched off"),
    ],
)
def test_energy_of_a_held_power(power_w: float, duration_s: float, kwh: float) -> None:
    """Figures worked by hand."""
    assert units.energy_kwh(power_w, duration_s) == kwh
    assert units.energy_j(power_w, duration_s) == kwh * 3_600_000
    assert units.energy_mwh(power_w, duration_s) == pytest.approx(kwh / 1000)


@given(powers_w, durations_s)
def test_energy_units_agree_to_the_last_bit(power_w: float, duration_s: float) -> None:
    """Each conversion is one correctly rounded division of the same product."""
    joules = Fraction(units.energy_j(power_w, duration_s))
    assert units.energy_kwh(power_w, duration_s) == float(joules / 3_600_000)
    assert units.energy_mwh(power_w, duration_s) == float(joules / 3_600_000_000)


@given(powers_w, durations_s, durations_s)
def test_energy_adds_up_over_time(power_w: float, first_s: float, second_s: float) -> None:
    """Two spans one after the other hold what one long span holds."""
    apart_j = units.energy_j(power_w, first_s) + units.energy_j(power_w, second_s)
    assert apart_j == pytest.approx(units.energy_j(power_w, first_s + second_s), rel=1e-12, abs=1e-6)


@given(st.floats(min_value=1, max_value=1e6), st.floats(min_value=1e6, max_value=1e21))
def test_efficiency_and_power_are_inverse(power_w: float, hashrate_hps: float) -> None:
    """Power to J/TH and back."""
    efficiency = units.j_per_th(power_w, hashrate_hps)
    assert units.power_at_efficiency_w(hashrate_hps, efficiency) == pytest.approx(power_w, rel=1e-14)


def test_one_watt_per_terahash_per_second_is_one_joule_per_terahash() -> None:
    """An S9 of 13.5 TH/s and 1323 W takes 98 J/TH."""
    assert units.j_per_th(1323, 13.5e12) == 98
    with pytest.raises(ZeroDivisionError):
        units.j_per_th(1323, 0)


def test_carbon_intensity_in_base_units() -> None:
    """CBECI's 820 g/kWh for coal is 820 g for each 3.6 MJ."""
    assert units.g_per_j(820) * 3_600_000 == pytest.approx(820, rel=1e-15)
