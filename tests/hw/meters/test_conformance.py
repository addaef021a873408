"""One suite for all meters: they add up joules, say what they are, and give no number where they cannot read one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any, NamedTuple

import pytest

from hw.errors import MeterError
from hw.meters import nvml as nvml_module
from hw.meters.nameplate import NameplateMeter
from hw.meters.rapl import RaplMeter
from hw.meters.registry import METERS
from miner.bench.energy import EnergyPlan, measure_energy
from miner.bench.sampling import Sample
from miner.meter import EnergyMeter

WATTS = 250
STEP_S = 0.5
SPEECH = {"measured", "integrated", "modelled", "nameplate"}


class Instrument(NamedTuple):
    """A meter, the clock that it and its machine go by, a way to let half a second pass at 250 W, and a way to break it."""

    meter: EnergyMeter
    clock: Callable[[], float]
    step: Callable[[], None]
    breaks: Callable[[], None] | None


def nameplate(_powercap: Any, _nvml: Any) -> Instrument:
    now_s = [100.0]

    def step() -> None:
        now_s[0] += STEP_S

    clock = lambda: now_s[0]  # noqa: E731
    return Instrument(NameplateMeter(WATTS, clock=clock), clock, step, None)  # nothing to read, so nothing to break


def rapl(powercap: Any, _nvml: Any) -> Instrument:
    """One package that is about to wrap."""
    now_s, first_uj, range_uj = [0.0], 262_143_000_000, 262_143_328_850
    root = powercap.zones(package=(first_uj, range_uj))

    def step() -> None:
        now_s[0] += STEP_S
        powercap.count(0, (first_uj + round(now_s[0] * WATTS * 1e6)) % (range_uj + 1))

    return Instrument(RaplMeter(root=root), lambda: now_s[0], step, (root / "intel-rapl:0/energy_uj").unlink)


def board(nvml: Any, energy_mj: int | None) -> Instrument:
    now_s, paper = [0.0], nvml.boards[0]
    paper.energy_mj, paper.power_mw = energy_mj, WATTS * 1000
    clock = lambda: now_s[0]  # noqa: E731
    meter = nvml_module.open_meter("", clock=clock)

    def step() -> None:
        now_s[0] += STEP_S
        if energy_mj is not None:
            paper.energy_mj = energy_mj + round(now_s[0] * WATTS * 1000)
        meter.energy_j()  # by a clock that jumps, it must be read in between, as the thread does by the real one

    def breaks() -> None:
        paper.lost = True

    return Instrument(meter, clock, step, breaks)


OPENED: dict[str, Callable[[Any, Any], Instrument]] = {
    "nameplate": nameplate,
    "rapl": rapl,
    "nvml": lambda _, nvml: board(nvml, 5000),
    "nvml, polled": lambda _, nvml: board(nvml, None),
}


@pytest.fixture(params=list(OPENED))
def instrument(request: pytest.FixtureRequest, powercap: Any, nvml: Any) -> Iterator[Instrument]:
    opened = OPENED[request.param](powercap, nvml)
    yield opened
    getattr(opened.meter, "close", lambda: None)()


def test_every_meter_of_the_table_is_here() -> None:
    assert {name.split(",")[0] for name in OPENED} == set(METERS)


def test_it_says_what_it_is(instrument: Instrument) -> None:
    meter = instrument.meter
    assert all(isinstance(word, str) and word for word in (meter.source, meter.boundary))
    assert meter.kind in SPEECH


def test_energy_is_in_joules_from_0_on_and_never_falls(instrument: Instrument) -> None:
    readings = [instrument.meter.energy_j()]
    for _ in range(12):
        instrument.step()
        readings.append(instrument.meter.energy_j())
        readings.append(instrument.meter.energy_j())
    assert readings == sorted(readings)
    assert all(isfinite(energy_j) for energy_j in readings)
    assert readings[0] == 0
    assert readings[-1] == pytest.approx(12 * STEP_S * WATTS)


def test_a_benchmark_gets_its_watts(instrument: Instrument) -> None:
    """Ten seconds idle and twenty at work, all at 250 W."""

    def passes(seconds: float) -> None:
        for _ in range(round(seconds / STEP_S)):
            instrument.step()

    def work(seconds: float) -> Sample:
        passes(seconds)
        return Sample(hashes=10**9, elapsed_s=seconds, verified_hits=(0,), threads=1, core_clock_hz=None)

    energy = measure_energy(EnergyPlan(meter=instrument.meter, clock=instrument.clock, sleep=passes), work)
    assert (energy.idle_w, energy.mean_w) == (pytest.approx(WATTS), pytest.approx(WATTS))
    assert (energy.source, energy.boundary, energy.kind) == (
        instrument.meter.source,
        instrument.meter.boundary,
        instrument.meter.kind,
    )


def test_what_cannot_be_read_is_an_error_and_no_number(instrument: Instrument) -> None:
    """Now and later; and the command line knows it for what it is."""
    if instrument.breaks is None:
        pytest.skip("there is nothing that could break")
    instrument.step()
    instrument.breaks()
    for _ in range(3):
        with pytest.raises(OSError, match=r".") as caught:
            instrument.meter.energy_j()
        assert isinstance(caught.value, MeterError)
        time.sleep(0.01)
