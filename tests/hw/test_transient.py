"""A machine over time: it warms up to its steady state, and heat stops it only for a while."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hw.catalogue import machine
from hw.designs import s19_kind
from hw.health import hang, healthy
from hw.modes import sleep_power_w
from hw.operating_point import Setting, operating_point
from hw.protection import ESP_MINER, LUXOS
from hw.transient import Moment, Order, RunningState, Situation, advance, cold

S19J_PRO = s19_kind(machine("Antminer S19j Pro (104Th)"))
WARM_DAY = Situation(design=S19J_PRO, setting=Setting(frequency_mhz=545), rule=LUXOS, ambient_c=25, health=healthy(3, 126))


def run(situation: Situation, steps: int, step_s: float, start: RunningState | None = None) -> list[Moment]:
    state, moments = start or cold(situation.ambient_c), []
    for _ in range(steps):
        moment = advance(situation, state, step_s)
        state = moment.state
        moments.append(moment)
    return moments


def test_a_cold_machine_warms_up_to_its_steady_state() -> None:
    last = run(WARM_DAY, 1200, 1.0)[-1]
    steady = operating_point(S19J_PRO, WARM_DAY.setting, 25)
    assert last.flow.wall_w == pytest.approx(steady.wall_power_w, rel=1e-6)
    assert last.state.temperatures.chip_c == pytest.approx(steady.chip_c, abs=1e-3)


def test_a_cold_machine_draws_less_at_first() -> None:
    """Leakage comes with the heat."""
    moments = run(WARM_DAY, 300, 1.0)
    powers_w = [moment.flow.wall_w for moment in moments]
    assert powers_w == sorted(powers_w)
    assert powers_w[0] < powers_w[-1] * 0.98


def test_energy_and_hashes_are_counted() -> None:
    moments = run(WARM_DAY, 100, 2.0)
    assert moments[-1].state.energy_j == pytest.approx(sum(moment.flow.wall_w * 2 for moment in moments))
    assert moments[-1].state.hashes == pytest.approx(104e12 * 200)


def test_luxos_finds_a_slower_profile_in_hot_air_and_keeps_it() -> None:
    """42 degC of air, like an S21 that throttles above 40 (hackernoon.com, BTCWire)."""
    moments = run(replace(WARM_DAY, ambient_c=42.0), 1440, 5.0)
    assert moments[0].flow.hps == pytest.approx(104e12)
    assert {moment.state.protection.steps for moment in moments[-200:]} == {2}
    assert moments[-1].state.temperatures.sink_c < 65


def test_luxos_takes_the_profiles_back_in_cool_air() -> None:
    hot = run(replace(WARM_DAY, ambient_c=42.0), 1440, 5.0)[-1].state
    assert run(replace(WARM_DAY, ambient_c=20.0), 720, 5.0, start=hot)[-1].flow.hps == pytest.approx(104e12)


def test_esp_miners_rule_stops_the_machine_and_brings_it_back_slower() -> None:
    moments = run(replace(WARM_DAY, rule=ESP_MINER, ambient_c=40.0), 720, 5.0)
    stopped = [moment for moment in moments if moment.flow.hps == 0]
    assert stopped
    assert all(moment.flow.found is None for moment in stopped)
    assert max(moment.flow.wall_w for moment in stopped) < 150  # control board and four fans at full speed
    last = moments[-1]
    assert last.flow.found is not None
    assert last.flow.found.point is not None
    assert last.flow.found.point.frequency_mhz == 445


def test_a_set_voltage_goes_down_with_the_clock() -> None:
    situation = replace(WARM_DAY, ambient_c=42.0, setting=Setting(frequency_mhz=545, voltage_v=13.4))
    last = run(situation, 1440, 5.0)[-1]
    assert last.flow.found is not None
    assert last.flow.found.point is not None
    assert last.flow.found.point.voltage_v == pytest.approx(13.4 - 0.1 * last.state.protection.steps)


def test_asleep_it_draws_what_sleepers_draw_and_cools_in_still_air() -> None:
    warm = run(WARM_DAY, 1200, 1.0)[-1].state
    moments = run(replace(WARM_DAY, order=Order.ASLEEP), 600, 1.0, start=warm)
    assert {moment.flow.wall_w for moment in moments} == {sleep_power_w(S19J_PRO)}
    assert {moment.flow.hps for moment in moments} == {0.0}
    assert 25 < moments[-1].state.temperatures.chip_c < moments[0].state.temperatures.chip_c < warm.temperatures.chip_c


def test_in_the_dark_nothing_flows() -> None:
    assert run(replace(WARM_DAY, order=Order.DARK), 1, 1.0)[0].flow.wall_w == 0


def test_hung_it_leaks_and_hashes_nothing() -> None:
    flow = run(replace(WARM_DAY, health=hang(WARM_DAY.health)), 1, 1.0)[0].flow
    assert flow.hps == 0
    assert 0 < flow.chip_w < 0.06 * S19J_PRO.chip_power_w
