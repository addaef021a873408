"""The physics in numbers says what the physics of objects says, within 1e-12."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from math import inf

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hw.catalogue import entry, machine
from hw.designs import bitaxe_gamma, s19_kind
from hw.errors import ModelError, OperatingPointError
from hw.faults import inject
from hw.faulty import faulty_point
from hw.health import Health, healthy
from hw.machine_design import MachineDesign
from hw.modes import sleep_power_w
from hw.operating_point import Setting, operating_point
from hw.protection import ESP_MINER, LUXOS, ProtectionState
from hw.psu import S19_SUPPLY
from hw.running_machine import MachinePlan, RunningMachine
from hw.stepping.figures import Condition, hour_figures, motion
from hw.stepping.floats import PHYSICS, step
from hw.stepping.physics_text import Moving, Surroundings
from hw.thermal import TwoTemperatures
from hw.transient import Order, RunningState, Situation, advance

CLOSE = 1e-12
DESIGNS = (
    s19_kind(machine("Antminer S19j Pro (104Th)")),
    s19_kind(entry("Bitmain Antminer S9 (13.5Th)").machine, chips=189),
    bitaxe_gamma(entry("Bitaxe Gamma (600/601)").machine),
)
FAULTS = (
    "dead chip",
    "weak chip",
    "dead board",
    "fan failure",
    "overheating",
    "hang",
    "silent zero",
    "supply trip",
    "dead supply",
)
ORDERS = {Order.AT_WORK: (1.0, 0.0), Order.ASLEEP: (0.0, 1.0), Order.DARK: (0.0, 0.0)}


@lru_cache
def whole(design: MachineDesign) -> Health:
    chips = design.build.chips
    return healthy(3, chips // 3) if chips % 3 == 0 else healthy(1, chips)


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    design = draw(st.sampled_from(DESIGNS))
    health = whole(design)
    for fault in draw(st.lists(st.sampled_from(FAULTS), max_size=3, unique=True)):
        health = inject(health, fault, unit=0, fans=design.build.fans.count)
    health = replace(health, failed_fans=draw(st.integers(health.failed_fans, design.build.fans.count)))
    if draw(st.integers(0, 9)) == 0:
        health = replace(health, boards=tuple(replace(board, powered=False) for board in health.boards))
    nominal = design.build.frequency_mhz
    voltage = draw(st.none() | st.floats(0.9, 1.1))
    curve_v = design.build.curve.voltage(nominal).voltage_v
    setting = Setting(
        frequency_mhz=nominal * draw(st.floats(0.6, 1.2)), voltage_v=None if voltage is None else curve_v * voltage
    )
    return Condition(
        design=design,
        setting=setting,
        health=replace(health, one_board_stops_all=draw(st.booleans())),
        rule=draw(st.sampled_from([LUXOS, ESP_MINER])),
    )


def far_from_runaway(condition: Condition, ambient_c: float) -> bool:
    """Whether a steady state changes little with a little heat: near runaway nothing is known to 1e-12."""
    figures = hour_figures(condition)
    try:
        operating_point(condition.design, condition.setting, ambient_c)
    except OperatingPointError:
        return True
    return PHYSICS.hour(figures, Surroundings(ambient_c + 1, 1.0, 0.0))[1] < 120


@given(conditions(), st.floats(-40, 95))
@settings(max_examples=400, deadline=None)
def test_a_steady_machine(condition: Condition, ambient_c: float) -> None:
    wanted = faulty_point(condition.design, condition.setting, ambient_c, condition.health, condition.rule)
    assume(far_from_runaway(condition, ambient_c))
    output, _ = PHYSICS.hour(hour_figures(condition), Surroundings(ambient_c, 1.0, 0.0))
    assert output.wall_w == pytest.approx(wanted.wall_power_w, rel=CLOSE, abs=0)
    assert output.hashrate_hps == pytest.approx(wanted.hashrate_hps, rel=CLOSE, abs=0)
    assert output.reported_hps == pytest.approx(wanted.reported_hps, rel=CLOSE, abs=0)
    assert output.resting == wanted.overheated


@given(conditions(), st.floats(-40, 60), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_parts_of_an_hour_at_work_asleep_and_in_the_dark(
    condition: Condition, ambient_c: float, at_work: float, of_rest: float
) -> None:
    figures, asleep = hour_figures(condition), of_rest * (1 - at_work)
    whole_hour, _ = PHYSICS.hour(figures, Surroundings(ambient_c, 1.0, 0.0))
    part, _ = PHYSICS.hour(figures, Surroundings(ambient_c, at_work, asleep))
    powered = not (condition.health.tripped or condition.health.supply_dead)
    idle_w = sleep_power_w(condition.design) if powered else 0.0
    assert part.wall_w == pytest.approx(at_work * whole_hour.wall_w + asleep * idle_w, rel=1e-12)
    assert part.hashrate_hps == pytest.approx(at_work * whole_hour.hashrate_hps, rel=1e-12)
    assert part.resting == pytest.approx(at_work * whole_hour.resting)


def walks(condition: Condition, weather: list[tuple[float, Order, int]], step_s: float) -> Iterator[tuple[object, object]]:
    """Yield, step by step, what numbers and objects say; the objects' order is that of the weather."""
    own = motion(condition)
    machine_ = own.figures(step_s), own.levels
    moving = Moving(40.0, 35.0, 0.0, 0.0, 0.0)
    state = RunningState(temperatures=TwoTemperatures(40.0, 35.0))
    for ambient_c, order, times in weather:
        situation = Situation(
            design=condition.design,
            setting=condition.setting,
            rule=condition.rule,
            ambient_c=ambient_c,
            health=condition.health,
            order=order,
        )
        for _ in range(times):
            output, moving = step(machine_, moving, Surroundings(ambient_c, *ORDERS[order]), step_s)
            moment = advance(situation, state, step_s)
            state = moment.state
            yield (output, moving), moment


@given(
    conditions(),
    st.lists(st.tuples(st.floats(-20, 60), st.sampled_from(Order), st.integers(1, 40)), min_size=1, max_size=6),
    st.sampled_from([1.0, 7.5, 60.0]),
)
@settings(max_examples=60, deadline=None)
def test_a_machine_in_motion(condition: Condition, weather: list[tuple[float, Order, int]], step_s: float) -> None:
    for (output, moving), moment in walks(condition, weather, step_s):  # type: ignore[misc, attr-defined]
        flow, state = moment.flow, moment.state  # type: ignore[attr-defined]
        assert output.wall_w == pytest.approx(flow.wall_w, rel=CLOSE, abs=0)
        assert output.hashrate_hps == pytest.approx(flow.hps, rel=CLOSE, abs=0)
        assert output.reported_hps == pytest.approx(flow.reported_hps, rel=CLOSE, abs=0)
        assert moving.chip_c == pytest.approx(state.temperatures.chip_c, rel=CLOSE, abs=1e-11)
        assert moving.sink_c == pytest.approx(state.temperatures.sink_c, rel=CLOSE, abs=1e-11)
        wanted = ProtectionState(hashing=not moving.resting, steps=int(moving.slower), for_s=moving.for_s)
        assert wanted == state.protection


def test_the_walk_meets_every_turn_of_the_protection() -> None:
    """The property above is worth what its walks go through: here is one that throttles, one that stops, both come back."""
    for rule, hot_c in ((LUXOS, 42.0), (ESP_MINER, 55.0)):
        condition = Condition(design=DESIGNS[0], setting=Setting(frequency_mhz=545), health=whole(DESIGNS[0]), rule=rule)
        weather = [(hot_c, Order.AT_WORK, 400), (0.0, Order.AT_WORK, 400)]
        slower = [moment.state.protection.steps for _, moment in walks(condition, weather, 5.0)]  # type: ignore[attr-defined]
        resting = {moment.state.protection.hashing for _, moment in walks(condition, weather, 5.0)}  # type: ignore[attr-defined]
        assert max(slower) > 0
        assert (slower[-1] == 0) if rule is LUXOS else resting == {True, False}


class Stepwise(RunningMachine):
    """A running machine that takes each step object by object."""

    def _leap(self, steps: int, duration_s: float) -> None:
        for _ in range(steps):
            self._step(duration_s)


def test_a_running_machine_by_leaps_is_the_one_by_steps() -> None:
    plan = MachinePlan(design=DESIGNS[0], health=whole(DESIGNS[0]), ambient_c=43.0, warm=False)
    by_steps, by_leaps = Stepwise(plan, 0.0), RunningMachine(plan, 0.0)
    for order, at_s in (("", 600.0), ("curtail", 4000.0), ("resume", 4300.0), ("", 9000.0)):
        for one in (by_steps, by_leaps):
            if order:
                getattr(one, order)(at_s)
        wanted, told = by_steps.read(at_s + 90.0), by_leaps.read(at_s + 90.0)
        assert told.state == wanted.state
        for field in ("hashrate_hps", "wall_power_w", "energy_j", "hashes", "chip_c", "sink_c", "frequency_mhz"):
            assert getattr(told, field) == pytest.approx(getattr(wanted, field), rel=1e-11), field


@pytest.mark.parametrize("fault", ["dead supply", "supply trip", "no boards"])
def test_what_does_not_work_is_never_too_hot_for_it(fault: str) -> None:
    """Although a whole machine would run away in such air."""
    health = replace(whole(DESIGNS[0]), failed_fans=4)
    if fault == "no boards":
        health = replace(health, boards=tuple(replace(board, powered=False) for board in health.boards))
    else:
        health = inject(health, fault)
    condition = Condition(design=DESIGNS[0], setting=Setting(frequency_mhz=545), health=health, rule=LUXOS)
    output, _ = PHYSICS.hour(hour_figures(condition), Surroundings(90.0, 1.0, 0.0))
    assert (output.resting, output.wall_w) == (0.0, 25.0 if fault == "no boards" else 0.0)


def test_leakage_that_does_not_grow_is_refused() -> None:
    design = replace(DESIGNS[0], leakage=replace(DESIGNS[0].leakage, growth_per_c=0.0))
    condition = Condition(design=design, setting=Setting(frequency_mhz=545), health=whole(DESIGNS[0]), rule=LUXOS)
    with pytest.raises(ModelError, match=r"leakage grows by 0\.0 a degree; want more than 0"):
        hour_figures(condition)


def test_a_machine_that_cannot_be_put_into_numbers_is_refused_at_once() -> None:
    supply = replace(S19_SUPPLY, loads=(0.1, 0.2, 0.5, 1.0), efficiencies=(0.85, 0.9, 0.94, 0.91))
    design = replace(DESIGNS[0], build=replace(DESIGNS[0].build, supply=supply))
    with pytest.raises(ModelError, match="4 loads; want 3 at most"):
        RunningMachine(MachinePlan(design=design, health=whole(DESIGNS[0])), 0.0)


def test_firmware_that_never_slows_has_one_clock() -> None:
    rule = replace(ESP_MINER, slower_after_shutdown=False)
    condition = Condition(design=DESIGNS[0], setting=Setting(frequency_mhz=545), health=whole(DESIGNS[0]), rule=rule)
    assert len(motion(condition).levels) == 1


def test_a_clock_without_a_voltage_is_refused() -> None:
    condition = Condition(design=DESIGNS[0], setting=Setting(frequency_mhz=-1), health=whole(DESIGNS[0]), rule=LUXOS)
    with pytest.raises(OperatingPointError, match="a clock of -1 MHz"):
        hour_figures(condition)


def test_firmware_stays_at_the_last_clock_that_has_a_voltage() -> None:
    rule = replace(LUXOS, minimum_frequency_mhz=0.0, frequency_step_mhz=40.0)
    condition = Condition(design=DESIGNS[0], setting=Setting(frequency_mhz=545), health=whole(DESIGNS[0]), rule=rule)
    levels = motion(condition).levels
    assert len(levels) == 14  # 545 to 25 MHz by 40: the next would be none
    assert levels[-1].hashrate_hps == pytest.approx(levels[0].hashrate_hps * 25 / 545)


@pytest.mark.parametrize("duration_s", [0.0, -1.0, inf, float("nan")])
def test_a_step_has_a_length(duration_s: float) -> None:
    condition = Condition(design=DESIGNS[0], setting=Setting(frequency_mhz=545), health=whole(DESIGNS[0]), rule=LUXOS)
    with pytest.raises(ModelError, match="want a finite number above 0"):
        motion(condition).figures(duration_s)


def test_a_supply_with_many_bends_is_refused() -> None:
    supply = replace(S19_SUPPLY, loads=(0.1, 0.2, 0.5, 1.0), efficiencies=(0.85, 0.9, 0.94, 0.91))
    design = replace(DESIGNS[0], build=replace(DESIGNS[0].build, supply=supply))
    condition = Condition(design=design, setting=Setting(frequency_mhz=545), health=whole(DESIGNS[0]), rule=LUXOS)
    with pytest.raises(ModelError, match="4 loads; want 3 at most"):
        hour_figures(condition)
