"""Loads: steps that are exact, and functions that become steps."""

from __future__ import annotations

from math import inf, nan, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.errors import PowerError
from hw.meters.load import FunctionLoad, StepLoad, constant_load

LOAD = StepLoad(((0.0, 100.0), (2.0, 300.0), (3.0, 0.0), (5.0, 50.0)))


@pytest.mark.parametrize(
    ("time_s", "power_w"), [(-1.0, 0.0), (0.0, 100.0), (1.9, 100.0), (2.0, 300.0), (3.0, 0.0), (99.0, 50.0)]
)
def test_a_step_holds_from_its_change_on(time_s: float, power_w: float) -> None:
    assert LOAD.power_w(time_s) == power_w


@pytest.mark.parametrize(
    ("from_s", "to_s", "energy_j"),
    [(-5.0, 0.0, 0.0), (0.0, 3.0, 500.0), (1.0, 2.5, 250.0), (3.0, 5.0, 0.0), (4.0, 7.0, 100.0), (3.0, 1.0, 0.0)],
)
def test_energy_of_steps(from_s: float, to_s: float, energy_j: float) -> None:
    assert LOAD.energy_j(from_s, to_s) == energy_j


def test_a_load_may_be_there_at_all_times() -> None:
    load = constant_load(250.0)
    assert (load.power_w(-1e9), load.energy_j(-10.0, 10.0)) == (250.0, 5000.0)


def test_a_machine_that_is_never_on_draws_nothing() -> None:
    assert (StepLoad(()).power_w(1.0), StepLoad(()).energy_j(0.0, 9.0)) == (0.0, 0.0)


@given(st.floats(-50, 50), st.floats(0, 50), st.floats(0, 50))
def test_a_function_is_additive_like_steps(from_s: float, first_s: float, second_s: float) -> None:
    load = FunctionLoad(lambda time_s: 200.0 + 100.0 * sin(time_s), step_s=0.25)
    middle_s, to_s = from_s + first_s, from_s + first_s + second_s
    parts_j = load.energy_j(from_s, middle_s) + load.energy_j(middle_s, to_s)
    assert parts_j == pytest.approx(load.energy_j(from_s, to_s), abs=1e-9)


def test_a_function_that_keeps_to_the_grid_is_exact() -> None:
    load = FunctionLoad(lambda time_s: 100.0 if time_s < 10.0 else 700.0, step_s=0.5)
    assert load.energy_j(2.0, 11.25) == 800.0 + 875.0
    assert (load.power_w(9.99), load.power_w(10.0)) == (100.0, 700.0)


def test_what_is_left_out_falls_with_the_square_of_the_step() -> None:
    """The integral of the square of time from 0 to 1 is a third."""
    errors = [abs(FunctionLoad(lambda time_s: time_s**2, step_s=step_s).energy_j(0.0, 1.0) - 1 / 3) for step_s in (0.1, 0.05)]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.01)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (((0.0, -1.0),), "a power of -1.0 W at 0.0 s"),
        (((0.0, nan),), "a power of nan W"),
        (((0.0, inf),), "a power of inf W"),
        (((nan, 1.0),), "power changes at nan s"),
        (((inf, 1.0),), "power changes at inf s"),
        (((2.0, 1.0), (2.0, 3.0)), "power changes at 2.0 s and then at 2.0 s"),
        (((2.0, 1.0), (-inf, 3.0)), "then at -inf s"),
    ],
)
def test_steps_that_cannot_be(changes: tuple[tuple[float, float], ...], sentence: str) -> None:
    with pytest.raises(PowerError, match=sentence):
        StepLoad(changes)


def test_functions_that_cannot_be() -> None:
    with pytest.raises(PowerError, match="step_s is 0; want seconds above 0"):
        FunctionLoad(lambda _: 1.0, step_s=0)
    with pytest.raises(PowerError, match=r"a power of nan W at 0\.5 s"):
        FunctionLoad(lambda _: nan, step_s=1.0).energy_j(0.0, 1.0)
