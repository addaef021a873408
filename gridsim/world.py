"""One world of one replicate: the SimPy clock, the fleet on it, and exact books at every change.

Between two changes nothing changes: power and hash rate are constants, so energy is a product and the blocks of
the stretch are drawn at once. Whoever changes the fleet does it inside `with world.change():`, which first books
everything up to now at the old values.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import simpy
from numpy.typing import NDArray

from gridsim import policy
from gridsim.economics import Market
from gridsim.events import Order, Rationing, SeasonalMove, Sweep
from gridsim.fleet import Fleet
from gridsim.hosting import Hosts
from gridsim.migration import Fate, deliveries
from gridsim.network import Network
from gridsim.priors import draw_all
from gridsim.quantity import resolve
from gridsim.scenario import Scenario
from gridsim.streams import Streams
from gridsim.units import S_PER_DAY, S_PER_MONTH
from miner.target import NBits
from miner.units import HASHES_PER_EH

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """Something that happened: simulation time [s], region, the event's id, what kind of moment, and its text."""

    time_s: float
    region: str
    event_id: str
    kind: str
    description: str


class Observer(Protocol):
    """Told about every stretch of constant values, in order of time."""

    def observe(self, to_s: float, hashrate_hps: Floats, power_w: Floats, powered: Floats) -> None:
        """Learn that these values, float64[region], held until `to_s` [s]."""


class World:
    """A scenario's world for one replicate. `without` names events that this world is spared."""

    def __init__(self, scenario: Scenario, streams: Streams, observer: Observer, *, without: tuple[str, ...] = ()) -> None:
        self.scenario = scenario
        self.streams = streams
        self.draws: Mapping[str, float] = draw_all(scenario.priors, streams)
        self.env = simpy.Environment()
        self.fleet = Fleet(scenario, self.draws)
        self.hosts = Hosts(scenario, self.draws, self.fleet)
        self.fate = Fate(scenario, self.draws)
        self.hiding: list[Floats] = []  # displaced machines, float64[region, cohort], ready to run unseen
        self.events: list[LoggedEvent] = []
        self.new_machines_hps_per_s = resolve(scenario.growth.ehps_per_month, self.draws) * HASHES_PER_EH / S_PER_MONTH
        start = scenario.network
        self.network = Network(
            scenario.clock, start.start_height, start.end_height, NBits(int(start.nbits, 16)), streams.stream("blocks")
        )
        self._observer = observer
        self._closed_from_s: dict[int, float] = {}
        self._booked_s = 0.0
        self._rates: tuple[Floats, Floats, Floats, float] | None = None
        for event in scenario.events:
            if event.id not in without:
                policy.start(self, event)
        self.env.process(deliveries(self))
        self.env.process(_decide(self, Market(scenario)))

    def run(self) -> None:
        """Run until the chain has reached its end height, or the scenario's cap."""
        cap_s = self.scenario.cap_s
        while not self.network.done and self.env.now < cap_s:
            self.env.run(until=min(self.env.now + S_PER_DAY, cap_s))
            self.book()

    @property
    def end_s(self) -> float:
        """Simulation time [s] of the last block if the chain reached its end, else of the last booking."""
        return self.network.last_time_s() if self.network.done else self._booked_s

    @contextmanager
    def change(self) -> Iterator[None]:
        """Book everything up to now, then let the caller change the fleet."""
        self.book()
        yield
        self._rates = None

    def book(self) -> None:
        """Book the stretch since the last change: blocks found, and values for the observer."""
        now_s = self.env.now
        if now_s <= self._booked_s:
            return
        if self._rates is None:
            self._rates = self._measure()
        hashrate_hps, power_w, powered, total_hps = self._rates
        self.network.advance(self._booked_s, now_s, total_hps)
        self._observer.observe(now_s, hashrate_hps, power_w, powered)
        self._booked_s = now_s

    def close(self, rows: list[int], from_s: float) -> None:
        """Let no newcomer settle in these regions from `from_s` [s] on."""
        for row in rows:
            self._closed_from_s[row] = min(from_s, self._closed_from_s.get(row, from_s))

    def is_closed(self, row: int) -> bool:
        """Whether newcomers know by now that this region is shut."""
        return self.env.now >= self._closed_from_s.get(row, np.inf)

    def log(self, event: Rationing | Order | Sweep | SeasonalMove, *regions: str, kind: str | None = None) -> None:
        """Note that something of `event` happens now in `regions`."""
        moment = kind or ("cut" if isinstance(event, Order) and event.ramp_h is not None else event.kind)
        self.events.extend(LoggedEvent(self.env.now, region, event.id, moment, event.description) for region in regions)

    def _measure(self) -> tuple[Floats, Floats, Floats, float]:
        fleet = self.fleet
        running = fleet.running()
        hashrate_hps: Floats = running @ fleet.hps
        power_w: Floats = running @ fleet.site_power_w
        present_hps: Floats = (fleet.active + fleet.covert) @ fleet.hps + fleet.displaced_hps
        powered: Floats = np.divide(hashrate_hps, present_hps, out=np.ones_like(present_hps), where=present_hps > 0)
        return hashrate_hps, power_w, powered, float(hashrate_hps.sum())


def _decide(world: World, market: Market) -> Generator[simpy.Event, object, None]:
    """Once a day, miners compare what a hash earns with what it costs."""
    fleet = world.fleet
    energy_j_per_hash = fleet.site_power_w / fleet.hps
    while True:
        world.book()
        revenue = market.revenue_usd_per_hash(world.env.now, world.network.hashes_per_block)
        paying = market.paying(revenue, energy_j_per_hash)
        if not np.array_equal(paying, fleet.paying):
            with world.change():
                fleet.paying = paying
        yield world.env.timeout(S_PER_DAY)
