"""One suite for all meters: they add up joules, say what they are, and give no number where they cannot read one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from math import inf, isfinite, nan
from types import SimpleNamespace
from typing import Any, NamedTuple, get_args

import numpy as np
import pytest

from hw.emulators.wall_meter import KINDS, MeterFault, WallMeterSetting
from hw.errors import HardwareError, MeterError, NoPowerYetError
from hw.meters import nvml as nvml_module
from hw.meters import pzem as pzem_module
from hw.meters import sdm120 as sdm120_module
from hw.meters.meter import PowerMeter
from hw.meters.nameplate import NameplateMeter
from hw.meters.rapl import RaplMeter
from hw.meters.registry import METERS
from hw.meters.simulated import Circuit, SensorModel, SimulatedMeter
from hw.power import Boundary, Quality, energy_between_j
from miner.bench.energy import EnergyPlan, measure_energy
from miner.bench.sampling import Sample
from miner.meter import Resolution

WATTS = 250
STEP_S = 0.5


class Time:
    """A clock that goes when the test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def passes(self) -> None:
        self.now_s += STEP_S


class Instrument(NamedTuple):
    """A meter and the clock it goes by; how half a second passes at 250 W, how it breaks, and how it tells what cannot be."""

    meter: PowerMeter
    clock: Time
    step: Callable[[], None]
    breaks: Callable[[], None] | None
    spoils: Mapping[str, Callable[[], None]]


class Wires(NamedTuple):
    """Where a meter may find an instrument."""

    powercap: Any
    nvml: Any
    walls: Any


def nameplate(_: Wires) -> Instrument:
    clock = Time()
    return Instrument(NameplateMeter(WATTS, clock=clock), clock, clock.passes, None, {})  # nothing to read, nothing to break


def rapl(wires: Wires) -> Instrument:
    """One package that is about to wrap."""
    clock, first_uj, range_uj = Time(), 262_143_000_000, 262_143_328_850
    root = wires.powercap.zones(package=(first_uj, range_uj))
    counter = root / "intel-rapl:0/energy_uj"

    def step() -> None:
        clock.passes()
        wires.powercap.count(0, (first_uj + round((clock.now_s - 100) * WATTS * 1e6)) % (range_uj + 1))

    spoils = {text: lambda text=text: counter.write_text(text + "\n") for text in ("-5", "nan", "inf", "", "1e9")}
    return Instrument(RaplMeter(root=root, clock=clock, every_s=None), clock, step, counter.unlink, spoils)


def board(wires: Wires, energy_mj: int | None) -> Instrument:
    clock, paper = Time(), wires.nvml.boards[0]
    paper.energy_mj, paper.power_mw = energy_mj, WATTS * 1000
    meter = nvml_module.open_meter("", clock=clock)

    def step() -> None:
        clock.passes()
        if energy_mj is not None:
            paper.energy_mj = energy_mj + round((clock.now_s - 100) * WATTS * 1000)
        meter.energy_j()  # by a clock that jumps, it must be read in between, as the thread does by the real one

    what = "power_mw" if energy_mj is None else "energy_mj"
    return Instrument(
        meter,
        clock,
        step,
        lambda: setattr(paper, "lost", True),
        {"negative": lambda: setattr(paper, what, -5000), "nothing": lambda: setattr(paper, what, None)},
    )


def wall(wires: Wires, kind: str, module: Any) -> Instrument:
    """The real library on a real pseudo-terminal; the emulator at its other end goes by the test's clock too."""
    clock, broken = Time(), dict.fromkeys(MeterFault, (inf, inf))
    told = {"power_w": float(WATTS)}
    load = SimpleNamespace(power_w=lambda _: told["power_w"], energy_j=lambda from_s, to_s: WATTS * (to_s - from_s))
    setting = WallMeterSetting(kind=KINDS[kind], load=load, started_s=100.0, counted_wh=1234.5, answer_s=0.0, broken=broken)
    path = wires.walls.start(setting, clock).path
    meter = module.open_meter(f"{path},wait=0.15", clock=clock)
    spoils = {}
    if kind == "sdm120":  # a PZEM's registers have no sign and hold no floats
        spoils = {str(value): lambda value=value: told.update(power_w=value) for value in (-0.1, nan, inf, -inf)}
    for fault in (MeterFault.BAD_CRC, MeterFault.EXCEPTION):  # the others in test_wall_lines.py
        spoils[fault] = lambda fault=fault: broken.update({fault: (0.0, inf)})
    return Instrument(meter, clock, clock.passes, lambda: broken.update({MeterFault.NO_ANSWER: (0.0, inf)}), spoils)


def simulated(_: Wires, sensor: SensorModel) -> Instrument:
    clock = Time()
    power_w = [float(WATTS)]
    load = SimpleNamespace(power_w=lambda _: power_w[0], energy_j=lambda from_s, to_s: power_w[0] * (to_s - from_s))
    meter = SimulatedMeter(Circuit(load=load, name="a load"), sensor, rng=np.random.default_rng(7), clock=clock)
    spoils = {str(value): lambda value=value: power_w.__setitem__(0, value) for value in (-5.0, nan, inf)}
    return Instrument(meter, clock, clock.passes, None, spoils)


OPENED: dict[str, Callable[[Wires], Instrument]] = {
    "nameplate": nameplate,
    "rapl": rapl,
    "nvml": lambda wires: board(wires, 5000),
    "nvml, polled": lambda wires: board(wires, None),
    "pzem": lambda wires: wall(wires, "pzem", pzem_module),
    "sdm120": lambda wires: wall(wires, "sdm120", sdm120_module),
    "simulated": lambda wires: simulated(wires, SensorModel()),
    "simulated, in steps": lambda wires: simulated(wires, SensorModel(interval_s=0.125, window_s=1.0)),
}


RESOLUTIONS = {
    "nameplate": Resolution(),
    "rapl": Resolution(step_s=0.001),
    "nvml": Resolution(step_s=0.1, late_s=1.0),
    "nvml, polled": Resolution(step_s=0.1, late_s=1.0),
    "pzem": Resolution(step_w=0.1, late_s=0.5),
    "sdm120": Resolution(step_w=0.1, late_s=0.5),
    "simulated": Resolution(),
    "simulated, in steps": Resolution(late_s=1.125, every_s=0.125),
}
"""What docs/manual/meters.md says of them, with its sources."""


@pytest.fixture(params=list(OPENED))
def instrument(request: pytest.FixtureRequest, powercap: Any, nvml: Any, walls: Any) -> Iterator[Instrument]:
    opened = OPENED[request.param](Wires(powercap, nvml, walls))
    yield opened
    opened.meter.close()
    opened.meter.close()


def test_every_meter_of_the_table_is_here() -> None:
    assert {name.split(",")[0] for name in OPENED} == set(METERS)


def test_it_says_what_it_is(instrument: Instrument, request: pytest.FixtureRequest) -> None:
    meter = instrument.meter
    assert isinstance(meter, PowerMeter)
    assert all(isinstance(word, str) and word for word in (meter.source, meter.boundary))
    assert meter.kind in get_args(Quality)
    assert meter.resolution == RESOLUTIONS[request.node.callspec.params["instrument"]]


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


def test_samples_are_labelled_and_of_the_given_clock(instrument: Instrument) -> None:
    for _ in range(4):
        instrument.step()
    sample = instrument.meter.sample()
    assert sample.time_s == instrument.clock.now_s
    assert (sample.source, sample.quality) == (instrument.meter.source, instrument.meter.kind)
    assert sample.boundary in get_args(Boundary)
    assert instrument.meter.boundary_kind == sample.boundary.replace("machine", "wall")


def test_power_is_the_mean_since_the_sample_before_and_adds_up_to_the_energy(instrument: Instrument) -> None:
    samples = []
    for steps in (2, 3, 8, 2):
        for _ in range(steps):
            instrument.step()
        samples.append(instrument.meter.sample())
    assert samples[0].power_w == pytest.approx(WATTS)  # since it was opened
    for before, after in pairwise(samples):
        assert after.power_w * (after.time_s - before.time_s) == pytest.approx(energy_between_j(before, after))
        assert after.power_w == pytest.approx(WATTS)


def test_it_makes_up_no_power_where_no_time_has_passed(instrument: Instrument) -> None:
    """A nameplate states one all the same; asked again too soon, the others give the sample before."""
    if instrument.meter.kind == "nameplate":
        assert instrument.meter.sample().power_w == WATTS
        return
    with pytest.raises(NoPowerYetError, match=r"opened 0 s ago, too little to tell a power; want "):
        instrument.meter.sample()
    instrument.step()
    instrument.step()
    sample = instrument.meter.sample()
    assert sample.power_w == pytest.approx(WATTS)
    assert instrument.meter.sample() == sample


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
    assert energy.net_is_within_resolution
    meter = instrument.meter
    told = (energy.source, energy.boundary, energy.boundary_kind, energy.kind)
    assert told == (meter.source, meter.boundary, meter.boundary_kind, meter.kind)


def test_what_cannot_be_read_is_an_error_and_no_number(instrument: Instrument) -> None:
    """Now and later; and the command line knows it for what it is."""
    if instrument.breaks is None:
        pytest.skip("there is nothing that could break")
    instrument.step()
    instrument.breaks()
    for _ in range(3):
        for ask in (instrument.meter.energy_j, instrument.meter.sample):
            with pytest.raises(OSError, match=r".") as caught:
                ask()
            assert isinstance(caught.value, MeterError)
            assert "\n" not in str(caught.value)
        time.sleep(0.01)


@pytest.mark.parametrize("name", OPENED)
def test_what_cannot_be_is_an_error_and_no_number(name: str, powercap: Any, nvml: Any, walls: Any) -> None:
    """Negative, infinite, no number at all; and for those on a line, what is not their whole answer."""
    opened = OPENED[name](Wires(powercap, nvml, walls))
    for number, spoiled in enumerate(opened.spoils):
        opened.meter.close()
        powercap.root = powercap.root.parent / f"again{number}"
        opened = OPENED[name](Wires(powercap, nvml, walls))
        for _ in range(3):
            opened.step()
        opened.spoils[spoiled]()
        for ask in (opened.meter.energy_j, opened.meter.sample):
            opened.clock.passes()
            with pytest.raises(OSError, match=r".") as caught:
                ask()
            assert isinstance(caught.value, HardwareError)
    opened.meter.close()
