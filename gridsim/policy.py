"""Dated events at work: each is a small process on the world's clock.

A ramp is a staircase of steps of at most one hour; energy is booked exactly for that staircase.
"""

from __future__ import annotations

from math import ceil, exp
from typing import TYPE_CHECKING

from gridsim.events import Order, Rationing, SeasonalMove, Sweep
from gridsim.migration import Displaced, Steps, seasonal
from gridsim.quantity import resolve
from gridsim.units import S_PER_DAY, S_PER_HOUR

if TYPE_CHECKING:
    from gridsim.world import World


def start(world: World, event: Rationing | Order | Sweep | SeasonalMove) -> None:
    """Put one event of the scenario on the world's clock."""
    match event:
        case Rationing():
            world.env.process(_ration(world, event))
        case Order():
            world.env.process(_order(world, event))
        case Sweep():
            world.env.process(_sweep(world, event))
        case SeasonalMove():
            world.env.process(seasonal(world, event))


def _ration(world: World, event: Rationing) -> Steps:
    """Withhold supply from a fraction of the regions' open machines, then give it back."""
    clock = world.scenario.clock
    rows = [world.scenario.region_index(region) for region in event.regions]
    fraction = resolve(event.fraction, world.draws)
    yield world.env.timeout(max(0.0, clock.seconds(event.start) - world.env.now))
    with world.change():
        world.fleet.ration(event.id, rows, fraction)
    world.log(event, *event.regions)
    yield world.env.timeout(max(0.0, clock.seconds(event.end) - world.env.now))
    with world.change():
        world.fleet.restore(event.id)
    world.log(event, *event.regions, kind="restore")


def _order(world: World, event: Order) -> Steps:
    """Shut a fraction of the machines that run at the start, evenly over the ramp, for good."""
    clock = world.scenario.clock
    rows = [world.scenario.region_index(region) for region in event.regions]
    start_s = clock.seconds(event.start)
    if event.closes:
        world.close(rows, clock.seconds(event.announced or event.start))
    yield world.env.timeout(max(0.0, start_s - world.env.now))
    world.log(event, *event.regions)
    ramp_s = clock.seconds(event.deadline) - start_s if event.deadline is not None else resolve(event.ramp_h or 0.0, world.draws) * S_PER_HOUR
    steps = max(1, ceil(ramp_s / S_PER_HOUR))
    share = resolve(event.fraction, world.draws) / steps
    quotas = {row: world.fleet.active[row] * share for row in rows}
    pools = {row: Displaced(world, event.id, row) for row in rows}
    for _ in range(steps):
        with world.change():
            for row in rows:
                pools[row].add(world.fleet.remove(row, quotas[row]))
        yield world.env.timeout(ramp_s / steps)
    for pool in pools.values():
        pool.flush()
    world.log(event, *event.regions, kind="deadline")


def _sweep(world: World, event: Sweep) -> Steps:
    """Find running machines at a constant hazard, booked once a day."""
    clock = world.scenario.clock
    rows = [world.scenario.region_index(region) for region in event.regions]
    yield world.env.timeout(max(0.0, clock.seconds(event.start) - world.env.now))
    world.log(event, *event.regions)
    end_s = clock.seconds(event.end) if event.end is not None else world.scenario.cap_s
    found = 1 - exp(-resolve(event.hazard_per_day, world.draws))
    pools = {row: Displaced(world, event.id, row) for row in rows}
    while world.env.now + S_PER_DAY <= end_s:
        yield world.env.timeout(S_PER_DAY)
        with world.change():
            for row in rows:
                pools[row].add(world.fleet.remove(row, world.fleet.active[row] * found))
    for pool in pools.values():
        pool.flush()
