"""Map what devices say of themselves to the metrics of `reports.catalogue`; what is unknown is absent, never 0."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from hw.units import HZ_PER_MHZ
from reports import catalogue
from reports.catalogue import Metric
from reports.exporter import build_info, family

CHIP = "chip"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """One device; `kind` is emulated, simulated, serial or compute.

    Rates are in H/s; power [W] and energy [J], at the wall, temperature [°C] and clock [MHz] are None where unknown.
    """

    device: str
    model: str
    kind: str
    nominal_hps: float
    hashes: int
    work: int
    nonces: int
    power_w: float | None = None
    energy_j: float | None = None
    chip_c: float | None = None
    clock_mhz: float | None = None


class DeviceCollector(Collector):
    """The metrics of some devices. `states` gives them as they are now; `timer` gives seconds and times each scrape."""

    def __init__(self, states: Callable[[], Sequence[DeviceState]], *, timer: Callable[[], float] = time.perf_counter) -> None:
        self._states = states
        self._timer = timer

    def collect(self) -> Iterator[Family]:
        """Yield every family of the catalogue for the present state."""
        started_s = self._timer()
        states = self._states()
        yield build_info()
        yield from _families(states)
        yield family(catalogue.SCRAPE_DURATION, [((), self._timer() - started_s)])


def _families(states: Sequence[DeviceState]) -> Iterator[Family]:
    def each(metric: Metric, value: Callable[[DeviceState], float | None]) -> Family:
        known = ((state.device, value(state)) for state in states)
        return family(metric, [((name,), number) for name, number in known if number is not None])

    yield family(catalogue.DEVICE_INFO, [((state.device, state.model, state.kind), 1) for state in states])
    yield each(catalogue.DEVICE_HASHRATE_NOMINAL, lambda state: state.nominal_hps)
    yield each(catalogue.DEVICE_HASHES, lambda state: state.hashes)
    yield each(catalogue.DEVICE_POWER, lambda state: state.power_w)
    yield each(catalogue.DEVICE_ENERGY, lambda state: state.energy_j)
    warm = [((state.device, CHIP), state.chip_c) for state in states if state.chip_c is not None]
    yield family(catalogue.DEVICE_TEMPERATURE, warm)
    yield each(catalogue.DEVICE_FREQUENCY, lambda state: None if state.clock_mhz is None else state.clock_mhz * HZ_PER_MHZ)
    yield each(catalogue.DEVICE_WORK, lambda state: state.work)
    yield each(catalogue.DEVICE_NONCES, lambda state: state.nonces)
