"""Heat: exact steps, heat that is conserved, and the warm air of a real machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.errors import ModelError
from hw.fans import M3_PER_S_PER_CFM
from hw.thermal import OneNode, TwoNode, TwoTemperatures, air_rise_c, resistance_at_flow

resistances = st.floats(min_value=1e-3, max_value=1)
capacities = st.floats(min_value=1, max_value=1e5)
powers_w = st.floats(min_value=0, max_value=5000)
temperatures_c = st.floats(min_value=-20, max_value=120)
durations_s = st.floats(min_value=0, max_value=3600)
one_nodes = st.builds(OneNode, resistance_c_per_w=resistances, capacity_j_per_c=capacities)
two_nodes = st.builds(
    TwoNode,
    chip_to_sink_c_per_w=resistances,
    sink_to_air_c_per_w=resistances,
    chip_j_per_c=capacities,
    sink_j_per_c=capacities,
)
pairs_c = st.builds(TwoTemperatures, temperatures_c, temperatures_c)


def test_the_air_of_an_s19_pro_warms_as_measured() -> None:
    """3320 W at the wall, 370 cfm, 23.1 degC in: measured 38.8 degC out; all heat leaves with the air."""
    outlet_c = 23.1 + air_rise_c(3320, 370 * M3_PER_S_PER_CFM, 23.1)
    assert outlet_c == pytest.approx(38.8, abs=0.3)


def test_air_is_an_ideal_gas() -> None:
    """1.184 kg/m3 and 1005 J/(kg K) at 25 degC: 1 kW warms 1 m3/s by 0.84 degC."""
    assert air_rise_c(1000, 1) == pytest.approx(1000 / (1.184 * 1005), rel=1e-3)


def test_a_time_constant_does_63_percent() -> None:
    node = OneNode(resistance_c_per_w=0.02, capacity_j_per_c=5000)
    assert node.time_constant_s == 100
    assert node.step_c(20, power_w=1000, ambient_c=20, duration_s=100) == pytest.approx(20 + 20 * 0.6321205588, rel=1e-9)
    assert node.step_c(20, power_w=1000, ambient_c=20, duration_s=1e6) == node.steady_c(1000, 20) == 40


@given(one_nodes, temperatures_c, powers_w, durations_s, durations_s)
def test_two_steps_are_one(node: OneNode, start_c: float, power_w: float, first_s: float, second_s: float) -> None:
    """Exact means: it does not matter how the time is cut."""
    halfway_c = node.step_c(start_c, power_w=power_w, ambient_c=25, duration_s=first_s)
    cut_c = node.step_c(halfway_c, power_w=power_w, ambient_c=25, duration_s=second_s)
    whole_c = node.step_c(start_c, power_w=power_w, ambient_c=25, duration_s=first_s + second_s)
    assert cut_c == pytest.approx(whole_c, rel=1e-9, abs=1e-7)


@given(two_nodes, pairs_c, powers_w, durations_s, durations_s)
def test_two_steps_of_two_masses_are_one(
    nodes: TwoNode, start: TwoTemperatures, power_w: float, first_s: float, second_s: float
) -> None:
    halfway = nodes.step(start, power_w=power_w, ambient_c=25, duration_s=first_s)
    cut = nodes.step(halfway, power_w=power_w, ambient_c=25, duration_s=second_s)
    whole = nodes.step(start, power_w=power_w, ambient_c=25, duration_s=first_s + second_s)
    assert (cut.chip_c, cut.sink_c) == pytest.approx((whole.chip_c, whole.sink_c), rel=1e-8, abs=1e-6)


@given(two_nodes, pairs_c, powers_w)
def test_no_time_changes_nothing_and_all_time_leads_to_the_steady_state(
    nodes: TwoNode, start: TwoTemperatures, power_w: float
) -> None:
    still = nodes.step(start, power_w=power_w, ambient_c=25, duration_s=0)
    assert (still.chip_c, still.sink_c) == pytest.approx((start.chip_c, start.sink_c), rel=1e-9, abs=1e-9)
    end, steady = nodes.step(start, power_w=power_w, ambient_c=25, duration_s=1e12), nodes.steady(power_w, 25)
    assert (end.chip_c, end.sink_c) == pytest.approx((steady.chip_c, steady.sink_c), rel=1e-9)


def test_two_masses_follow_the_differential_equations() -> None:
    """A slow twin: 200,000 steps of Euler."""
    nodes = TwoNode(chip_to_sink_c_per_w=0.005, sink_to_air_c_per_w=0.01, chip_j_per_c=300, sink_j_per_c=4500)
    chip_c, sink_c, power_w, ambient_c, steps, span_s = 40.0, 30.0, 2700.0, 25.0, 200_000, 60.0
    exact = nodes.step(TwoTemperatures(chip_c, sink_c), power_w=power_w, ambient_c=ambient_c, duration_s=span_s)
    for _ in range(steps):
        over_w, out_w = (chip_c - sink_c) / 0.005, (sink_c - ambient_c) / 0.01
        chip_c += (power_w - over_w) / 300 * span_s / steps
        sink_c += (over_w - out_w) / 4500 * span_s / steps
    assert (exact.chip_c, exact.sink_c) == pytest.approx((chip_c, sink_c), abs=1e-3)


def test_without_a_way_out_all_heat_is_stored() -> None:
    """A very bad contact with the air, for a short time: what comes in is what is there."""
    nodes = TwoNode(chip_to_sink_c_per_w=0.005, sink_to_air_c_per_w=1e4, chip_j_per_c=300, sink_j_per_c=4500)
    now = nodes.step(TwoTemperatures(25, 25), power_w=2700, ambient_c=25, duration_s=50)
    assert nodes.stored_j(now, 25) == pytest.approx(2700 * 50, rel=1e-6)


@given(two_nodes, powers_w)
def test_the_one_mass_form_has_the_same_steady_chip(nodes: TwoNode, power_w: float) -> None:
    assert nodes.as_one_node().steady_c(power_w, 25) == pytest.approx(nodes.steady(power_w, 25).chip_c)


@given(st.floats(min_value=0, max_value=1), st.floats(min_value=0, max_value=1))
def test_less_air_never_cools_better(one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert resistance_at_flow(0.01, less) >= resistance_at_flow(0.01, more) >= 0.01
    assert resistance_at_flow(0.01, 0.5) == pytest.approx(0.01 * 2**0.8)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: OneNode(resistance_c_per_w=0, capacity_j_per_c=1), "resistance_c_per_w is 0; want a finite number above 0"),
        (lambda: TwoNode(chip_to_sink_c_per_w=1, sink_to_air_c_per_w=1, chip_j_per_c=-1, sink_j_per_c=1), "chip_j_per_c is -1"),
        (lambda: air_rise_c(100, 0), "airflow_m3_per_s is 0; want a finite number above 0"),
        (lambda: air_rise_c(-1, 1), "power_w is -1"),
        (lambda: resistance_at_flow(0.01, -0.1), "flow_part is -0.1"),
        (
            lambda: OneNode(resistance_c_per_w=1, capacity_j_per_c=1).step_c(20, power_w=1, ambient_c=20, duration_s=-1),
            "duration_s is -1",
        ),
    ],
)
def test_the_impossible_is_refused(call: object, sentence: str) -> None:
    assert callable(call)
    with pytest.raises(ModelError) as caught:
        call()
    assert sentence in str(caught.value)
