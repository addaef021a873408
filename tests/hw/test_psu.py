"""Supplies: efficient as published at the published loads, and wall power can be taken back exactly."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.errors import ModelError
from hw.psu import ADAPTER_5V, APW3_SUPPLY, S19_SUPPLY, SLEEP_W, PowerSupply, scaled_supply

SUPPLIES = [S19_SUPPLY, APW3_SUPPLY, ADAPTER_5V]
IDS = ["S19", "APW3", "adapter"]


@pytest.mark.parametrize(("load", "efficiency"), [(0.2, 0.90), (0.5, 0.94), (1.0, 0.91)])
def test_80_plus_platinum_at_its_loads(load: float, efficiency: float) -> None:
    """Typed from the 80 PLUS table for 230 V, internal, redundant."""
    assert S19_SUPPLY.efficiency(load * S19_SUPPLY.rated_w) == pytest.approx(efficiency, rel=1e-12)


@pytest.mark.parametrize("supply", SUPPLIES, ids=IDS)
@given(part=st.floats(min_value=0, max_value=1.2))
def test_wall_power_can_be_taken_back(supply: PowerSupply, part: float) -> None:
    dc_w = part * supply.rated_w
    assert supply.output_w(supply.input_w(dc_w)) == pytest.approx(dc_w, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("supply", SUPPLIES, ids=IDS)
@given(one=st.floats(min_value=0, max_value=1.2), more=st.floats(min_value=1e-6, max_value=0.5))
def test_more_behind_it_is_more_at_the_wall(supply: PowerSupply, one: float, more: float) -> None:
    """By more than what is added: a loss never shrinks."""
    added_w = more * supply.rated_w
    dc_w = one * supply.rated_w
    assert supply.input_w(dc_w + added_w) - supply.input_w(dc_w) >= added_w * (1 - 1e-9)
    assert 0 <= supply.efficiency(dc_w) < 1


def test_a_sleeping_machine_draws_25_w() -> None:
    assert S19_SUPPLY.input_w(0) == SLEEP_W.value == 25
    assert S19_SUPPLY.efficiency(0) == 0
    with pytest.raises(ModelError, match="want 25 W or more, which it takes with no load"):
        S19_SUPPLY.output_w(24)


def test_overload_is_told() -> None:
    assert S19_SUPPLY.load(4000) > 1
    assert S19_SUPPLY.load(3000) < 1


def test_every_packaged_curve_says_that_it_is_assumed() -> None:
    """No maker of miners publishes one."""
    assert {supply.basis for supply in SUPPLIES} == {"assumed"}
    assert all(supply.source and supply.as_of for supply in SUPPLIES)


def test_a_scaled_supply_has_the_same_efficiency_at_the_same_load() -> None:
    small = scaled_supply(S19_SUPPLY, 1800)
    assert small.efficiency(900) == pytest.approx(S19_SUPPLY.efficiency(1800))
    assert scaled_supply(S19_SUPPLY, 7200).standby_w == S19_SUPPLY.standby_w


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"rated_w": 0.0}, "rated_w is 0.0"),
        ({"standby_w": -1.0}, "standby_w is -1.0"),
        ({"loads": ()}, "0 loads and 3 efficiencies"),
        ({"loads": (0.5, 0.2, 1.0)}, "want them above 0 and rising"),
        ({"loads": (0.0, 0.5, 1.0)}, "want them above 0 and rising"),
        ({"efficiencies": (0.9, 1.01, 0.9)}, "want them above 0 and at most 1"),
        ({"efficiencies": (0.5, 0.99, 0.9)}, "want none below the one before"),
    ],
)
def test_a_supply_that_cannot_be_is_refused(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(ModelError) as caught:
        replace(S19_SUPPLY, **change)  # type: ignore[arg-type]
    assert sentence in str(caught.value)


@pytest.mark.parametrize("dc_w", [-1, float("nan"), float("inf")])
def test_a_power_that_cannot_be_is_refused(dc_w: float) -> None:
    with pytest.raises(ModelError, match="dc_power_w is"):
        S19_SUPPLY.input_w(dc_w)
