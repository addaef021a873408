"""Map snapshots of a run to the metrics of `reports.catalogue`: the one place where a state gets a metric's name.

Families are made anew from one frozen snapshot at every scrape, so no label outlives its series. Samples carry no
timestamp: a scrape shows the moment that the run is at. What is unknown is absent, never 0.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from reports import catalogue
from reports.catalogue import Metric
from reports.snapshot import RegionState, RunIdentity, Snapshot

Samples = Iterable[tuple[tuple[str, ...], float]]


class RunCollector(Collector):
    """The metrics of one served run.

    Parameters
    ----------
    identity : RunIdentity
        Which run this is.
    snapshot : callable
        Gives the run's state now; successive states never go back in time.
    timer : callable
        Seconds on a clock that only goes forward; times each scrape.
    """

    def __init__(
        self, identity: RunIdentity, snapshot: Callable[[], Snapshot], *, timer: Callable[[], float] = time.perf_counter
    ) -> None:
        self._identity = identity
        self._snapshot = snapshot
        self._timer = timer

    def collect(self) -> Iterator[Family]:
        """Yield every family of the catalogue for the present state."""
        started_s = self._timer()
        state = self._snapshot()
        yield from _run_info(self._identity)
        yield from _grid(state)
        yield from _network(state)
        yield from _simulation(state)
        yield family(catalogue.SCRAPE_DURATION, [((), self._timer() - started_s)])


def metrics_page(collector: Collector) -> Callable[[str], tuple[str, bytes]]:
    """Return what gives, for a request's Accept header, content type and body with the metrics of `collector` alone.

    Both formats that Prometheus reads are spoken: its own text and OpenMetrics. The collector first runs at the first scrape.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)

    def page(accept: str) -> tuple[str, bytes]:
        encode, content_type = choose_encoder(accept)
        return content_type, encode(registry)

    return page


def build_info() -> Family:
    """Return which program publishes."""
    return family(catalogue.BUILD_INFO, [((_own_version(), platform.python_version()), 1)])


def _run_info(identity: RunIdentity) -> Iterator[Family]:
    yield build_info()
    yield family(catalogue.RUN_INFO, [((identity.run_id, identity.scenario, identity.seed, identity.version), 1)])


def _grid(state: Snapshot) -> Iterator[Family]:
    def by_region(metric: Metric, value: Callable[[RegionState], float | None]) -> Family:
        known = ((region.region, value(region)) for region in state.regions)
        return family(metric, [((name,), number) for name, number in known if number is not None])

    yield by_region(catalogue.GRID_DEMAND, lambda region: region.power_w)
    yield by_region(catalogue.GRID_HASHRATE, lambda region: region.hashrate_hps)
    yield by_region(catalogue.GRID_REGION_POWERED, lambda region: float(region.powered_fraction > 0))
    yield by_region(catalogue.GRID_POWERED_RATIO, lambda region: region.powered_fraction)
    yield by_region(catalogue.GRID_ENERGY, lambda region: region.energy_j)
    yield by_region(catalogue.GRID_CARBON, lambda region: region.carbon_g)
    yield by_region(catalogue.GRID_CARBON_INTENSITY, lambda region: region.carbon_g_per_j)
    yield family(catalogue.GRID_CUTOFFS, [((region, cause), count) for region, cause, count in state.cutoffs])


def _network(state: Snapshot) -> Iterator[Family]:
    yield family(catalogue.NETWORK_HASHRATE, _single(state.network_hps))
    yield family(catalogue.NETWORK_DIFFICULTY, _single(state.difficulty))
    yield family(catalogue.NETWORK_BLOCKS, _single(state.blocks))
    yield family(catalogue.NETWORK_BLOCK_HEIGHT, _single(state.block_height))


def _simulation(state: Snapshot) -> Iterator[Family]:
    yield family(catalogue.SIMULATION_TIME, _single(state.time_s))
    yield family(catalogue.SIMULATION_PROGRESS, _single(state.progress_ratio))
    yield family(catalogue.SIMULATION_EVENTS, [((kind,), count) for kind, count in state.events])


def _single(value: float | None) -> Samples:
    return [] if value is None else [((), value)]


def family(metric: Metric, samples: Samples) -> Family:
    """Build one family of the catalogue; `samples` are (label values, value)."""
    if metric.kind == "info":
        info = InfoMetricFamily(metric.name.removesuffix("_info"), metric.help, labels=())
        for labels, _ in samples:
            info.add_metric((), dict(zip(metric.labels, labels, strict=True)))
        return info
    family: CounterMetricFamily | GaugeMetricFamily
    if metric.kind == "counter":
        family = CounterMetricFamily(metric.name.removesuffix("_total"), metric.help, labels=metric.labels, unit=metric.unit)
    else:
        family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels, unit=metric.unit)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _own_version() -> str:
    try:
        return version("hashwatt")
    except PackageNotFoundError:
        return "unknown"
