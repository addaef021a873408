"""Fans: cube law, rated figures, control, and fans that stand still."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.errors import ModelError
from hw.fans import M3_PER_S_PER_CFM, S19_FAN_W, S19_FANS, FanControl

speeds = st.floats(min_value=0, max_value=1)


def test_four_fans_of_an_s19_pro_draw_79_w_at_full_speed() -> None:
    """12 V and 1.65 A each."""
    assert S19_FAN_W.value == pytest.approx(19.8)
    assert S19_FANS.power_w(1) == pytest.approx(79.2)
    assert S19_FANS.rpm(1) == 6150


def test_measured_airflow_is_a_little_less_than_two_fans_side_by_side_are_rated_at() -> None:
    """370 cfm through the machine, 197 cfm a fan: the rear pair only makes up for the resistance."""
    rated = 2 * 197 * M3_PER_S_PER_CFM
    assert 0.9 < S19_FANS.flow_m3_per_s(1) / rated < 1
    assert pytest.approx(4.719474432e-4, rel=1e-12) == M3_PER_S_PER_CFM


@given(speeds)
def test_power_goes_with_the_cube_and_air_with_the_speed(speed: float) -> None:
    assert S19_FANS.power_w(speed) == pytest.approx(79.2 * speed**3)
    assert S19_FANS.flow_m3_per_s(speed) == pytest.approx(S19_FANS.airflow_m3_per_s * speed)


def test_half_speed_takes_an_eighth() -> None:
    assert S19_FANS.power_w(0.5) == pytest.approx(79.2 / 8)


@given(st.integers(0, 4), speeds)
def test_a_fan_that_stands_still_takes_its_share_along(failed: int, speed: float) -> None:
    fans = S19_FANS.with_failed(failed)
    assert fans.power_w(speed) == pytest.approx(S19_FANS.power_w(speed) * (4 - failed) / 4)
    assert fans.flow_m3_per_s(speed) == pytest.approx(S19_FANS.flow_m3_per_s(speed) * (4 - failed) / 4)


def test_a_machine_without_fans_moves_no_air() -> None:
    wet = replace(S19_FANS, count=0)
    assert (wet.power_w(1), wet.flow_m3_per_s(1)) == (0, 0)


@given(st.floats(min_value=-50, max_value=150), st.floats(min_value=0, max_value=60))
def test_control_never_slows_down_with_heat(temperature_c: float, more_c: float) -> None:
    control = FanControl(low_c=40, target_c=55)
    slow, fast = control.speed(temperature_c, 0.1), control.speed(temperature_c + more_c, 0.1)
    assert 0.1 <= slow <= fast <= 1


def test_control_is_at_full_speed_from_the_target_on() -> None:
    control = FanControl(low_c=40, target_c=55)
    assert [control.speed(at, 0.1) for at in (20, 40, 47.5, 55, 90)] == [0.1, 0.1, pytest.approx(0.55), 1, 1]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"failed": 5}, "5 of 4 fans failed; want 0 to 4"),
        ({"failed": -1}, "-1 of 4 fans failed"),
        ({"rated_w": -1.0}, "rated_w is -1.0"),
        ({"airflow_m3_per_s": float("nan")}, "airflow_m3_per_s is nan"),
        ({"minimum_speed": 1.5}, "a fan speed of 1.5; want a part of the rated speed, 0 to 1"),
    ],
)
def test_fans_that_cannot_be_are_refused(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(ModelError) as caught:
        replace(S19_FANS, **change)  # type: ignore[arg-type]
    assert sentence in str(caught.value)


@pytest.mark.parametrize("speed", [-0.1, 1.1, float("nan")])
def test_a_speed_that_cannot_be_is_refused(speed: float) -> None:
    for ask in (S19_FANS.power_w, S19_FANS.flow_m3_per_s, S19_FANS.rpm):
        with pytest.raises(ModelError, match="a fan speed of"):
            ask(speed)


def test_a_law_that_falls_is_refused() -> None:
    with pytest.raises(ModelError, match="want finite temperatures, the first below the second"):
        FanControl(low_c=60, target_c=55)
