"""Dated events at work: each is a small process on the world's clock.

A ramp is a staircase: a step an hour up to four days, and 96 equal steps beyond. Energy is booked exactly for the staircase.
"""

from __future__ import annotations

from math import ceil, exp
from typing import TYPE_CHECKING, Final

import numpy as np

from gridsim.events import Order, Rationing, SeasonalMove, Sweep
from gridsim.migration import Displaced, Floats, Steps, seasonal
from gridsim.quantity import resolve
from gridsim.units import S_PER_DAY, S_PER_HOUR

if TYPE_CHECKING:
    from gridsim.world import World


MOST_STEPS: Final = 96  # of one ramp: hourly up to four days


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
    ramp_s = (
        clock.seconds(event.deadline) - start_s
        if event.deadline is not None
        else resolve(event.ramp_h or 0.0, world.draws) * S_PER_HOUR
    )
    steps = min(max(1, ceil(ramp_s / S_PER_HOUR)), MOST_STEPS)
    quota = world.fleet.active * (_mask(world, rows) * resolve(event.fraction, world.draws) / steps)
    pool = Displaced(world, event.id)
    for _ in range(steps):
        with world.change():
            pool.add(world.fleet.displace(quota))
        yield world.env.timeout(ramp_s / steps)
    pool.flush()
    world.log(event, *event.regions, kind="deadline")


def _sweep(world: World, event: Sweep) -> Steps:
    """Find running machines at a constant hazard, booked once a day of the scenario's clock, when deliveries are."""
    clock = world.scenario.clock
    rows = [world.scenario.region_index(region) for region in event.regions]
    yield world.env.timeout(max(0.0, clock.seconds(event.start) - world.env.now))
    world.log(event, *event.regions)
    end_s = clock.seconds(event.end) if event.end is not None else world.scenario.cap_s
    hazard_per_s = resolve(event.hazard_per_day, world.draws) / S_PER_DAY
    mask = _mask(world, rows)
    pool = Displaced(world, event.id)
    while world.env.now < end_s:
        since_s = world.env.now
        next_day_s = (since_s // S_PER_DAY + 1) * S_PER_DAY
        yield world.env.timeout(min(next_day_s, end_s) - since_s)
        found = 1 - exp(-hazard_per_s * (world.env.now - since_s))
        with world.change():
            pool.add(world.fleet.displace(world.fleet.active * (mask * found)))
    pool.flush()


def _mask(world: World, rows: list[int]) -> Floats:
    """Return 1.0 in the rows of some regions, else 0.0, float64[region, 1]."""
    mask: Floats = np.zeros((len(world.fleet.active), 1))
    mask[rows] = 1.0
    return mask
