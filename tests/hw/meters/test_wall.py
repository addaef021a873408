"""Power that is added up and held to a coarse counter: never off by more than two of its steps, and exact over a short time."""

from __future__ import annotations

from math import floor, inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.errors import MeterError, MeterUnavailableError
from hw.meters.load import StepLoad, constant_load
from hw.meters.wall import WallMeter, WallReading
from miner.meter import Resolution

STEP_J = 3600.0


class PaperInstrument:
    """An instrument that tells what the test says, or the power and the counted steps of a load."""

    name, step_j, step_w = "an instrument", STEP_J, 0.1

    def __init__(self, load: StepLoad, began_j: float = 0.0) -> None:
        self.load, self.began_j, self.now_s = load, began_j, 0.0
        self.tells: WallReading | None = None
        self.fails = self.closed = False
        self.takes_s = 0.0

    def clock(self) -> float:
        return self.now_s

    def energy_j(self) -> float:
        return self.load.energy_j(0.0, self.now_s)

    def read(self) -> WallReading:
        if self.fails:
            raise MeterUnavailableError("an instrument: no answer")
        self.now_s += self.takes_s
        counted_j = floor((self.began_j + self.energy_j()) / STEP_J) * STEP_J
        return self.tells or WallReading(self.load.power_w(self.now_s), counted_j)

    def close(self) -> None:
        self.closed = True


def opened(instrument: PaperInstrument) -> WallMeter:
    return WallMeter(instrument, clock=instrument.clock, every_s=None)


@given(
    st.lists(st.tuples(st.integers(1, 2000), st.integers(0, 5000)), min_size=1, max_size=8),
    st.lists(st.floats(0.01, 3000), min_size=1, max_size=12),
    st.floats(0, 1e6),
)
def test_whatever_is_drawn_and_whenever_it_is_read(pieces: list[tuple[int, int]], gaps_s: list[float], began_j: float) -> None:
    """Any steps of power, any gaps between readings: two steps of the counter at most, and it never falls."""
    changes, now_s = [], 0.0
    for length_s, power_w in pieces:
        changes.append((now_s, float(power_w)))
        now_s += length_s
    instrument = PaperInstrument(StepLoad(tuple(changes)), began_j)
    meter, before_j = opened(instrument), 0.0
    for gap_s in gaps_s:
        instrument.now_s += gap_s
        told_j = meter.energy_j()
        assert told_j >= before_j
        assert abs(told_j - instrument.energy_j()) <= 2 * STEP_J * (1 + 1e-9)
        before_j = told_j


@given(st.floats(0, 5000), st.lists(st.floats(0.01, 20), min_size=1, max_size=12), st.floats(0, 1e6))
def test_a_steady_power_is_exact_long_before_the_counter_moves(power_w: float, gaps_s: list[float], began_j: float) -> None:
    instrument = PaperInstrument(constant_load(power_w), began_j)
    meter = opened(instrument)
    for gap_s in gaps_s:
        instrument.now_s += gap_s
        assert meter.energy_j() == pytest.approx(power_w * instrument.now_s, rel=1e-9, abs=1e-6)


@given(st.floats(1, 5000), st.floats(0.01, 2.0), st.lists(st.floats(0.01, 20), min_size=1, max_size=12))
def test_the_energy_is_that_of_the_moment_of_asking(power_w: float, takes_s: float, gaps_s: list[float]) -> None:
    """However long an answer takes."""
    instrument = PaperInstrument(constant_load(power_w))
    meter = opened(instrument)
    opened_s, instrument.takes_s = instrument.now_s, takes_s
    for gap_s in gaps_s:
        instrument.now_s += gap_s
        asked_s = instrument.now_s
        assert meter.energy_j() == pytest.approx(power_w * (asked_s - opened_s), rel=1e-9)


def test_a_step_between_two_readings_is_off_by_half_a_reading_at_most() -> None:
    instrument = PaperInstrument(StepLoad(((0.0, 100.0), (10.1, 900.0))))
    meter = opened(instrument)
    while instrument.now_s < 20.0:
        instrument.now_s += 0.5
        told_j = meter.energy_j()
    assert abs(told_j - instrument.energy_j()) <= 800 * 0.5 / 2


def test_what_passes_while_nothing_answers_is_counted() -> None:
    """Ten minutes at 3 kW that nobody saw: 500 Wh, told to within two."""
    instrument = PaperInstrument(StepLoad(((0.0, 100.0), (5.0, 3000.0), (605.0, 100.0))))
    meter = opened(instrument)
    instrument.now_s = 4.0
    assert meter.energy_j() == pytest.approx(400.0)
    instrument.fails = True
    for at_s in (100.0, 300.0, 605.0):
        instrument.now_s = at_s
        with pytest.raises(MeterUnavailableError, match="no answer"):
            meter.energy_j()
    instrument.fails, instrument.now_s = False, 610.0
    assert abs(meter.energy_j() - instrument.energy_j()) <= 2 * STEP_J
    assert instrument.energy_j() > 1.8e6


def test_it_says_what_it_does() -> None:
    meter = opened(PaperInstrument(constant_load(100.0)))
    assert meter.source == ("an instrument, power read every 0.5 s and added up, held to its energy counter (steps of 1 Wh)")
    assert (meter.kind, meter.boundary) == ("integrated", "wall plug (all that hangs on the meter)")
    assert (meter.boundary_kind, meter.resolution) == ("wall", Resolution(step_w=0.1, late_s=0.5))


def test_a_counter_that_falls_is_an_error_for_good() -> None:
    instrument = PaperInstrument(constant_load(3600.0), began_j=36_000.0)
    meter = opened(instrument)
    instrument.tells = WallReading(100.0, 3600.0)
    for _ in range(2):
        with pytest.raises(MeterUnavailableError) as caught:
            meter.energy_j()
        assert str(caught.value) == "an instrument: its energy counter fell from 36000 J to 3600 J: was it reset?"
        instrument.tells = None


@pytest.mark.parametrize(
    ("reading", "sentence"),
    [
        (WallReading(-0.1, 0.0), "it tells power of -0.1 W; want 0 or more: is it wired the right way round"),
        (WallReading(nan, 0.0), "it tells power of nan W"),
        (WallReading(inf, 0.0), "it tells power of inf W"),
        (WallReading(1.0, -1.0), "it tells energy of -1 J"),
        (WallReading(1.0, nan), "it tells energy of nan J"),
    ],
)
def test_readings_that_cannot_be(reading: WallReading, sentence: str) -> None:
    """As it is opened, and later; nothing of them is added up."""
    instrument = PaperInstrument(constant_load(100.0))
    meter = opened(instrument)
    instrument.now_s, instrument.tells = 1.0, reading
    with pytest.raises(MeterError, match=sentence):
        meter.energy_j()
    with pytest.raises(MeterError, match=sentence):
        opened(instrument)
    assert instrument.closed
    instrument.tells = None
    assert meter.energy_j() == 100.0


def test_0_watts_is_a_power() -> None:
    """A machine may be off."""
    instrument = PaperInstrument(constant_load(0.0))
    meter = opened(instrument)
    instrument.now_s = 100.0
    assert (meter.energy_j(), meter.sample().power_w) == (0.0, 0.0)


def test_closed_it_tells_no_more() -> None:
    instrument = PaperInstrument(constant_load(100.0))
    meter = opened(instrument)
    meter.close()
    assert instrument.closed
    with pytest.raises(MeterUnavailableError, match="an instrument: closed"):
        meter.energy_j()
