"""Arrays of machines: every backend comes to the same, the compiled one to the bits of the text."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from gridsim.errors import FleetBackendUnavailableError, FleetError, FleetSelfTestError
from gridsim.fleet_backends import layout, loops, numba_cpu, registry
from gridsim.fleet_backends.layout import HOUR, STEP, Form
from gridsim.fleet_backends.machines import Around, FleetRun, Machines, MovingFleet, always_at_work, cold
from gridsim.fleet_backends.numba_cpu import NumbaCpu
from gridsim.fleet_backends.reference import Reference
from hw.stepping.figures import Condition, Level, StepFigures, hour_figures, motion
from hw.stepping.floats import PHYSICS, step, step_many
from hw.stepping.physics_text import Moving, Surroundings

STEP_S = 30.0


def assert_close(found: FleetRun, wanted: FleetRun) -> None:
    for field in fields(FleetRun):
        np.testing.assert_allclose(
            getattr(found, field.name), getattr(wanted, field.name), rtol=1e-12, atol=0, err_msg=field.name
        )


def test_hours_are_those_of_the_reference(machines: Machines, weather: Around) -> None:
    found = NumbaCpu(1).steady(machines, weather, 3600.0)
    assert_close(found, Reference().steady(machines, weather, 3600.0))
    assert found.resting.max() > 0
    assert found.energy_j.sum() == pytest.approx(found.wall_w.sum() * 3600)


def test_motion_is_that_of_the_reference(machines: Machines, orders: Around) -> None:
    fleets: list[MovingFleet] = [one.moving(machines, STEP_S, cold(machines, 20.0)) for one in (NumbaCpu(1), Reference())]
    for _ in range(2):  # on from where they stood
        runs = [fleet.run(orders) for fleet in fleets]
        assert_close(*runs)
    for found, wanted in zip(*(fleet.state() for fleet in fleets), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-11)
    assert runs[0].resting.max() > 0


@pytest.mark.parametrize("lanes", [1, 2, 4, 8, 16])
def test_every_lane_gets_the_bits_of_the_text(machines: Machines, orders: Around, lanes: int) -> None:
    """Compiled for any number of lanes, the text gives what it gives in Python."""
    kinds, count = machines.kinds, len(machines.kinds)
    rows = [hour_figures(condition) for condition in machines.conditions]
    blocks = layout.blocks_of(HOUR, np.array([layout.flat(row) for row in rows]), kinds, lanes)
    loops.run(HOUR, blocks, loops.table([]), loops.Steps(orders, 3600.0))
    around = [Surroundings(*map(float, one)) for one in zip(orders.ambient_c, orders.at_work, orders.asleep, strict=True)]
    each = []
    for row in rows:
        energy_j = 0.0
        for one in around:
            energy_j += PHYSICS.hour(row, one)[0].wall_w * 3600.0
        each.append(energy_j)
    assert layout.column(blocks, HOUR, "energy_j", count).tolist() == [each[kind] for kind in kinds]


@pytest.mark.parametrize("lanes", [1, 4, 16])
def test_every_lane_moves_by_the_bits_of_the_text(machines: Machines, orders: Around, lanes: int) -> None:
    levels: list[Level] = []
    own = []
    for condition in machines.conditions:
        moving = motion(condition)
        own.append((moving.figures(STEP_S, len(levels)), moving.levels))
        levels += moving.levels
    blocks = layout.blocks_of(STEP, np.array([layout.flat(row) for row, _ in own]), machines.kinds, lanes)
    loops.run(STEP, blocks, loops.table(levels), loops.Steps(orders, STEP_S))
    found = np.stack([layout.column(blocks, STEP, name, len(machines.kinds)) for name in Moving._fields])
    for place, kind in enumerate(machines.kinds[: len(own)]):
        now = Moving(0.0, 0.0, 0.0, 0.0, 0.0)
        for one in zip(orders.ambient_c, orders.at_work, orders.asleep, strict=True):
            _, now = step(own[kind], now, Surroundings(*map(float, one)), STEP_S)
        assert found[:, place].tolist() == list(now)


def test_sums_do_not_depend_on_threads_or_lanes(machines: Machines, weather: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    many = Machines(machines.conditions, np.tile(machines.kinds, 50))
    wanted = NumbaCpu(1).steady(many, weather, 3600.0)
    for threads, lanes in ((2, 16), (3, 16), (1, 4), (2, 1)):
        monkeypatch.setattr(loops, "default_lanes", lambda lanes=lanes: lanes)
        found = NumbaCpu(threads).steady(many, weather, 3600.0)
        assert all(np.array_equal(getattr(found, field.name), getattr(wanted, field.name)) for field in fields(FleetRun))


def test_one_machine_leaps_by_the_bits_of_the_text(machines: Machines) -> None:
    own = motion(machines.conditions[0])
    machine = own.figures(1.0), own.levels
    start, around = Moving(30.0, 28.0, 0.0, 0.0, 0.0), Surroundings(43.0, 1.0, 0.0)
    assert numba_cpu.step_many(machine, start, around, 1.0, 2000) == step_many(machine, start, around, 1.0, 2000)


def test_no_step_is_no_step(machines: Machines) -> None:
    own, start = motion(machines.conditions[0]), Moving(30.0, 28.0, 0.0, 0.0, 0.0)
    assert numba_cpu.step_many((own.figures(1.0), own.levels), start, Surroundings(25.0, 1.0, 0.0), 1.0, 0) == (start, 0.0, 0.0)


def test_a_fault_changes_what_comes_after_it(machines: Machines) -> None:
    """Temperatures go on from where they were."""
    fleet, air = NumbaCpu(1).moving(machines, STEP_S, cold(machines, 20.0)), always_at_work([20.0] * 50)
    before = fleet.run(air)
    warm = fleet.state()
    fleet.change(Machines(machines.conditions, np.roll(machines.kinds, 1)))
    for found, wanted in zip(fleet.state(), warm, strict=True):
        np.testing.assert_array_equal(found, wanted)
    after = fleet.run(air)
    assert not np.allclose(after.energy_j, before.energy_j)


def test_as_many_machines_as_before(machines: Machines) -> None:
    for backend in (NumbaCpu(1), Reference()):
        fleet = backend.moving(machines, STEP_S, cold(machines, 20.0))
        with pytest.raises(FleetError, match="1 machines; want the same 101"):
            fleet.change(Machines(machines.conditions, np.zeros(1, dtype=np.int64)))


class TestRegistry:
    def test_auto_takes_the_fastest(self) -> None:
        assert isinstance(registry.load(), NumbaCpu)
        assert isinstance(registry.load("reference"), Reference)

    def test_unknown(self) -> None:
        with pytest.raises(FleetBackendUnavailableError, match=r"no backend 'abacus' .*; known: auto, numba-cpu, reference"):
            registry.load("abacus")

    def test_without_its_package_the_next_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        table = {
            "numba-cpu": ("gridsim.fleet_backends.not_there", "NumbaCpu"),
            "reference": registry.FLEET_BACKENDS["reference"],
        }
        monkeypatch.setattr(registry, "FLEET_BACKENDS", table)
        registry._load.cache_clear()
        assert isinstance(registry.load(), Reference)
        with pytest.raises(FleetBackendUnavailableError, match="'numba-cpu' cannot be loaded"):
            registry.load("numba-cpu")
        registry._load.cache_clear()

    def test_what_a_backend_is_tested_on_meets_every_turn_of_the_firmware(self) -> None:
        machines, around = registry.tested()
        fleet = Reference().moving(machines, registry.TESTED_STEP_S, cold(machines, registry.TESTED_START_C))
        states = []
        for at in range(len(around.ambient_c)):
            fleet.run(Around(*(one[at : at + 1] for one in (around.ambient_c, around.at_work, around.asleep))))
            states.append(fleet.state())
        resting, slower = np.stack([one.resting for one in states]), np.stack([one.slower for one in states])
        assert (resting[:, :2].max(axis=0) == 1).all()  # both rules stop
        assert (resting[-1, :2] == 0).all()  # and come back
        assert slower[:, 0].max() > 1  # throttled, and stopped
        assert slower[-1, 0] < slower[:, 0].max()  # and eased

    @pytest.mark.parametrize("lie", ["throttle_c", "shutdown_c", "idle_w", "restart_c"])
    def test_one_that_leaves_something_out_is_refused(self, monkeypatch: pytest.MonkeyPatch, lie: str) -> None:
        real = numba_cpu.motion

        class Lying:
            def __init__(self, condition: Condition) -> None:
                self._own = real(condition)
                self.levels = self._own.levels

            def figures(self, duration_s: float, first_level: int = 0) -> StepFigures:
                return self._own.figures(duration_s, first_level)._replace(**{lie: 99.0})

        monkeypatch.setattr(numba_cpu, "motion", Lying)
        with pytest.raises(FleetSelfTestError, match="'numba-cpu' comes to"):
            registry.self_test("numba-cpu", NumbaCpu(1))

    def test_one_that_comes_to_other_watts_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = loops.run

        def warm(form: Form, blocks: np.ndarray, levels: np.ndarray, steps: loops.Steps) -> np.ndarray:
            return real(form, blocks, levels, steps) * (1 + 1e-9)

        monkeypatch.setattr(loops, "run", warm)
        with pytest.raises(FleetSelfTestError, match="'numba-cpu' comes to wall_w"):
            registry.self_test("numba-cpu", NumbaCpu(1))


class TestBadInput:
    def test_kinds(self, machines: Machines) -> None:
        for kinds, sentence in (
            (np.zeros(0, dtype=np.int64), "one machine or more"),
            (np.zeros((2, 2), dtype=np.int64), r"kinds of shape \(2, 2\)"),
            (np.zeros(3), "type float64; want int64"),
            (np.array([0, 99]), "kinds from 0 to 99; want 0 to 16"),
            (np.array([-1, 0]), "kinds from -1 to 0"),
        ):
            with pytest.raises(FleetError, match=sentence):
                Machines(machines.conditions, kinds)

    def test_series(self) -> None:
        ones = np.ones(3)
        for series, sentence in (
            ((ones, ones, np.zeros(2)), "of one length"),
            ((ones, ones, np.zeros(3, dtype=np.float32)), "of one length"),
            ((np.ones(6)[::2], ones, np.zeros(3)), "contiguous"),
            ((np.array([1.0, np.nan, 1.0]), ones, np.zeros(3)), "holds what is not finite"),
            ((ones, ones, ones), "parts of the time"),
            ((ones, -ones, np.zeros(3)), "parts of the time"),
        ):
            with pytest.raises(FleetError, match=sentence):
                Around(*series)

    def test_half_an_order_in_motion(self, machines: Machines, weather: Around) -> None:
        for backend in (NumbaCpu(1), Reference()):
            with pytest.raises(FleetError, match="want 0 or 1 for machines in motion"):
                backend.moving(machines, STEP_S, cold(machines, 20.0)).run(weather)

    @pytest.mark.parametrize("duration_s", [0.0, -1.0, np.inf, np.nan])
    def test_durations(self, machines: Machines, weather: Around, duration_s: float) -> None:
        for backend in (NumbaCpu(1), Reference()):
            with pytest.raises(FleetError, match="duration_s is"):
                backend.steady(machines, weather, duration_s)
            with pytest.raises(FleetError, match="duration_s is"):
                backend.moving(machines, duration_s, cold(machines, 20.0))

    def test_starts(self, machines: Machines) -> None:
        start = cold(machines, 20.0)
        for backend in (NumbaCpu(1), Reference()):
            for wrong in (start._replace(sink_c=np.zeros(3)), start._replace(sink_c=np.full(101, np.nan))):
                with pytest.raises(FleetError, match=r"sink_c of shape .* want 101 finite numbers"):
                    backend.moving(machines, STEP_S, wrong)
            for wrong in (start._replace(slower=np.full(101, -1.0)), start._replace(slower=np.full(101, 0.5))):
                with pytest.raises(FleetError, match="slower or for_s at the start is negative, or no whole number"):
                    backend.moving(machines, STEP_S, wrong)
            with pytest.raises(FleetError, match="resting at the start is neither 0 nor 1"):
                backend.moving(machines, STEP_S, start._replace(resting=np.full(101, 2.0)))

    def test_no_step_at_all(self, machines: Machines) -> None:
        run = NumbaCpu(1).steady(machines, always_at_work([]), 3600.0)
        assert run.wall_w.shape == (0,)
        assert run.energy_j.tolist() == [0.0] * 101
