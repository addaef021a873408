"""A world keeps exact books, loses nothing, and is the same whoever runs it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from gridsim.ensemble import run_batch, run_replicate
from gridsim.recorder import Recorder
from gridsim.scenario import Scenario
from gridsim.streams import Streams
from gridsim.units import S_PER_DAY, S_PER_HOUR
from gridsim.world import World

Make = Callable[..., Scenario]
EventTable = Callable[..., dict[str, Any]]


def run_world(scenario: Scenario, *, seed: int = 1) -> tuple[World, Recorder]:
    recorder = Recorder()
    world = World(scenario, Streams(seed, 0), recorder)
    world.run()
    return world, recorder


def test_energy_is_the_exact_sum_of_power_times_time(make: Make, order: EventTable) -> None:
    """Rational arithmetic over the recorded stretches against the hourly means, to the last float."""
    scenario = make(events=(order(ramp_h=7.3, fraction=0.6),))
    world, recorder = run_world(scenario)
    series = recorder.series()
    edges_s = series.hour_edges_s(world.end_s)
    hourly_j = (series.mean(series.power_w, edges_s) * S_PER_HOUR)[:, 0]
    exact = Fraction(0)
    for place, (start, end) in enumerate(zip(series.edges_s, series.edges_s[1:], strict=False)):
        stretch = min(end, edges_s[-1]) - start
        if stretch > 0:
            exact += Fraction(series.power_w[place, 0]) * (Fraction(min(end, edges_s[-1])) - Fraction(start))
    assert hourly_j.sum() == pytest.approx(float(exact), rel=1e-12)


def test_power_is_nameplate_times_pue(make: Make) -> None:
    world, recorder = run_world(make())
    series = recorder.series()
    expected_w = 75e18 / 95e12 * 3250 * 1.25  # half of 150 EH/s on 95 TH/s machines of 3,250 W
    assert series.power_w[0, 0] == pytest.approx(expected_w, rel=1e-12)
    assert world.network.done


def test_no_power_after_a_full_cut(make: Make, order: EventTable) -> None:
    _, recorder = run_world(make(events=(order(),)))
    series = recorder.series()
    after = series.edges_s[:-1] >= 3 * S_PER_DAY
    assert after.any()
    assert series.power_w[after, 0].max() == 0
    assert series.power_w[~after, 0].min() > 0


def test_a_ramp_takes_equal_steps_and_ends_on_time(make: Make, order: EventTable) -> None:
    _, recorder = run_world(make(events=(order(ramp_h=4.0),)))
    series = recorder.series()
    power_w = [series.at(series.power_w[:, 0], 3 * S_PER_DAY + hour * S_PER_HOUR) for hour in (-0.5, 0, 1, 2, 3, 4)]
    assert np.diff(power_w)[:4] == pytest.approx([-power_w[0] / 4] * 4)
    assert power_w[-1] == 0


def test_migration_conserves_machines(make: Make, order: EventTable) -> None:
    """All ship, none hide, racks for all: after the last consignment every hash is back, all in the host region."""
    scenario = make(
        events=(order(),),
        hosting__headroom_gw=10.0,
        network__end_height=2016 * 105,
        cap_utc=make().clock.moment(90 * S_PER_DAY),
    )
    world, _ = run_world(scenario)
    assert world.fleet.active[0].sum() == 0
    assert float((world.fleet.active @ world.fleet.hps).sum()) == pytest.approx(150e18, rel=1e-9)


def test_hosts_never_draw_more_than_they_have(make: Make, order: EventTable) -> None:
    scenario = make(
        events=(order(),),
        hosting__headroom_gw=0.4,
        hosting__growth_start_gw_per_month=0.2,
        hosting__growth_full_gw_per_month=0.2,
    )
    world, recorder = run_world(scenario)
    series = recorder.series()
    start_w = series.power_w[0, 1]
    allowed_w = start_w + 0.4e9 + 0.2e9 * series.edges_s[1:] / (365.25 * S_PER_DAY / 12)
    assert (series.power_w[:, 1] <= allowed_w * (1 + 1e-9)).all()
    assert series.power_w[-1, 1] > start_w + 0.4e9
    assert len(world.hosts.waiting) > 0


def test_rationing_stops_and_restores(make: Make) -> None:
    start = make().clock
    event = {
        "kind": "rationing",
        "id": "DRY",
        "regions": ("A", "B"),
        "start": start.moment(2 * S_PER_DAY),
        "end": start.moment(4 * S_PER_DAY),
        "fraction": 0.25,
        "description": "dry",
        "source": "a test",
    }
    second = {**event, "id": "DRIER", "start": start.moment(3 * S_PER_DAY), "end": start.moment(5 * S_PER_DAY), "fraction": 0.5}
    _, recorder = run_world(make(events=(event, second)))
    series = recorder.series()
    full_w = series.power_w[0, 0]
    levels = [series.at(series.power_w[:, 0], (day + 0.5) * S_PER_DAY) / full_w for day in range(6)]
    assert levels == pytest.approx([1, 1, 0.75, 0.75 * 0.5, 0.5, 1])


def test_machines_that_do_not_pay_stop(make: Make) -> None:
    poor, _ = run_world(make(economy__price=({"at": make().start_utc, "usd": 1.0},)))
    assert poor.fleet.running().sum() == 0
    assert not poor.network.done


def test_a_spared_world_is_the_same_until_the_cut(make: Make, order: EventTable) -> None:
    scenario = make(events=(order(),))
    real, spared = Recorder(), Recorder()
    for recorder, without in ((real, ()), (spared, ("SHUT",))):
        World(scenario, Streams(1, 0), recorder, without=without).run()
    before, other = real.series(), spared.series()
    upto = int(np.searchsorted(before.edges_s, 3 * S_PER_DAY))
    assert upto > 0
    assert np.array_equal(before.power_w[:upto], other.power_w[:upto])
    assert other.power_w[-1, 0] > 0


def test_a_replicate_does_not_depend_on_its_batch(make: Make, order: EventTable) -> None:
    scenario = make(events=(order(fraction=0.5),))
    together = run_batch(scenario, 5, range(4))
    alone = run_replicate(scenario, 5, 3, keep_trace=False)
    assert together[3].epochs == alone.epochs
    assert np.array_equal(together[3].network_hps, alone.network_hps)
    assert together[2].epochs != alone.epochs
    assert run_replicate(scenario, 6, 3, keep_trace=False).epochs != alone.epochs
