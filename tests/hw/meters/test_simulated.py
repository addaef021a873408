"""The meter on paper: each fault of its sensor, and that it does not matter how often it is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.errors import MeterError, MeterUnavailableError
from hw.meters.load import FunctionLoad, Load, StepLoad, constant_load
from hw.meters.registry import open_meter
from hw.meters.simulated import Circuit, SensorModel, SimulatedMeter
from miner.bench.energy import EnergyPlan, measure_energy
from miner.bench.sampling import Sample
from miner.meter import Resolution

RISE = StepLoad(((0.0, 100.0), (10.0, 300.0)))


class Simulated:
    """A meter and its clock."""

    def __init__(self, load: Load, seed: int = 0, **sensor: float) -> None:
        self.now_s = 0.0
        self.meter = SimulatedMeter(
            Circuit(load=load, name="a machine"),
            SensorModel(**sensor),
            rng=np.random.default_rng(seed),
            clock=lambda: self.now_s,
        )

    def energy_j(self, at_s: float) -> float:
        self.now_s = at_s
        return self.meter.energy_j()


def test_it_is_labelled_modelled() -> None:
    simulated = Simulated(RISE)
    simulated.now_s = 20.0
    sample = simulated.meter.sample()
    assert (simulated.meter.kind, sample.quality) == ("modelled", "modelled")
    assert (sample.source, sample.boundary, sample.power_w) == ("simulated meter at a machine", "wall", 200.0)


def test_gain_and_offset() -> None:
    assert Simulated(RISE, gain=1.02).energy_j(20.0) == pytest.approx(1.02 * 4000)
    assert Simulated(RISE, offset_w=5.0).energy_j(20.0) == pytest.approx(4100)
    assert Simulated(RISE, gain=1.02, offset_w=-5.0, interval_s=0.5).energy_j(20.0) == pytest.approx(1.02 * 4000 - 100)


def test_it_tells_no_less_than_0() -> None:
    assert Simulated(constant_load(3.0), offset_w=-5.0, interval_s=0.5).energy_j(20.0) == 0.0


def test_what_it_tells_stands_until_it_tells_anew() -> None:
    """Read every 4 s from 0 on: at 8 s still 100 W, which holds until 12 s; then 300 W."""
    simulated = Simulated(RISE, interval_s=4.0)
    assert [simulated.energy_j(at_s) for at_s in (8.0, 11.0, 12.0, 13.0, 16.0)] == [800.0, 1100.0, 1200.0, 1500.0, 2400.0]


def test_a_window_smears_a_step() -> None:
    """Of the 4 s before 12 s, half were at 100 W and half at 300 W."""
    simulated = Simulated(RISE, interval_s=1.0, window_s=4.0)
    ends_j = [simulated.energy_j(float(at_s)) for at_s in range(10, 17)]
    assert np.diff(ends_j) == pytest.approx([100.0, 150.0, 200.0, 250.0, 300.0, 300.0])


def test_noise_is_normal_and_of_the_given_generator() -> None:
    simulated = Simulated(constant_load(1000.0), seed=5, noise_w=20.0, interval_s=1.0)
    ends_j = np.array([simulated.energy_j(float(at_s)) for at_s in range(4001)])
    told_w = np.diff(ends_j)
    expected_w = 1000.0 + 20.0 * np.random.default_rng(5).standard_normal(4000)
    np.testing.assert_allclose(told_w, expected_w, rtol=1e-9)
    assert told_w.std() == pytest.approx(20.0, rel=0.05)


@given(st.lists(st.floats(0.01, 30.0), max_size=20))
def test_how_often_it_is_read_changes_nothing(gaps_s: list[float]) -> None:
    sensor = {"noise_w": 8.0, "interval_s": 0.5, "window_s": 2.0, "gain": 0.99}
    often, once = Simulated(RISE, seed=3, **sensor), Simulated(RISE, seed=3, **sensor)
    now_s, readings = 0.0, [0.0]
    for gap_s in gaps_s:
        now_s += gap_s
        readings.append(often.energy_j(now_s))
    assert readings == sorted(readings)
    assert once.energy_j(now_s) == readings[-1]


@pytest.mark.parametrize(
    ("sensor", "sentence"),
    [
        ({"gain": 0.0}, "gain is 0.0; want a number above 0"),
        ({"gain": float("nan")}, "gain is nan"),
        ({"offset_w": float("inf")}, "offset_w is inf"),
        ({"noise_w": -1.0, "interval_s": 1.0}, "noise_w is -1.0"),
        ({"window_s": float("nan")}, "window_s is nan"),
        ({"interval_s": -1.0}, "interval_s is -1.0"),
        ({"noise_w": 1.0}, "want an interval above 0"),
        ({"window_s": 1.0}, "want an interval above 0"),
        ({"offset_w": -1.0}, "want an interval above 0"),
    ],
)
def test_sensors_that_cannot_be(sensor: dict[str, float], sentence: str) -> None:
    with pytest.raises(MeterError, match=sentence):
        SensorModel(**sensor)


def test_an_interval_that_is_far_too_short_for_its_readings_is_a_sentence() -> None:
    with pytest.raises(MeterUnavailableError, match="updates since it was read; want a longer interval"):
        Simulated(RISE, interval_s=1e-6).energy_j(20.0)


def test_a_load_that_gives_no_power_is_a_meter_that_cannot_be_read() -> None:
    """As that of an emulated machine may; whoever reads a meter waits for an OSError."""
    simulated = Simulated(FunctionLoad(lambda time_s: 5.0 - time_s, 1.0))
    assert simulated.energy_j(4.0) == 12.0
    with pytest.raises(MeterUnavailableError, match=r"simulated meter at a machine: a power of -0\.5 W at 5\.5 s"):
        simulated.energy_j(6.0)


def test_its_resolution_follows_from_its_sensor() -> None:
    assert open_meter("simulated:65").resolution == Resolution()
    told = open_meter("simulated:65,noise=5,interval=1,window=2").resolution
    assert told == Resolution(late_s=3.0, noise_w=5.0, every_s=1.0)


@pytest.mark.parametrize(("interval_s", "window_s"), [(0.5, 20.0), (7.0, 20.0), (30.0, 20.0)])
def test_means_scatter_by_no_more_than_its_resolution_tells(interval_s: float, window_s: float) -> None:
    """Of many windows of a constant load; where updates are rarer than windows, a mean is as noisy as one update at most."""
    simulated = Simulated(constant_load(1000.0), seed=3, noise_w=20.0, interval_s=interval_s)
    ends_j = [simulated.energy_j(window_s * number) for number in range(2001)]
    scatter_w = (np.diff(ends_j) / window_s).std()
    told_w = simulated.meter.resolution.noise_of_mean_w(window_s)
    assert 0.7 * told_w < scatter_w < 1.05 * told_w
    assert told_w <= 20.0


def test_of_a_constant_load_a_benchmark_tells_no_net_but_by_chance() -> None:
    """One in 1,000 by its limit; of 400 honest meters, five or more come by chance once in 16,000 times."""
    told = 0
    for seed in range(400):
        simulated = Simulated(constant_load(65.0), seed=seed, noise_w=5.0, interval_s=1.0)

        def passes(seconds: float, simulated: Simulated = simulated) -> Sample:
            simulated.now_s += seconds
            return Sample(hashes=10**9, elapsed_s=seconds, verified_hits=(0,), threads=1)

        plan = EnergyPlan(meter=simulated.meter, clock=lambda one=simulated: one.now_s, sleep=passes)
        told += not measure_energy(plan, passes).net_is_within_resolution
    assert told < 5


class TestSpecification:
    def test_a_load_of_so_many_watts(self) -> None:
        meter = open_meter("simulated:250,boundary=chip,gain=1.5,offset=-25,noise=3,window=1,interval=0.1,seed=9")
        assert (meter.source, meter.boundary) == ("simulated meter at 250 W", "chip (simulated)")
        assert meter.boundary_kind == "chip"

    @pytest.mark.parametrize(
        ("rest", "sentence"),
        [
            ("", "simulated: no number of watts is given; want for example simulated:350"),
            ("1e13", "simulated:1e13; want a number of watts, 0 or more, up to 1e+12"),
            ("5,interval=1e-9", "simulated: interval=1e-9; want 0.01 s or more, or 0 for all times"),
            ("5,gain=1e308", "simulated:5,gain=1e308; want gain, offset and noise of up to 1e+12"),
            ("lots", "simulated: WATTS=lots; want a number"),
            ("nan", "simulated: WATTS=nan"),
            ("-1", "simulated:-1; want a number of watts, 0 or more"),
            ("5,gain=", "simulated: option 'gain='; want gain=VALUE, and once"),
            ("5,gain=1,gain=2", "simulated: option 'gain=2'"),
            ("5,gain=x", "simulated: gain=x; want a number"),
            ("5,price=1", "simulated: no option 'price'; known: boundary, gain, offset"),
            ("5,boundary=moon", "simulated: boundary=moon; want one of machine, site, chip"),
            ("5,seed=-1", "simulated: seed=-1; want a whole number from 0 to"),
            ("5,noise=1", "want an interval above 0"),
        ],
    )
    def test_what_is_refused(self, rest: str, sentence: str) -> None:
        with pytest.raises(MeterError) as caught:
            open_meter("simulated:" + rest)
        assert sentence in str(caught.value)


def test_a_nameplate_may_say_where_its_watts_hold() -> None:
    stated: Any = open_meter("nameplate:65,boundary=chip")
    assert (stated.boundary, stated.sample().boundary) == ("chip, as stated", "chip")
    assert (stated.boundary_kind, open_meter("nameplate:65").boundary_kind) == ("chip", "wall")
    assert open_meter("nameplate:65").sample().boundary == "machine"
    with pytest.raises(MeterError, match="nameplate: boundary=moon; want one of"):
        open_meter("nameplate:65,boundary=moon")
