"""A machine over time: it obeys, heats, breaks and comes back, and its sums are exact."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.catalogue import entries
from hw.designs import bitaxe_gamma, s19_kind
from hw.errors import FaultError, NoSettingError, OperatingPointError
from hw.faults import FaultEvent, draw_faults
from hw.health import healthy
from hw.modes import ESP_PAUSE, esp_resume, sleep_power_w
from hw.operating_point import Setting, operating_point
from hw.protection import ESP_MINER
from hw.running_machine import MachinePlan, MachineState, RunningMachine

S19J = next(one.machine for one in entries("asic") if one.name == "Bitmain Antminer S19j Pro (100Th)")
GAMMA = next(one.machine for one in entries("asic") if "Gamma" in one.name)
PLAN = MachinePlan(design=s19_kind(S19J), health=healthy(3, 126))


def running(**changes: object) -> RunningMachine:
    return RunningMachine(MachinePlan(**{"design": PLAN.design, "health": PLAN.health, **changes}), 0.0)  # type: ignore[arg-type]


def test_left_alone_it_stays_at_its_nameplate() -> None:
    machine = running()
    for at_s in (0.0, 1.0, 3600.0):
        told = machine.read(at_s)
        assert (told.state, told.frequency_mhz, told.extrapolated) == (MachineState.RUNNING, 545.0, False)
        assert told.hashrate_hps == pytest.approx(S19J.hashrate_hps, rel=1e-9)
        assert told.wall_power_w == pytest.approx(S19J.power_w, rel=1e-9)
    assert told.energy_j == pytest.approx(3600 * S19J.power_w, rel=1e-9)
    assert told.hashes == pytest.approx(3600 * S19J.hashrate_hps, rel=1e-9)


def test_from_cold_it_boots_and_ends_where_the_steady_state_is() -> None:
    machine = running(warm=False, ambient_c=10.0)
    assert (machine.read(0.0).state, machine.read(100.0).hashrate_hps) == (MachineState.STARTING, 0.0)
    told = machine.read(7200.0)
    steady = operating_point(PLAN.design, Setting(frequency_mhz=545.0), 10.0)
    assert told.state == MachineState.RUNNING
    assert told.chip_c == pytest.approx(steady.chip_c, abs=0.01)
    assert told.wall_power_w == pytest.approx(steady.wall_power_w, rel=1e-5)


def test_curtailed_within_5_s_and_back_within_10() -> None:
    machine = running()
    machine.curtail(100.0)
    assert machine.read(102.5).wall_power_w == pytest.approx((S19J.power_w + sleep_power_w(PLAN.design)) / 2, rel=0.02)
    told = machine.read(105.0)
    assert (told.state, told.hashrate_hps) == (MachineState.CURTAILED, 0.0)
    assert told.wall_power_w == sleep_power_w(PLAN.design)
    machine.resume(200.0)
    assert machine.read(205.0).state == MachineState.STARTING
    told = machine.read(210.0)
    assert (told.state, told.hashrate_hps) == (MachineState.RUNNING, pytest.approx(S19J.hashrate_hps))
    assert told.wall_power_w < S19J.power_w  # still cool: leakage comes back with the heat
    assert machine.read(4000.0).wall_power_w == pytest.approx(S19J.power_w, rel=1e-5)


def test_a_resume_in_the_middle_of_a_curtailment_goes_on_from_there() -> None:
    """No jump in power but what the ramps are: 2.5 s down, then up from half."""
    machine = running()
    machine.curtail(0.0)
    half_w = machine.read(2.5).wall_power_w
    machine.resume(2.5)
    assert machine.read(2.5).wall_power_w == pytest.approx(half_w, rel=1e-6)
    assert half_w < machine.read(5.0).wall_power_w < S19J.power_w


def test_a_power_target_is_kept() -> None:
    machine = running()
    machine.set_power_target(2500.0, 10.0)
    told = machine.read(5000.0)
    assert 2400 < told.wall_power_w <= 2500
    assert told.frequency_mhz < 545
    with pytest.raises(NoSettingError):
        machine.set_power_target(1.0, 5000.0)
    assert machine.read(5001.0).frequency_mhz == told.frequency_mhz


def test_a_clock_that_cannot_be_changes_nothing() -> None:
    machine = running()
    with pytest.raises(OperatingPointError):
        machine.set_frequency(float("nan"), 1.0)
    assert machine.read(2.0).frequency_mhz == 545.0


class TestFaults:
    def test_blocked_air_makes_it_slower_until_it_holds(self) -> None:
        machine = running()
        machine.break_down("overheating", 0.0)
        told = machine.read(7200.0)
        assert told.state in {MachineState.RUNNING, MachineState.OVERHEATED}
        assert told.frequency_mhz < 545
        assert told.sink_c < 70

    def test_in_hot_air_it_rests_and_comes_back_by_itself(self) -> None:
        machine = running(ambient_c=44.0)
        machine.break_down("overheating", 0.0)
        states = {machine.read(at_s).state for at_s in range(0, 7200, 10)}
        assert {MachineState.RUNNING, MachineState.OVERHEATED} <= states

    def test_a_dead_chip_silences_all_behind_it(self) -> None:
        machine = running()
        machine.break_down("dead chip", 0.0, unit=63)
        assert machine.read(1.0).hashrate_hps == pytest.approx(S19J.hashrate_hps * (1 - 63 / 378))

    def test_a_silent_machine_draws_all_and_says_all(self) -> None:
        machine = running()
        machine.break_down("silent zero", 5.0)
        told = machine.read(10.0)
        assert (told.hashrate_hps, told.reported_hps) == (0.0, pytest.approx(S19J.hashrate_hps))
        assert told.wall_power_w == pytest.approx(S19J.power_w, rel=1e-6)
        assert told.hashes == pytest.approx(5 * S19J.hashrate_hps)

    def test_a_trip_is_over_after_a_restart_and_a_boot(self) -> None:
        machine = running()
        machine.break_down("supply trip", 10.0)
        assert (machine.read(20.0).state, machine.read(20.0).wall_power_w) == (MachineState.OFF, 0.0)
        machine.restart(30.0)
        assert machine.read(31.0).state == MachineState.STARTING
        assert machine.read(1000.0).state == MachineState.RUNNING

    def test_a_fan_that_fails_stands_still(self) -> None:
        machine = running(ambient_c=15.0)
        machine.break_down("fan failure", 0.0)
        rpm = machine.read(60.0).fan_rpm
        assert (len(rpm), rpm.count(0.0)) == (4, 1)

    def test_faults_that_are_to_come_strike_in_their_moment(self) -> None:
        machine = running(faults=(FaultEvent(100.0, "hang", 0), FaultEvent(50.0, "fan failure", 0)))
        assert machine.read(49.9).fan_rpm.count(0.0) == 0
        assert machine.read(50.0).fan_rpm.count(0.0) == 1
        assert machine.read(99.9).state == MachineState.RUNNING
        told = machine.read(200.0)
        assert (told.state, told.hashrate_hps) == (MachineState.HUNG, 0.0)
        assert told.hashes == pytest.approx(100 * S19J.hashrate_hps, rel=1e-6)

    def test_what_is_broken_already_cannot_break_again(self) -> None:
        machine = running(faults=tuple(FaultEvent(10.0 + number, "fan failure", number % 4) for number in range(9)))
        assert machine.read(60.0).fan_rpm == (0.0,) * 4

    def test_a_planned_fault_that_there_is_not_is_refused_at_once(self) -> None:
        with pytest.raises(FaultError, match="no fault 'gremlins'"):
            running(faults=(FaultEvent(1e9, "gremlins", 0),))

    def test_an_unknown_fault_is_a_sentence(self) -> None:
        with pytest.raises(FaultError, match="no fault 'gremlins'; known: dead chip"):
            running().break_down("gremlins", 0.0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.01, 60.0), min_size=1, max_size=10), st.integers(0, 3))
def test_how_often_it_is_asked_changes_next_to_nothing(gaps_s: list[float], orders: int) -> None:
    """Energy and hashes add up the same within the error of a step of one second."""
    times_s = np.cumsum(gaps_s)
    asked, left = running(), running()
    for number, at_s in enumerate(times_s):
        asked.read(float(at_s))
        if number < orders:
            for machine in (asked, left):
                (machine.curtail if number % 2 == 0 else machine.resume)(float(at_s))
    one, other = asked.read(float(times_s[-1]) + 50), left.read(float(times_s[-1]) + 50)
    assert one.energy_j == pytest.approx(other.energy_j, abs=2 * S19J.power_w)
    assert one.hashes == pytest.approx(other.hashes, abs=2 * S19J.hashrate_hps)
    assert one.chip_c == pytest.approx(other.chip_c, abs=0.5)


def test_a_year_of_drawn_faults_is_survived() -> None:
    """Whatever strikes, it goes on telling, power is never below 0, and energy never falls."""
    rng = np.random.default_rng(4)
    year_s = 365 * 86400.0
    for _ in range(2):
        machine = running(faults=draw_faults(rng, PLAN.health, 4, year_s))
        before_j = 0.0
        for at_s in np.linspace(0, year_s, 10):
            told = machine.read(float(at_s))
            assert told.wall_power_w >= 0
            assert told.energy_j >= before_j
            before_j = told.energy_j


def test_a_bitaxe_pauses_and_ramps_its_clock_up_again() -> None:
    plan = MachinePlan(
        design=bitaxe_gamma(GAMMA),
        health=healthy(1, 1),
        rule=ESP_MINER,
        sleep=ESP_PAUSE,
        wake=esp_resume(525.0),
        ambient_c=25.0,
    )
    machine = RunningMachine(plan, 0.0)
    assert machine.read(10.0).hashrate_hps == pytest.approx(GAMMA.hashrate_hps)
    machine.curtail(10.0)
    assert machine.read(11.0).hashrate_hps == 0.0
    machine.resume(20.0)
    assert machine.read(21.0).hashrate_hps == 0.0
    assert 0.3 < machine.read(25.0).hashrate_hps / GAMMA.hashrate_hps < 0.6
    assert machine.read(30.0).state == MachineState.RUNNING


def test_a_step_is_quick() -> None:
    """Some 15 microseconds; 1 ms would make an hour of 200 machines take minutes."""
    machine = running()
    started_s = time.perf_counter()
    machine.read(3600.0)
    assert time.perf_counter() - started_s < 3.6
