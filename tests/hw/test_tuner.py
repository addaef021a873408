"""The tuner: never above a cap, and as good as trying everything."""

from __future__ import annotations

from itertools import product
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.catalogue import machine
from hw.designs import s19_kind
from hw.errors import ModelError, NoSettingError, OperatingPointError
from hw.operating_point import OperatingPoint, Setting, operating_point
from hw.tuner import Caps, Goal, Grid, grid, rank, reach, tune

S19J_PRO = s19_kind(machine("Antminer S19j Pro (104Th)"))
FINE = grid(145, 745, 6.25, (0.4, 0.6, 0.8, 1.0))

ambients_c = st.floats(min_value=-10, max_value=50)
goals = st.sampled_from(["efficiency", "hashrate"])
caps = st.builds(
    Caps,
    wall_power_w=st.floats(min_value=500, max_value=5000) | st.just(inf),
    chip_c=st.floats(min_value=40, max_value=110) | st.just(inf),
    sink_c=st.floats(min_value=30, max_value=90) | st.just(inf),
    supply_load=st.sampled_from([0.8, 1.0]),
    within_points=st.booleans(),
)
grids = st.builds(
    Grid,
    st.lists(st.integers(20, 160), min_size=1, max_size=12, unique=True).map(
        lambda steps: tuple(5.0 * at for at in sorted(steps))
    ),
    st.lists(st.integers(0, 10), min_size=1, max_size=4, unique=True).map(lambda steps: tuple(at / 10 for at in sorted(steps))),
)


def try_everything(where: Grid, limits: Caps, ambient_c: float) -> list[OperatingPoint]:
    """Return every setting of `where` that keeps `limits`: the slow twin, which takes nothing for monotone."""
    kept = []
    for clock, speed in product(where.frequencies_mhz, where.fan_speeds):
        try:
            point = operating_point(S19J_PRO, Setting(frequency_mhz=clock, fan_speed=speed), ambient_c)
        except OperatingPointError:
            continue
        if limits.kept_by(point):
            kept.append(point)
    return kept


@given(caps, ambients_c, goals)
def test_the_steady_state_is_never_above_a_cap(limits: Caps, ambient_c: float, goal: Goal) -> None:
    """Recomputed from the setting alone, without the tuner."""
    try:
        found = tune(S19J_PRO, FINE, limits, ambient_c, goal)
    except NoSettingError:
        return
    again = operating_point(S19J_PRO, Setting(frequency_mhz=found.frequency_mhz, fan_speed=found.fan_speed), ambient_c)
    assert again.wall_power_w <= limits.wall_power_w
    assert again.chip_c <= limits.chip_c
    assert again.sink_c <= limits.sink_c
    assert again.supply_load <= limits.supply_load
    assert not (limits.within_points and again.extrapolated)


@given(grids, caps, ambients_c, goals)
def test_the_tuner_finds_what_trying_everything_finds(where: Grid, limits: Caps, ambient_c: float, goal: Goal) -> None:
    kept = try_everything(where, limits, ambient_c)
    if not kept:
        with pytest.raises(NoSettingError, match="no setting of the grid keeps"):
            tune(S19J_PRO, where, limits, ambient_c, goal)
        return
    best = min(kept, key=lambda point: rank(point, goal))
    assert tune(S19J_PRO, where, limits, ambient_c, goal) == best


@given(grids, caps, ambients_c, st.floats(min_value=10e12, max_value=160e12))
def test_a_target_is_reached_with_the_least_power(where: Grid, limits: Caps, ambient_c: float, target_hps: float) -> None:
    enough = [point for point in try_everything(where, limits, ambient_c) if point.hashrate_hps >= target_hps]
    if not enough:
        with pytest.raises(NoSettingError, match="no setting does"):
            reach(S19J_PRO, where, limits, ambient_c, target_hps)
        return
    found = reach(S19J_PRO, where, limits, ambient_c, target_hps)
    assert found.wall_power_w == min(point.wall_power_w for point in enough)


def test_a_watt_cap_is_used_up_when_hash_rate_is_wanted() -> None:
    """The next clock, 6.25 MHz on, would be above it."""
    found = tune(S19J_PRO, FINE, Caps(wall_power_w=2500), 25, "hashrate")
    assert 2440 < found.wall_power_w <= 2500
    next_up = Setting(frequency_mhz=found.frequency_mhz + 6.25, fan_speed=found.fan_speed)
    assert operating_point(S19J_PRO, next_up, 25).wall_power_w > 2500


def test_a_temperature_cap_binds_on_a_hot_day() -> None:
    cool, hot = (tune(S19J_PRO, FINE, Caps(sink_c=65), ambient_c, "hashrate") for ambient_c in (20.0, 45.0))
    assert hot.hashrate_hps < cool.hashrate_hps * 0.9
    assert hot.sink_c <= 65


def test_the_best_efficiency_lies_inside_not_at_the_slowest_clock() -> None:
    """Fans and control board are there whatever the clock: going slower than that does not pay."""
    found = tune(S19J_PRO, FINE, Caps(), 25)
    assert 145 < found.frequency_mhz < 300
    assert found.efficiency_j_per_th < 26


def test_published_points_can_be_kept_to() -> None:
    found = tune(S19J_PRO, FINE, Caps(within_points=True), 25)
    assert found.frequency_mhz == 495
    assert not found.extrapolated


def test_slow_fans_are_a_choice_too() -> None:
    """At full speed they take 79 W; the tuner weighs them against leakage."""
    chosen = tune(S19J_PRO, FINE, Caps(within_points=True), 25)
    full = tune(S19J_PRO, grid(145, 745, 6.25), Caps(within_points=True), 25)
    assert chosen.fan_speed < 1
    assert chosen.efficiency_j_per_th < full.efficiency_j_per_th


def test_what_cannot_be_says_what_comes_nearest() -> None:
    with pytest.raises(NoSettingError) as caught:
        tune(S19J_PRO, FINE, Caps(wall_power_w=100, chip_c=80), 25)
    assert "no setting of the grid keeps a cap of 100 W, chips at 80 degC, a supply's load of 1" in str(caught.value)
    assert "the slowest clock, 145 MHz, comes to" in str(caught.value)
    with pytest.raises(NoSettingError, match="no setting does 500 TH/s and keeps"):
        reach(S19J_PRO, FINE, Caps(), 25, 500e12)


def test_a_grid_has_its_ends() -> None:
    assert grid(100, 130, 10).frequencies_mhz == (100, 110, 120, 130)
    assert grid(56.25, 525, 6.25).frequencies_mhz[-1] == 525
    assert grid(100, 100, 10).frequencies_mhz == (100,)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Caps(chip_c=float("nan")), "chip_c is nan; want a number, or infinity for no cap"),
        (lambda: Grid((), (1.0,)), "frequencies_mhz (); want one or more, rising"),
        (lambda: Grid((500.0, 400.0), (1.0,)), "want one or more, rising"),
        (lambda: Grid((-1.0, 400.0), (1.0,)), "want finite clocks above 0"),
        (lambda: Grid((400.0,), (0.5, 1.5)), "want parts of the rated speed, 0 to 1"),
        (lambda: grid(100, 200, 0), "step_mhz is 0; want more than 0"),
        (lambda: grid(200, 100, 10), "want one or more, rising"),
        (lambda: tune(S19J_PRO, FINE, Caps(), 25, "beauty"), "goal is 'beauty'; want one of efficiency, hashrate"),  # type: ignore[arg-type]
    ],
)
def test_the_impossible_is_refused(make: object, sentence: str) -> None:
    assert callable(make)
    with pytest.raises(ModelError) as caught:
        make()
    assert sentence in str(caught.value)


def test_caps_name_themselves() -> None:
    assert str(Caps(supply_load=inf)) == "no cap"
    assert str(Caps(wall_power_w=2500, within_points=True)) == "a cap of 2500 W, a supply's load of 1, the published points"
