"""A machine's firmware counts what the machine hashed, and believes what its faults let it believe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hw.catalogue import entries
from hw.fleet.bitaxe import BOARDS, bitaxe
from hw.fleet.counts import WINDOWS_S
from hw.fleet.errors import ControllerHangsError, OrderRefusedError
from hw.fleet.machine import FRESH_S
from hw.operating_point import Setting, operating_point
from hw.running_machine import MachineState

if TYPE_CHECKING:
    from tests.hw.fleet.conftest import Build, HandClock

TH = 1e12


def fault(name: str, at_s: float, unit: int = 0) -> str:
    return f'[[groups.faults]]\nname = "{name}"\nat_s = {at_s}\nunit = {unit}\n'


def test_left_alone_every_average_is_the_nameplate(build: Build, hand: HandClock) -> None:
    machine = build("rig")[0]
    for hand.now_s in (0.0, 1.0, 100.0):
        now = machine.snapshot()
        assert now.mean_hps == pytest.approx(100 * TH)
        assert now.average_hps == {window: pytest.approx(100 * TH) for window in WINDOWS_S}
    assert (now.elapsed_s, now.unix_s) == (100.0, hand.clock.began_unix_s + 100)
    assert now.hashes == pytest.approx(now.reading.hashes) == pytest.approx(100 * 100 * TH)
    assert now.wrong_hashes == pytest.approx(now.hashes / 99)


def test_figures_are_at_most_so_old(build: Build, hand: HandClock) -> None:
    machine = build("rig")[0]
    hand.now_s = FRESH_S
    assert machine.snapshot().elapsed_s == 0.0
    hand.now_s = FRESH_S + 0.01
    assert machine.snapshot().elapsed_s == hand.now_s


def test_a_silent_machine_counts_hashes_that_nobody_did(build: Build, hand: HandClock) -> None:
    machine = build(("rig", fault("silent zero", 50.0)))[0]
    hand.now_s = 100.0
    now = machine.snapshot()
    assert now.reading.hashes == pytest.approx(50 * 100 * TH)
    assert now.hashes == pytest.approx(100 * 100 * TH)
    assert now.mean_hps == now.average_hps[5] == pytest.approx(100 * TH)


def test_averages_fall_the_faster_the_shorter_they_are(build: Build, hand: HandClock) -> None:
    machine = build("ant")[0]
    machine.pause()
    for hand.now_s in range(1, 61):
        machine.advance()
    average = machine.snapshot().average_hps
    assert average[5] < 0.01 * TH
    assert average[60] == pytest.approx(104 * TH * 0.38, rel=0.05)
    assert sorted(average.values()) == list(average.values())


def test_boards_share_by_the_chips_that_work(build: Build, hand: HandClock) -> None:
    machine = build(("ant", fault("dead chip", 1.0, 63) + fault("dead board", 2.0, 2)))[0]
    hand.now_s = 10.0
    boards = machine.snapshot().boards
    assert [(board.chips, board.answering, board.powered) for board in boards] == [
        (126, 63, True),
        (126, 126, True),
        (126, 126, False),
    ]
    assert [board.average_hps[5] > 0 for board in boards] == [True] * 3  # it has not forgotten yet
    machine.advance()
    hand.now_s = 200.0
    rates = [board.average_hps[5] for board in machine.snapshot().boards]
    assert rates == [pytest.approx(104 * TH / 6), pytest.approx(104 * TH / 3), pytest.approx(0, abs=1)]
    assert (
        sum(rates) == pytest.approx(machine.snapshot().average_hps[5]) == pytest.approx(machine.snapshot().reading.hashrate_hps)
    )


def test_a_fault_that_cannot_strike_twice_is_passed_over(build: Build, hand: HandClock) -> None:
    machine = build(("axe", fault("weak chip", 1.0) + fault("half-dead chip", 2.0)))[0]
    hand.now_s = 10.0
    assert 0 < machine.snapshot().reading.hashrate_hps < 1.071 * TH


def test_without_power_nothing_answers_until_somebody_restarts_it(build: Build, hand: HandClock) -> None:
    machine = build(("rig", fault("supply trip", 5.0)))[0]
    assert machine.has_power()
    hand.now_s = 10.0
    assert not machine.has_power()
    machine.restart()
    assert machine.has_power()
    now = machine.snapshot()
    assert (now.elapsed_s, now.hashes, now.average_hps[900]) == (0.0, 0.0, 0.0)
    assert now.reading.state is MachineState.STARTING


def test_orders(build: Build, hand: HandClock) -> None:
    rig, axe = build("rig", "axe")
    hand.now_s = 10.0
    rig.pause()
    assert rig.curtailed_unix_s == hand.clock.began_unix_s + 10
    hand.now_s = 20.0
    rig.pause()
    assert rig.curtailed_unix_s == hand.clock.began_unix_s + 10
    assert rig.snapshot().reading.state is MachineState.CURTAILED
    rig.resume()
    assert (rig.curtailed_unix_s, rig.snapshot().reading.state) == (None, MachineState.STARTING)
    rig.limit_power(3000.0)
    assert rig.power_limit_w == 3000.0
    with pytest.raises(OrderRefusedError, match="W"):
        rig.limit_power(1.0)
    with pytest.raises(OrderRefusedError, match="want a finite number above 0"):
        rig.limit_power(float("nan"))
    assert rig.power_limit_w == 3000.0
    hand.now_s = 4000.0
    assert 2900 < rig.snapshot().reading.wall_power_w <= 3000
    rig.set_low_power(on=True)
    assert (rig.low_power, rig.power_limit_w) == (True, None)
    assert rig.snapshot().reading.hashrate_hps == pytest.approx(75 * TH, rel=0.02)
    rig.set_low_power(on=False)
    assert not rig.low_power
    axe.set_clock(frequency_mhz=490.0)
    assert axe.setting == Setting(frequency_mhz=490.0)
    axe.set_clock(voltage_v=1.1)
    assert axe.setting == Setting(frequency_mhz=490.0, voltage_v=1.1)
    with pytest.raises(OrderRefusedError):
        axe.set_clock(frequency_mhz=float("nan"))
    assert axe.setting == Setting(frequency_mhz=490.0, voltage_v=1.1)


@pytest.mark.parametrize("group", ["rig", "axe"])
def test_a_hung_controller_carries_out_nothing_but_a_restart(build: Build, hand: HandClock, group: str) -> None:
    machine = build((group, fault("hang", 1.0)))[0]
    hand.now_s = 100.0
    before = machine.snapshot().reading
    for order in (
        machine.pause,
        machine.resume,
        lambda: machine.set_clock(frequency_mhz=400.0),
        lambda: machine.limit_power(10.0),
        lambda: machine.set_low_power(on=True),
    ):
        with pytest.raises(ControllerHangsError, match="hangs and carries out no order; want a restart"):
            order()
    assert (machine.curtailed_unix_s, machine.power_limit_w, machine.low_power) == (None, None, False)
    hand.now_s = 110.0
    told = machine.snapshot().reading
    assert told.state is MachineState.HUNG
    assert told.wall_power_w == pytest.approx(before.wall_power_w, rel=0.01), "but for chips that cool"
    machine.restart()
    machine.pause()
    hand.now_s = 120.0
    assert machine.snapshot().reading.state is MachineState.CURTAILED


@pytest.mark.parametrize("name", BOARDS)
def test_every_bitaxe_is_at_its_rating(name: str) -> None:
    own = next(one for one in entries("asic") if one.machine.model == name)
    design = bitaxe(own)
    point = operating_point(design, Setting(frequency_mhz=design.build.frequency_mhz), 25.0)
    assert point.hashrate_hps == pytest.approx(own.machine.hashrate_hps)
    assert point.dc_power_w == pytest.approx(own.machine.power_w)
    assert point.supply_load < 1
    assert design.build.frequency_mhz in {400.0, 425.0, 485.0, 490.0, 525.0}


def test_every_bitaxe_of_the_catalogue_is_known() -> None:
    assert {one.machine.model for one in entries("asic") if "Bitaxe" in one.name} == set(BOARDS)
