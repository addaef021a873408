"""Faults: each does what it is said to do, can be injected by name, and strikes as often as its hazard says."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.catalogue import machine
from hw.designs import s19_kind
from hw.errors import FaultError, OperatingPointError
from hw.faults import (
    H_PER_YEAR,
    HAZARDS,
    NORMAL_FAILURES_A_YEAR,
    FaultEvent,
    draw_faults,
    draw_first_s,
    hazard,
    inject,
    units,
)
from hw.faulty import FaultyPoint, faulty_point
from hw.health import (
    BoardHealth,
    Health,
    blocked_air,
    dead_board,
    dead_chip,
    fan_failure,
    healthy,
    repaired,
    restarted,
    weak_chip,
)
from hw.operating_point import Setting
from hw.protection import ESP_MINER, LUXOS

S19J_PRO = s19_kind(machine("Antminer S19j Pro (104Th)"))
WHOLE = healthy(3, 126)
NOMINAL = Setting(frequency_mhz=545)
YEAR_S = H_PER_YEAR * 3600.0


def at(health: Health, setting: Setting = NOMINAL, ambient_c: float = 25) -> FaultyPoint:
    return faulty_point(S19J_PRO, setting, ambient_c, health, LUXOS)


def test_a_whole_machine_is_its_nameplate() -> None:
    point = at(WHOLE)
    assert point.wall_power_w == pytest.approx(3068, rel=1e-12)
    assert point.hashrate_hps == point.reported_hps == pytest.approx(104e12, rel=1e-12)
    assert not point.overheated


@pytest.mark.parametrize("chip", [0, 1, 60, 125])
def test_a_dead_chip_takes_all_behind_it_along(chip: int) -> None:
    point = at(dead_chip(WHOLE, 1, chip))
    assert point.hashrate_hps == pytest.approx(104e12 * (378 - 126 + chip) / 378)
    assert at(dead_board(WHOLE, 1)).wall_power_w < point.wall_power_w < 3068


def test_a_second_dead_chip_behind_the_first_changes_nothing() -> None:
    once = dead_chip(WHOLE, 0, 10)
    assert dead_chip(once, 0, 50) == once
    assert dead_chip(dead_chip(WHOLE, 0, 50), 0, 10) == once


def test_a_weak_chip_costs_hashes_and_no_watt() -> None:
    """50 of 70 GH/s at full power (hiveon)."""
    point = at(weak_chip(WHOLE, 2))
    assert point.hashrate_hps == pytest.approx(104e12 * (378 - 20 / 70) / 378)
    assert point.wall_power_w == pytest.approx(3068)


def test_a_half_dead_chip_costs_nearly_all_its_hashes_and_no_watt() -> None:
    point = at(inject(WHOLE, "half-dead chip", unit=377))
    assert point.hashrate_hps == pytest.approx(104e12 * (378 - 65 / 70) / 378)
    assert point.wall_power_w == pytest.approx(3068)


def test_a_dead_board_takes_a_third_along() -> None:
    point = at(dead_board(WHOLE, 0))
    assert point.hashrate_hps == pytest.approx(104e12 * 2 / 3)
    assert 0.62 < point.wall_power_w / 3068 < 0.7


def test_without_a_pic_a_dead_board_stops_the_machine() -> None:
    """Compass Mining on late S19s."""
    point = at(dead_board(healthy(3, 126, one_board_stops_all=True), 0))
    assert (point.hashrate_hps, point.wall_power_w) == (0, 25)


def test_fans_that_stand_still_make_it_hot_and_then_stop_it() -> None:
    points, health = [at(WHOLE)], WHOLE
    for _ in range(4):
        health = fan_failure(health, 4)
        points.append(at(health))
    assert points[1].point is not None
    assert points[1].point.chip_c > 65 + 5
    assert points[1].wall_power_w > points[0].wall_power_w
    assert [point.overheated for point in points] == [False, False, False, True, True]
    assert points[4].wall_power_w < points[3].wall_power_w < 150


def test_blocked_air_overheats_a_machine_that_does_not_slow_down() -> None:
    blocked = blocked_air(WHOLE)
    assert at(blocked).overheated
    assert not at(blocked, Setting(frequency_mhz=300)).overheated
    assert not faulty_point(S19J_PRO, NOMINAL, 25, WHOLE, ESP_MINER).overheated


def test_a_trip_a_hang_and_silence() -> None:
    tripped, hung, silent = (at(inject(WHOLE, name)) for name in ("supply trip", "hang", "silent zero"))
    assert (tripped.hashrate_hps, tripped.wall_power_w) == (0, 0)
    assert hung.hashrate_hps == hung.reported_hps == 0
    assert 100 < hung.wall_power_w < 400  # leakage, fans, control board
    assert silent.hashrate_hps == 0
    assert (silent.reported_hps, silent.wall_power_w) == pytest.approx((104e12, 3068))


def test_power_off_and_on_mends_some_and_repair_all() -> None:
    broken = WHOLE
    for name in HAZARDS:
        broken = inject(broken, name)
    again = restarted(broken)
    assert not any((again.tripped, again.hung, again.silent))
    assert again.supply_dead
    assert at(again).wall_power_w == 0
    assert again.boards == broken.boards
    assert repaired(broken) == WHOLE
    assert repaired(healthy(2, 5, one_board_stops_all=True)).one_board_stops_all


@given(st.lists(st.tuples(st.sampled_from(sorted(set(HAZARDS) - {"fan failure"})), st.integers(0, 377)), max_size=12))
def test_no_fault_makes_more_hashes(struck: list[tuple[str, int]]) -> None:
    """Whatever breaks, in whatever order: never more hashes, never fewer chips than none."""
    health, before_hps = WHOLE, at(WHOLE).hashrate_hps
    for name, unit in struck:
        health = inject(health, name, unit=unit % units(health, 4, hazard(name).unit))
        point = at(health)
        assert 0 <= point.hashrate_hps <= before_hps * (1 + 1e-12)
        assert point.hashrate_hps <= point.reported_hps + 1e-3
        assert point.wall_power_w >= 0
        before_hps = point.hashrate_hps


def test_a_clock_without_a_voltage_is_refused() -> None:
    with pytest.raises(OperatingPointError, match="want a finite number above 0"):
        at(WHOLE, Setting(frequency_mhz=-1))


def test_every_hazard_is_sourced_and_most_are_assumed() -> None:
    assert all(own.rate_per_h.source and own.rate_per_h.value > 0 for own in HAZARDS.values())
    assert {name for name, own in HAZARDS.items() if own.rate_per_h.basis != "assumed"} == {"fan failure"}


def test_what_is_broken_for_good_in_a_year_is_the_normal_five_percent() -> None:
    """Chips, boards and supplies of an S19j Pro together; fans come on top."""
    rate = sum(
        HAZARDS[name].rate_per_h.value * units(WHOLE, 4, HAZARDS[name].unit)
        for name in ("dead chip", "dead board", "dead supply")
    )
    assert 1 - exp(-rate * H_PER_YEAR) == pytest.approx(NORMAL_FAILURES_A_YEAR)


def test_fans_live_as_their_l10_says() -> None:
    """90 % of them are left after 60,000 h at 60 degC, and after twice that at 45 degC."""
    fan = hazard("fan failure")
    assert exp(-fan.rate_per_s(60) * 60_000 * 3600) == pytest.approx(0.9)
    assert exp(-fan.rate_per_s(45) * 120_000 * 3600) == pytest.approx(0.9)
    assert fan.rate_per_s() == fan.rate_per_s(60)
    assert hazard("hang").rate_per_s(90) == hazard("hang").rate_per_s()


def test_first_failures_are_exponential() -> None:
    """20,000 drawn with a fixed seed: mean and median within three sigma."""
    times_s = draw_first_s(np.random.default_rng(20260101), 1e-6, (20_000,))
    assert times_s.mean() == pytest.approx(1e6, rel=3 / np.sqrt(20_000))
    assert np.median(times_s) == pytest.approx(1e6 * log(2), rel=0.03)


def test_what_cannot_strike_strikes_never() -> None:
    assert np.isinf(draw_first_s(np.random.default_rng(1), 0.0, (3,))).all()
    assert draw_faults(np.random.default_rng(1), WHOLE, 4, 0.0) == ()


def test_the_same_generator_gives_the_same_faults() -> None:
    one, other = (draw_faults(np.random.default_rng(7), WHOLE, 4, 5 * YEAR_S) for _ in range(2))
    assert one == other
    assert list(one) == sorted(one, key=lambda event: event.time_s)
    assert one != draw_faults(np.random.default_rng(8), WHOLE, 4, 5 * YEAR_S)


def test_a_fleet_is_struck_as_often_as_the_hazards_say() -> None:
    """2,000 machine-years with a fixed seed, counted by fault, within four sigma of the Poisson law."""
    rng = np.random.default_rng(2026)
    struck = [event for _ in range(2000) for event in draw_faults(rng, WHOLE, 4, YEAR_S)]
    for name, own in HAZARDS.items():
        rate = own.rate_per_h.value * H_PER_YEAR
        number = units(WHOLE, 4, own.unit) * 2000
        want = number * ((1 - exp(-rate)) if own.once else rate)
        assert abs(sum(event.name == name for event in struck) - want) < 4 * np.sqrt(want), name


def test_drawn_faults_can_be_injected() -> None:
    """Ten years of them, one after the other; what strikes twice for good is struck once."""
    health = WHOLE
    for event in draw_faults(np.random.default_rng(3), WHOLE, 4, 10 * YEAR_S):
        health = restarted(inject(health, event.name, unit=event.unit))
    assert at(health).hashrate_hps < 104e12


def test_cool_fans_last_longer() -> None:
    hot, cool = (
        sum(
            event.name == "fan failure"
            for seed in range(300)
            for event in draw_faults(np.random.default_rng(seed), WHOLE, 4, YEAR_S, temperature_c)
        )
        for temperature_c in (75.0, 30.0)
    )
    assert cool < hot / 3


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: inject(WHOLE, "rust"),
            "no fault 'rust'; known: dead chip, weak chip, half-dead chip, dead board, fan failure",
        ),
        (lambda: inject(WHOLE, "dead chip", unit=378), "no chip 378 for 'dead chip'; want 0 to 377"),
        (lambda: inject(WHOLE, "dead board", unit=3), "no board 3 for 'dead board'; want 0 to 2"),
        (lambda: inject(WHOLE, "fan failure", unit=4), "no fan 4 for 'fan failure'; want 0 to 3"),
        (lambda: inject(WHOLE, "hang", unit=1), "no machine 1 for 'hang'; want 0"),
        (lambda: dead_chip(WHOLE, 0, 126), "chip 126 of board 0; want 0 to 125"),
        (lambda: dead_chip(WHOLE, 5, 0), "board 5; want 0 to 2"),
        (lambda: weak_chip(WHOLE, 0, 1.0), "a weak chip that does 1.0"),
        (lambda: weak_chip(weak_chip(healthy(1, 1), 0), 0), "all 1 chips of board 0 are weak already"),
        (lambda: fan_failure(replace(WHOLE, failed_fans=4), 4), "4 of 4 fans stand still already"),
        (lambda: blocked_air(WHOLE, 0), "0 of the air; want more than 0 and at most 1"),
        (lambda: healthy(0, 63), "0 boards of 63 chips; want one or more of each"),
        (lambda: draw_first_s(np.random.default_rng(1), -1.0, (1,)), "rate_per_s is -1.0"),
        (lambda: draw_faults(np.random.default_rng(1), WHOLE, 4, float("inf")), "horizon_s is inf"),
        (lambda: hazard("fan failure").rate_per_s(float("nan")), "temperature_c is nan"),
    ],
)
def test_the_impossible_is_refused(call: object, sentence: str) -> None:
    assert callable(call)
    with pytest.raises(FaultError) as caught:
        call()
    assert sentence in str(caught.value)


def test_units_are_counted_through_the_machine() -> None:
    """Chip 130 of a machine of 126 a board is chip 4 of the second."""
    assert inject(WHOLE, "dead chip", unit=130) == dead_chip(WHOLE, 1, 4)
    assert inject(WHOLE, "weak chip", unit=0) == weak_chip(WHOLE, 0)


def test_events_are_in_order_of_time() -> None:
    assert FaultEvent(1.0, "hang", 0) < FaultEvent(2.0, "dead chip", 0)


def test_a_board_counts_good_chips() -> None:
    assert BoardHealth(chips=10, answering=8, weak=(0.5, 0.25)).working_chips == 6.75
    assert BoardHealth(chips=10, answering=1, weak=(0.5, 0.25)).working_chips == 0.5
    assert BoardHealth(chips=10, answering=10, powered=False).working_chips == 0
