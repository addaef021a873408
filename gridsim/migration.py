"""What becomes of displaced machines: hidden again, shipped abroad, or out; and the seasonal move to the water."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from simpy import Environment
from simpy import Event as SimpyEvent

from gridsim.events import SeasonalMove
from gridsim.quantity import resolve
from gridsim.scenario import Scenario
from gridsim.units import S_PER_DAY
from hw.units import W_PER_GW
from miner.units import HASHES_PER_TH

if TYPE_CHECKING:
    from gridsim.world import World

Floats = NDArray[np.float64]
Steps = Generator[SimpyEvent, object, None]


class Displaced:
    """Takes the machines that one event displaces, float64[region, cohort], and sends them on in whole consignments.

    What hides does so in its own region; what ships goes to the one line of machines that look for a rack abroad.
    """

    def __init__(self, world: World, event_id: str) -> None:
        self._world = world
        self._luck = world.streams.stream(f"displaced/{event_id}")
        self._pool: Floats = np.zeros_like(world.fleet.active)

    def add(self, machines: Floats) -> None:
        """Add machines; every full consignment leaves at once."""
        self._pool = self._pool + machines
        while (count := float(self._pool.sum())) >= self._world.fate.lot_machines:
            self._send(self._pool * (self._world.fate.lot_machines / count))

    def flush(self) -> None:
        """Send what is left, however little."""
        if self._pool.any():
            self._send(self._pool)

    def _send(self, lot: Floats) -> None:
        self._pool = self._pool - lot
        fate, env = self._world.fate, self._world.env
        covert_s, freight_s = fate.delays_s(self._luck)
        env.process(_after(env, covert_s, self._world.hiding.append, lot * fate.covert_fraction))
        env.process(_after(env, freight_s, self._world.hosts.arrive, lot.sum(axis=0) * fate.shipped_fraction))


def _after(env: Environment, delay_s: float, act: Callable[[Floats], None], machines: Floats) -> Steps:
    """Do something with machines after a delay; they start with the next day's deliveries."""
    yield env.timeout(delay_s)
    act(machines)


class Fate:
    """The fractions and delays of one replicate; see `gridsim.scenario.Migration`."""

    def __init__(self, scenario: Scenario, draws: Mapping[str, float]) -> None:
        migration = scenario.migration
        efficiency_j_per_th = np.array([model.power_w / model.hashrate_hps for model in scenario.machines]) * HASHES_PER_TH
        worth = efficiency_j_per_th <= resolve(migration.ship_limit_j_per_th, draws)
        self.lot_machines = migration.lot_machines
        self.covert_fraction = resolve(migration.covert_fraction, draws)
        shipped = (1 - self.covert_fraction) * resolve(migration.ship_fraction, draws)
        self.shipped_fraction: Floats = np.where(worth, shipped, 0.0)
        self._covert_s = resolve(migration.covert_median_days, draws) * S_PER_DAY
        self._freight_s = resolve(migration.freight_median_days, draws) * S_PER_DAY
        self._sigma = migration.freight_sigma

    def delays_s(self, luck: np.random.Generator) -> tuple[float, float]:
        """Draw the delays [s] until the hidden part of a consignment runs and until its shipped part arrives."""
        covert, freight = np.exp(self._sigma * luck.standard_normal(2))
        return self._covert_s * float(covert), self._freight_s * float(freight)


def seasonal(world: World, event: SeasonalMove) -> Steps:
    """Move machines to the water day by day; who arrives behind closed gates is displaced there."""
    clock, draws = world.scenario.clock, world.draws
    origin, destination = (world.scenario.region_index(name) for name in event.regions)
    start_s, end_s = clock.seconds(event.start), clock.seconds(event.end)
    yield world.env.timeout(max(0.0, start_s - world.env.now))
    world.log(event, event.origin)
    days = max(1, round((end_s - start_s) / S_PER_DAY))
    daily = world.fleet.active[origin] * (resolve(event.fraction, draws) / days)
    limit_w = resolve(event.destination_limit_gw, draws) * W_PER_GW
    transit_s = resolve(event.transit_days, draws) * S_PER_DAY
    stranded = Displaced(world, event.id)
    on_road_w = 0.0

    def arrive(machines: Floats, power_w: float) -> Steps:
        nonlocal on_road_w
        yield world.env.timeout(transit_s)
        on_road_w -= power_w
        with world.change():
            if world.is_closed(destination):
                world.fleet.displaced_hps[destination] += float(machines @ world.fleet.hps)
                stranded.add(world.fleet.only(destination, machines))
            else:
                world.fleet.active[destination] += machines

    for _ in range(days):
        if world.is_closed(destination):
            break
        leaving = np.minimum(daily, world.fleet.active[origin])
        power_w = float(leaving @ world.fleet.site_power_w)
        if world.fleet.installed_power_w()[destination] + on_road_w + power_w <= limit_w:
            with world.change():
                world.fleet.active[origin] -= leaving
            on_road_w += power_w
            world.env.process(arrive(leaving, power_w))
        yield world.env.timeout(S_PER_DAY)
    yield world.env.timeout(transit_s + 1)
    stranded.flush()


def deliveries(world: World) -> Steps:
    """Once a day: hosts build, factories deliver, the line is served, and who found a hiding place starts."""
    growth = world.scenario.growth
    cohort = [entry.id for entry in world.scenario.cohorts].index(growth.cohort)
    hps_per_s = world.new_machines_hps_per_s
    new = np.zeros_like(world.fleet.hps)
    new[cohort] = hps_per_s * S_PER_DAY / world.fleet.hps[cohort]
    while True:
        yield world.env.timeout(S_PER_DAY)
        world.hosts.grow(world.env.now, S_PER_DAY)
        world.hosts.arrive(new.copy(), first=True)
        with world.change():
            world.hosts.plug_in()
            while world.hiding:
                world.fleet.covert += world.hiding.pop()
