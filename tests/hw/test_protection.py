"""Firmware against heat: stops, rests, and comes back by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.errors import ModelError
from hw.protection import ESP_MINER, LUXOS, ProtectionState, protect, slowed_mhz


def run(rule: object, temperatures_c: list[float], step_s: float) -> list[ProtectionState]:
    state, states = ProtectionState(), []
    for temperature_c in temperatures_c:
        state = protect(rule, state, temperature_c, step_s)  # type: ignore[arg-type]
        states.append(state)
    return states


def test_esp_miner_stops_at_75_and_comes_back_below_45_after_30_s() -> None:
    """Typed from power_management_task.c: at 75 degC off, six times 5 s at least, until below 45 degC, 100 MHz slower."""
    states = run(ESP_MINER, [74.9, 75.0, *[40.0] * 5, 40.0], 5.0)
    assert [state.hashing for state in states] == [True, *[False] * 6, True]
    assert states[-1].steps == 1
    assert slowed_mhz(ESP_MINER, states[-1], 525) == 425


def test_esp_miner_does_not_come_back_while_hot() -> None:
    states = run(ESP_MINER, [80.0, *[45.0] * 20, 44.9], 5.0)
    assert [state.hashing for state in states] == [*[False] * 21, True]


def test_esp_miner_keeps_slow_until_somebody_sets_it_anew() -> None:
    states = run(ESP_MINER, [80.0, *[40.0] * 6, *[50.0] * 100], 5.0)
    assert states[-1] == replace(states[-1], hashing=True, steps=1)


def test_luxos_steps_down_when_hot_and_up_again_below_target() -> None:
    states = run(LUXOS, [66.0] * 4 + [50.0] * 4, 120.0)
    assert [state.steps for state in states] == [1, 2, 3, 4, 3, 2, 1, 0]
    assert slowed_mhz(LUXOS, states[1], 545) == 495


def test_luxos_waits_between_steps() -> None:
    states = run(LUXOS, [66.0] * 24, 10.0)
    assert states[10].steps == 0
    assert (states[11].steps, states[-1].steps) == (1, 2)


def test_luxos_stops_at_70_and_comes_back() -> None:
    states = run(LUXOS, [70.0, 60.0, 54.0], 60.0)
    assert [state.hashing for state in states] == [False, False, True]


@given(st.lists(st.floats(min_value=0, max_value=120), min_size=1, max_size=60))
def test_nothing_latches(temperatures_c: list[float]) -> None:
    """Whatever happened, a cool while brings the machine back."""
    for rule in (ESP_MINER, LUXOS):
        state = run(rule, temperatures_c, 5.0)[-1]
        for _ in range(10):
            state = protect(rule, state, 20.0, 5.0)
        assert state.hashing


@given(st.integers(0, 100), st.floats(min_value=10, max_value=900))
def test_no_step_goes_below_the_floor(steps: int, mhz: float) -> None:
    slow_mhz = slowed_mhz(LUXOS, ProtectionState(steps=steps), mhz)
    assert min(mhz, LUXOS.minimum_frequency_mhz) <= slow_mhz <= mhz


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"restart_c": 75.0}, "want ease <= throttle <= shutdown, and restart below shutdown"),
        ({"throttle_c": 90.0}, "want ease <= throttle <= shutdown"),
        ({"rest_s": -1.0}, "rest_s is -1.0"),
    ],
)
def test_a_rule_without_order_is_refused(change: dict[str, float], sentence: str) -> None:
    with pytest.raises(ModelError) as caught:
        replace(ESP_MINER, **change)  # type: ignore[arg-type]
    assert sentence in str(caught.value)
