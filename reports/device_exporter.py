"""Map what devices say of themselves to the metrics of `reports.catalogue`; what is unknown is absent, never 0."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from hw import device as hardware
from hw.supervisor.snapshot import Health
from hw.units import HZ_PER_MHZ
from reports import catalogue
from reports.catalogue import Metric
from reports.exporter import build_info, family

if TYPE_CHECKING:
    from hw.supervisor import DeviceSnapshot

CHIP = "chip"
COMPUTE: Final = "compute"  # the processors of this machine, whose hashes are computed here
WALL: Final = {"wall", "machine"}  # boundaries of a power that is the wall's; others are less or more than it


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """One device; `kind` is emulated, simulated, serial or compute.

    Rates are in H/s; `hashes` were computed for it, `declared_hashes` are its own account. Power [W] and energy [J], at the
    wall, temperature [°C] and clock [MHz]. How it is cared for is known where it is mined on only. What is unknown is None.
    """

    device: str
    model: str
    kind: str
    work: int
    nonces: int
    nominal_hps: float | None = None
    hashes: float | None = None
    declared_hashes: float | None = None
    state: hardware.DeviceState | None = None
    health: Health | None = None
    restarts: int | None = None
    shares: int | None = None
    hardware_errors: int | None = None
    power_w: float | None = None
    energy_j: float | None = None
    chip_c: float | None = None
    clock_mhz: float | None = None


def supervised(told: DeviceSnapshot, specification: str) -> DeviceState:
    """Return a device that is mined on, named by a `specification` such as ``bm1366:/dev/ttyUSB0`` or ``compute@rapl``."""
    model = specification.partition("@")[0].partition(":")[0]
    telemetry, totals = told.telemetry, told.totals
    at_wall = telemetry.power is not None and telemetry.power.boundary in WALL
    return DeviceState(
        device=told.label,
        model=model,
        kind=COMPUTE if model == COMPUTE else "serial",
        work=told.work,
        nonces=totals.nonces,
        hashes=totals.hashes if model == COMPUTE else None,
        declared_hashes=totals.hashes,
        state=telemetry.state,
        health=told.health,
        restarts=told.restarts,
        shares=told.shares,
        hardware_errors=totals.hardware_errors,
        power_w=telemetry.power.power_w if at_wall and telemetry.power is not None else None,
        energy_j=totals.energy_j if at_wall else None,
        chip_c=telemetry.temperature_c,
        clock_mhz=telemetry.frequency_mhz,
    )


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
        yield from _care(states)
        yield family(catalogue.SCRAPE_DURATION, [((), self._timer() - started_s)])


def _families(states: Sequence[DeviceState]) -> Iterator[Family]:
    each = partial(_each, states)
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


def _care(states: Sequence[DeviceState]) -> Iterator[Family]:
    """Yield what is known of devices that are mined on."""
    each = partial(_each, states)
    doing = [((one.device, word), float(word == one.state)) for one in states if one.state for word in hardware.DeviceState]
    yield family(catalogue.DEVICE_STATE, doing)
    healths = [((one.device, word), float(word == one.health)) for one in states if one.health for word in Health]
    yield family(catalogue.DEVICE_HEALTH, healths)
    yield each(catalogue.DEVICE_RESTARTS, lambda state: state.restarts)
    yield each(catalogue.DEVICE_SHARES, lambda state: state.shares)
    yield each(catalogue.DEVICE_HARDWARE_ERRORS, lambda state: state.hardware_errors)
    yield each(catalogue.DEVICE_HASHES_DECLARED, lambda state: state.declared_hashes)


def _each(states: Sequence[DeviceState], metric: Metric, value: Callable[[DeviceState], float | None]) -> Family:
    """Return a family with a sample for each device of which the value is known."""
    known = ((state.device, value(state)) for state in states)
    return family(metric, [((name,), number) for name, number in known if number is not None])
