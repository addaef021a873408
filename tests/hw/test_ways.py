"""On the way from one state to another: what is shown agrees with itself, and what it costs is what was shown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.catalogue import entry
from hw.designs import bitaxe_gamma, s19_kind
from hw.health import healthy
from hw.modes import LUXOS_SLEEP, STOCK_BOOT, Ramp, esp_resume, set_ramp, sleep_power_w
from hw.protection import ESP_MINER
from hw.running_machine import MachinePlan, MachineState, RunningMachine
from hw.transient import NOTHING, Flow
from hw.ways import Way, Ways

S19J = entry("Antminer S19j Pro (104Th)").machine
GAMMA = entry("Bitaxe Gamma (600/601)").machine
RIG = MachinePlan(design=s19_kind(S19J), health=healthy(3, 126))
AXE = MachinePlan(
    design=bitaxe_gamma(GAMMA),
    health=healthy(1, 1),
    rule=ESP_MINER,
    boot=esp_resume(525),
    sleep=set_ramp(1),
    wake=esp_resume(525),
)
BOARD_UP_S = STOCK_BOOT.times_s[1]


def booting(plan: MachinePlan, *orders: tuple[float, str]) -> RunningMachine:
    """Return a machine that was restarted at 0 s and has had these orders since."""
    machine = RunningMachine(plan, 0.0)
    machine.restart(0.0)
    for at_s, order in orders:
        getattr(machine, order)(at_s)
    return machine


def full_after_s(plan: MachinePlan, *orders: tuple[float, str]) -> float:
    machine, at_s = booting(plan, *orders), max((at_s for at_s, _ in orders), default=0.0)
    while machine.read(at_s).hashrate_hps < 0.99 * S19J.hashrate_hps:
        at_s += 1.0
    return at_s


class TestBoot:
    def test_it_begins_as_a_sleeper_without_clock_or_fans(self) -> None:
        machine = booting(RIG)
        for at_s in (0.0, 1.0, BOARD_UP_S):
            told = machine.read(at_s)
            assert (told.state, told.wall_power_w) == (MachineState.STARTING, sleep_power_w(RIG.design))
            assert (told.frequency_mhz, told.voltage_v, told.error_rate, set(told.fan_rpm)) == (0.0, 0.0, 0.0, {0.0})
        assert told.energy_j == pytest.approx(25 * BOARD_UP_S)

    def test_a_bitaxe_has_its_controller_and_its_fan(self) -> None:
        """2.5 W behind an adapter of 88 %, which takes 0.1 W itself without load."""
        told = booting(AXE).read(1.0)
        assert told.wall_power_w == pytest.approx(AXE.design.build.supply.input_w(2.5))
        assert 2.5 < told.wall_power_w < 3.0
        assert told.fan_rpm[0] == pytest.approx(5400)
        assert (told.frequency_mhz, told.voltage_v) == (0.0, 0.0)

    def test_from_cold_it_is_the_same(self) -> None:
        machine = RunningMachine(replace(RIG, warm=False), 0.0)
        assert machine.read(60.0).wall_power_w == 25

    @pytest.mark.parametrize("at_s", [121.0, 150.0, 285.0, 449.0])
    def test_the_fans_turn_as_fast_as_their_part_of_the_watts_lets_them(self, at_s: float) -> None:
        """Watts of fans go with the cube of their speed; four of 19.8 W at 6150 rpm."""
        told = booting(RIG).read(at_s)
        part = (at_s - BOARD_UP_S) / (STOCK_BOOT.settled_s - BOARD_UP_S)
        assert told.fan_rpm[0] == pytest.approx(6150 * part ** (1 / 3))
        fans_w = 4 * 19.8 * (told.fan_rpm[0] / 6150) ** 3
        assert told.wall_power_w > fans_w + 25 * (1 - part)

    def test_clock_and_hashes_rise_together(self) -> None:
        told = booting(RIG).read(285.0)
        assert (told.frequency_mhz, told.voltage_v) == (pytest.approx(545 / 2), 13.4)
        assert told.hashrate_hps == pytest.approx(S19J.hashrate_hps / 2)

    @pytest.mark.parametrize(("off_s", "on_s"), [(2.0, 8.0), (100.0, 130.0), (300.0, 310.0), (2.0, 445.0), (440.0, 449.0)])
    def test_switched_off_and_on_again_it_is_never_ahead_of_the_boot(self, off_s: float, on_s: float) -> None:
        alone, interrupted = booting(RIG), booting(RIG, (off_s, "curtail"), (on_s, "resume"))
        before_w = interrupted.read(on_s).wall_power_w
        for at_s in range(int(on_s), 600):
            wanted, told = alone.read(float(at_s)), interrupted.read(float(at_s))
            assert told.hashrate_hps <= wanted.hashrate_hps * (1 + 1e-9)
            assert told.wall_power_w <= wanted.wall_power_w * 1.001, "but for chips that cooled in still air, and leak more"
            assert told.wall_power_w - before_w < S19J.power_w / 9, "a ramp of ten seconds at the steepest"
            before_w = told.wall_power_w
        assert full_after_s(RIG, (off_s, "curtail"), (on_s, "resume")) >= full_after_s(RIG) == 447
        assert told.state == MachineState.RUNNING

    def test_it_goes_on_while_the_machine_sleeps(self) -> None:
        """Once it is over a machine wakes as fast as ever."""
        machine = booting(RIG, (2.0, "curtail"))
        told = machine.read(449.0)
        assert (told.state, told.wall_power_w, told.frequency_mhz) == (MachineState.CURTAILED, 25, 0.0)
        machine.resume(500.0)
        assert machine.read(510.0).hashrate_hps == pytest.approx(S19J.hashrate_hps)

    def test_a_trip_ends_it(self) -> None:
        machine = booting(RIG)
        machine.break_down("supply trip", 60.0)
        assert (machine.read(61.0).state, machine.read(61.0).wall_power_w) == (MachineState.OFF, 0.0)
        assert machine.read(1000.0).energy_j == pytest.approx(60 * 25)


def test_a_sleeper_has_no_clock_and_one_that_wakes_has_a_part_of_it() -> None:
    machine = RunningMachine(RIG, 0.0)
    machine.curtail(0.0)
    assert machine.read(2.5).frequency_mhz == pytest.approx(545 / 2)
    assert (machine.read(5.0).frequency_mhz, machine.read(5.0).voltage_v) == (0.0, 0.0)
    machine.resume(60.0)
    assert machine.read(61.0).frequency_mhz == pytest.approx(54.5)


class TestEnergy:
    def test_of_a_ramp_it_is_its_integral(self) -> None:
        machine = RunningMachine(RIG, 0.0)
        machine.curtail(0.0)
        wanted_j = LUXOS_SLEEP.energy_j(5.0, from_w=S19J.power_w, to_w=25)
        assert machine.read(5.0).energy_j == pytest.approx(wanted_j, rel=1e-9)
        assert machine.read(5.0).hashes == pytest.approx(2.5 * S19J.hashrate_hps)

    @pytest.mark.parametrize("plan", [RIG, AXE], ids=["rig", "axe"])
    def test_it_is_what_was_shown(self, plan: MachinePlan) -> None:
        """The trapezoid rule on what is told every tenth of a second, in a boot that is switched off and on."""
        machine, shown_j, hour_s = booting(plan), 0.0, 3600.0
        told = machine.read(0.0)
        for tenth in range(1, int(hour_s * 10) + 1):
            last, at_s = told, tenth / 10
            if at_s in (130.0, 140.0):
                (machine.curtail if at_s == 130.0 else machine.resume)(at_s)
            told = machine.read(at_s)
            shown_j += (last.wall_power_w + told.wall_power_w) / 2 * (told.time_s - last.time_s)
        assert told.energy_j == pytest.approx(shown_j, rel=1e-5)

    @pytest.mark.parametrize("plan", [RIG, AXE], ids=["rig", "axe"])
    def test_it_is_the_same_however_often_one_asks(self, plan: MachinePlan) -> None:
        totals = []
        for every_s in (1, 60, 3600):
            machine = RunningMachine(replace(plan, warm=False), 0.0)
            for at_s in range(every_s, 7201, every_s):
                told = machine.read(float(at_s))
                if at_s == 3600:
                    machine.restart(3600.0)
                    machine.curtail(3600.0)
                    machine.resume(3600.0)
            totals.append((told.energy_j, told.hashes, told.chip_c))
        assert totals[1:] == [pytest.approx(totals[0], rel=1e-10)] * 2

    def test_a_way_is_gone_in_short_steps_however_long_nobody_looks(self) -> None:
        days_s = 10 * 86_400.0
        looked, left = booting(RIG), booting(RIG)
        looked.read(STOCK_BOOT.settled_s)
        assert left.read(days_s).energy_j == pytest.approx(looked.read(days_s).energy_j, rel=1e-12)


@settings(deadline=None)
@given(
    st.sampled_from([STOCK_BOOT, LUXOS_SLEEP, esp_resume(525)]),
    st.sampled_from([LUXOS_SLEEP, esp_resume(525), set_ramp(30)]),
    st.floats(0, 300),
    st.floats(0.1, 400),
)
def test_the_mean_is_that_of_many_moments(boot: Ramp, turn: Ramp, woken_s: float, duration_s: float) -> None:
    """A slow twin: the middles of 4,000 pieces."""
    goal = Flow(3000.0, 2800.0, 1e14, 1e14, 1.0, 545.0, 13.4)
    ways = Ways(Way(boot, 0.0, NOTHING._replace(wall_w=25.0)), Way(turn, woken_s, NOTHING._replace(wall_w=30.0)))
    mean = ways.mean_flow(goal, woken_s, duration_s, asleep=False)
    pieces = 4000
    moments = [ways.flow(goal, woken_s + (at + 0.5) / pieces * duration_s, asleep=False) for at in range(pieces)]
    assert mean.wall_w == pytest.approx(sum(flow.wall_w for flow in moments) / pieces, rel=1e-3)
    assert mean.hps == pytest.approx(sum(flow.hps for flow in moments) / pieces, rel=1e-3, abs=1e10)


class TestHang:
    @pytest.mark.parametrize("order", ["curtail", "resume", "set_frequency", "set_power_target"])
    def test_orders_are_lost_on_it(self, order: str) -> None:
        machine = RunningMachine(RIG, 0.0)
        machine.break_down("hang", 0.0)
        before = machine.read(600.0)
        value = {"set_frequency": (400.0,), "set_power_target": (2000.0,)}.get(order, ())
        getattr(machine, order)(*value, 600.0)
        told = machine.read(660.0)
        assert (told.state, told.hashrate_hps) == (MachineState.HUNG, 0.0)
        assert told.wall_power_w == pytest.approx(before.wall_power_w, rel=1e-6)
        assert told.wall_power_w > 150

    def test_asleep_it_does_not_wake_until_it_is_restarted(self) -> None:
        machine = RunningMachine(RIG, 0.0)
        machine.curtail(0.0)
        machine.break_down("hang", 10.0)
        machine.resume(20.0)
        assert (machine.read(60.0).state, machine.read(60.0).wall_power_w) == (MachineState.CURTAILED, 25)
        machine.restart(60.0)
        assert machine.read(600.0).hashrate_hps == pytest.approx(S19J.hashrate_hps)
