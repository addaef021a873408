"""A run at a moment: figures worked by hand, and laws that hold at every moment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.snapshot import RunSeries, state_at

START_S = 1_624_114_800.0  # 2021-06-19T15:00Z, an hour before Sichuan's cut
END_S = START_S + 3 * 3600 + 900

# Three hours, two regions: Sichuan at 2 GW is cut half-way through the second hour, Texas draws 0.5 GW throughout.
POWER_W = np.array([[2e9, 5e8], [1e9, 5e8], [0.0, 5e8]])
G_PER_J = np.array([24 / 3.6e6, 500 / 3.6e6])
RUN = RunSeries(
    start_s=START_S,
    end_s=END_S,
    regions=("Sichuan", "Texas"),
    hours_s=START_S + 3600 * np.arange(3.0),
    power_w=POWER_W,
    hashrate_hps=POWER_W / 60 * 1e12,
    powered_fraction=np.array([[1.0, 1.0], [0.5, 1.0], [0.0, 1.0]]),
    carbon_g_per_j=np.where(POWER_W > 0, G_PER_J, np.nan),
    energy_j=np.concatenate([np.zeros((1, 2)), np.cumsum(POWER_W * 3600, axis=0)]),
    carbon_g=np.concatenate([np.zeros((1, 2)), np.cumsum(POWER_W * 3600 * G_PER_J, axis=0)]),
    network_s=START_S + 3600 * np.arange(3.0),
    network_hps=np.array([130e18, 115e18, 100e18]),
    block_s=START_S + np.array([60.0, 700.0, 5400.0, 5400.0, 11000.0]),
    heights=np.arange(688000, 688005),
    difficulty=np.array([19.9e12, 19.9e12, 19.9e12, 14.4e12, 14.4e12]),
    events=(
        (START_S, "Xinjiang", "rationing"),
        (START_S + 5400, "Sichuan", "cut"),
        (START_S + 5400, "Sichuan", "cut"),
        (START_S + 9000, "Xinjiang", "restore"),
    ),
)

moments_s = st.floats(min_value=START_S - 3600, max_value=END_S + 3600)


def test_at_the_start_nothing_has_happened() -> None:
    state = state_at(RUN, START_S)
    assert state.progress_ratio == 0
    assert [region.energy_j for region in state.regions] == [0, 0]
    assert [region.power_w for region in state.regions] == [2e9, 5e8]
    assert (state.blocks, state.block_height, state.difficulty) == (0, None, None)
    assert state.cutoffs == (("Sichuan", "order", 0), ("Xinjiang", "shortage", 1))
    assert state.events == (("cut", 0), ("rationing", 1), ("restore", 0))


def test_inside_the_hour_of_the_cut() -> None:
    """A quarter into the second hour: 2 GW for an hour and a mean of 1 GW for a quarter of one."""
    sichuan, texas = state_at(RUN, START_S + 4500).regions
    assert sichuan.power_w == 1e9
    assert sichuan.powered_fraction == 0.5
    assert sichuan.energy_j == 2e9 * 3600 + 1e9 * 900
    assert texas.energy_j == 5e8 * 4500
    assert texas.carbon_g == pytest.approx(5e8 * 4500 / 3.6e6 * 500)
    assert texas.carbon_g_per_j == 500 / 3.6e6


def test_at_the_moment_of_an_event_it_has_happened() -> None:
    state = state_at(RUN, START_S + 5400)
    assert state.blocks == 4
    assert (state.block_height, state.difficulty) == (688003, 14.4e12)
    assert state.network_hps == 115e18
    assert state.cutoffs[0] == ("Sichuan", "order", 2)
    assert state_at(RUN, START_S + 5399.9).cutoffs[0] == ("Sichuan", "order", 0)


def test_at_the_end_counters_hold_the_sum_of_the_table() -> None:
    """The last quarter of an hour was not recorded: gauges keep the last hour, counters the table's sum."""
    state = state_at(RUN, END_S)
    assert state.progress_ratio == 1
    assert [region.energy_j for region in state.regions] == [3e9 * 3600, 1.5e9 * 3600]
    assert [region.power_w for region in state.regions] == [0, 5e8]
    assert state.regions[0].carbon_g_per_j is None
    assert (state.blocks, state.block_height) == (5, 688004)


@given(moments_s, moments_s)
def test_counters_never_fall(one_s: float, other_s: float) -> None:
    earlier, later = (state_at(RUN, time_s) for time_s in sorted((one_s, other_s)))
    assert START_S <= earlier.time_s <= later.time_s <= END_S
    for before, after in zip(earlier.regions, later.regions, strict=True):
        assert before.energy_j <= after.energy_j
        assert before.carbon_g <= after.carbon_g
    assert earlier.blocks <= later.blocks
    for before, after in zip(earlier.cutoffs + earlier.events, later.cutoffs + later.events, strict=True):
        assert before[:-1] == after[:-1]
        assert before[-1] <= after[-1]


@given(st.integers(0, 2), st.floats(0, 0.999), st.floats(0, 0.999))
def test_the_rate_of_the_counter_is_the_gauge(hour: int, one: float, other: float) -> None:
    """Inside an hour, energy gained over time passed is the power shown."""
    first_s, second_s = (START_S + 3600 * (hour + part) for part in (one, other))
    before, after = (state_at(RUN, time_s).regions[1] for time_s in (first_s, second_s))
    assert after.energy_j - before.energy_j == pytest.approx(before.power_w * (second_s - first_s), abs=1e4)


def test_a_run_without_blocks_or_network_hours_leaves_them_out() -> None:
    bare = replace(RUN, block_s=np.array([]), heights=np.array([], dtype=np.int64), difficulty=np.array([]), events=())
    state = state_at(replace(bare, network_s=np.array([]), network_hps=np.array([])), END_S)
    assert (state.network_hps, state.block_height, state.difficulty, state.blocks) == (None, None, None, 0)
    assert (state.cutoffs, state.events) == ((), ())
