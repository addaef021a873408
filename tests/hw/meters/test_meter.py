"""Energy is exact for piecewise-constant power, whenever one looks; powers between looks add up to it."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from itertools import pairwise
from math import floor, fsum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.errors import MeterUnavailableError, NoPowerYetError
from hw.meters.load import StepLoad
from hw.meters.meter import Label, MeanPower
from hw.meters.rapl import RaplMeter
from hw.meters.simulated import Circuit, SensorModel, SimulatedMeter
from hw.power import PowerSample

UJ_PER_J = 10**6
RANGE_UJ = 262_143_328_850

eighths = st.integers(1, 8 * 3600).map(lambda number: number / 8)  # products and sums of these are exact in floats
steps_of_power = st.lists(st.tuples(eighths, st.integers(0, 40_000).map(lambda number: number / 8)), min_size=1, max_size=12)
steps_of_a_package = st.lists(
    st.tuples(eighths, st.integers(0, 16_000).map(lambda number: number / 8)), min_size=1, max_size=12
)
moments = st.lists(eighths, min_size=1, max_size=12)
any_power = st.floats(0, 1e7, allow_nan=False)
any_steps = st.lists(st.tuples(st.floats(1e-3, 1e5), any_power), min_size=1, max_size=12)


def load_of(pieces: list[tuple[float, float]], from_s: float = 0.0) -> StepLoad:
    """Return powers that follow each other, each for so many seconds, the last for ever."""
    changes = []
    for length_s, power_w in pieces:
        changes.append((from_s, power_w))
        from_s += length_s
    return StepLoad(tuple(changes))


def exact_j(load: StepLoad, from_s: float, to_s: float) -> Fraction:
    """Return the energy by fractions, second by second of the definition."""
    edges = sorted({from_s, to_s, *(time_s for time_s, _ in load.changes if from_s < time_s < to_s)})
    return sum(
        (Fraction(load.power_w(start_s)) * (Fraction(end_s) - Fraction(start_s)) for start_s, end_s in pairwise(edges)),
        Fraction(0),
    )


def sampled(load: StepLoad, gaps_s: list[float]) -> list[PowerSample]:
    now_s = [0.0]
    circuit = Circuit(load=load, name="a machine")
    meter = SimulatedMeter(circuit, SensorModel(), rng=np.random.default_rng(0), clock=lambda: now_s[0])
    samples = []
    for gap_s in gaps_s:
        now_s[0] += gap_s
        samples.append(meter.sample())
    return samples


@given(steps_of_power, moments)
def test_energy_is_exact_whatever_the_steps_and_the_sampling_times(
    pieces: list[tuple[float, float]], gaps_s: list[float]
) -> None:
    """To the last bit, where floats hold the numbers exactly."""
    load = load_of(pieces)
    for sample in sampled(load, gaps_s):
        assert Fraction(sample.energy_j or 0.0) == exact_j(load, 0.0, sample.time_s)


@given(any_steps, st.lists(st.floats(1e-3, 1e5), min_size=1, max_size=12))
def test_of_any_floats_energy_is_exact_but_for_rounding(pieces: list[tuple[float, float]], gaps_s: list[float]) -> None:
    load = load_of(pieces)
    for sample in sampled(load, gaps_s):
        assert sample.energy_j == pytest.approx(float(exact_j(load, 0.0, sample.time_s)), rel=1e-14)


@given(any_steps, st.lists(st.floats(1e-3, 1e5), min_size=1, max_size=12))
def test_powers_times_times_add_up_to_the_energy(pieces: list[tuple[float, float]], gaps_s: list[float]) -> None:
    samples = sampled(load_of(pieces), gaps_s)
    spans_s = [later - earlier for earlier, later in pairwise([0.0, *(sample.time_s for sample in samples)])]
    parts_j = fsum(sample.power_w * span_s for sample, span_s in zip(samples, spans_s, strict=True))
    assert parts_j == pytest.approx(samples[-1].energy_j, rel=1e-12, abs=1e-9)
    assert [sample.energy_j for sample in samples] == sorted(sample.energy_j or 0.0 for sample in samples)


@settings(max_examples=60)
@given(
    steps_of_a_package,
    st.lists(st.integers(1, 130 * 8).map(lambda number: number / 8), min_size=1, max_size=8),
    st.integers(0, RANGE_UJ),
)
def test_a_counter_that_wraps_is_exact_to_its_microjoule(
    pieces: list[tuple[float, float]], gaps_s: list[float], first_uj: int
) -> None:
    """RAPL at up to 2 kW, read at least every 130 s: once a wrap."""
    load, now_s = load_of(pieces), [0.0]
    with tempfile.TemporaryDirectory() as folder:
        zone = Path(folder) / "intel-rapl:0"
        zone.mkdir()
        (zone / "name").write_text("package-0\n")
        (zone / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n")

        def count() -> int:
            drawn_uj = floor(exact_j(load, 0.0, now_s[0]) * UJ_PER_J)
            (zone / "energy_uj").write_text(f"{(first_uj + drawn_uj) % (RANGE_UJ + 1)}\n")
            return drawn_uj

        count()
        meter = RaplMeter(root=Path(folder), clock=lambda: now_s[0], every_s=None)
        for gap_s in gaps_s:
            now_s[0] += gap_s
            drawn_uj = count()
            sample = meter.sample()
            assert sample.energy_j == drawn_uj / UJ_PER_J
            assert sample.energy_j == meter.energy_j()


class Counter:
    """A counter and a clock that stand where the test puts them."""

    def __init__(self) -> None:
        self.joules, self.now_s = 5.0, 10.0
        self.mean = MeanPower(
            lambda: self.joules, Label("a counter", "chip", "measured"), clock=lambda: self.now_s, least_s=2.0
        )

    def goes(self, seconds: float, joules: float) -> Counter:
        self.now_s += seconds
        self.joules += joules
        return self


class TestMeanPower:
    def test_the_first_sample_holds_what_passed_since_it_was_opened(self) -> None:
        sample = Counter().goes(2.0, 30.0).mean.sample()
        assert (sample.time_s, sample.power_w, sample.energy_j) == (12.0, 15.0, 35.0)
        assert (sample.source, sample.boundary, sample.quality) == ("a counter", "chip", "measured")

    def test_too_soon_there_is_no_power_rather_than_0(self) -> None:
        counter = Counter().goes(1.5, 0.0)
        with pytest.raises(NoPowerYetError) as caught:
            counter.mean.sample()
        assert str(caught.value) == "a counter: opened 1.5 s ago, too little to tell a power; want 2 s"
        assert counter.goes(0.5, 30.0).mean.sample().power_w == 15.0

    def test_too_soon_after_a_sample_that_is_given_again(self) -> None:
        counter = Counter()
        first = counter.goes(2.0, 30.0).mean.sample()
        assert counter.goes(1.0, 0.0).mean.sample() == first
        assert counter.goes(1.0, 8.0).mean.sample().power_w == 4.0  # nothing of what passed meanwhile is lost

    def test_0_watts_is_a_power_once_enough_time_has_passed(self) -> None:
        assert Counter().goes(3.0, 0.0).mean.sample().power_w == 0.0

    def test_a_clock_that_goes_back_makes_no_power(self) -> None:
        counter = Counter()
        first = counter.goes(2.0, 30.0).mean.sample()
        assert counter.goes(-5.0, 30.0).mean.sample() == first

    def test_an_energy_that_falls_is_refused(self) -> None:
        with pytest.raises(MeterUnavailableError, match=r"a counter: energy fell from 5.0 J to 4.0 J"):
            Counter().goes(2.0, -1.0).mean.sample()
