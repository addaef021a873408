"""Voltage over clock: monotone, exact at the points, marked beyond them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.errors import CatalogueError, ModelError, OperatingPointError, UnknownMachineError
from hw.voltage import (
    CHIP_COLUMNS,
    LADDER_COLUMNS,
    VoltageCurve,
    chip_curve,
    chip_points,
    fitted_line,
    parse_chip_points,
    parse_ladders,
    voltage_ladder,
)


def curve(clocks: tuple[float, ...], volts: tuple[float, ...], node: str = "chip") -> VoltageCurve:
    return VoltageCurve(
        frequencies_mhz=clocks,
        voltages_v=volts,
        node=node,  # type: ignore[arg-type]
        source="a test",
        as_of="2026",
        basis="assumed",
    )


@st.composite
def curves(draw: st.DrawFn) -> VoltageCurve:
    steps = draw(st.lists(st.tuples(st.integers(1, 200), st.integers(0, 500)), min_size=2, max_size=6))
    clock, millivolts, points = 100, 500, []
    for more_mhz, more_mv in steps:
        clock, millivolts = clock + more_mhz, millivolts + more_mv
        points.append((float(clock), millivolts / 1000))
    clocks, volts = zip(*points, strict=True)
    return curve(clocks, volts)


def test_the_luxos_ladder_is_the_published_one() -> None:
    """Five profiles, and 13.4 V is the voltage of a string of chips, not of one chip."""
    ladder = voltage_ladder("Antminer S19j Pro")
    published = {495: 13.2, 520: 13.3, 545: 13.4, 570: 13.5, 595: 13.6}
    assert dict(zip(ladder.frequencies_mhz, ladder.voltages_v, strict=True)) == published
    assert ladder.node == "string"
    assert [ladder.voltage(mhz).voltage_v for mhz in published] == list(published.values())
    assert not any(ladder.voltage(mhz).extrapolated for mhz in (495, 500, 545, 595))


@pytest.mark.parametrize(
    ("mhz", "volt"),
    [
        pytest.param(470, 13.1, id="the next profile below"),
        pytest.param(145, 11.8, id="the lowest of the 16 that LuxOS makes, 0.1 V for 25 MHz"),
        pytest.param(745, 14.2, id="the highest of the 8 above"),
    ],
)
def test_beyond_the_ladder_its_line_goes_on_and_is_marked(mhz: float, volt: float) -> None:
    voltage = voltage_ladder("Antminer S19j Pro").voltage(mhz)
    assert voltage.extrapolated
    assert voltage.voltage_v == pytest.approx(volt)


@given(curves(), st.floats(min_value=0, max_value=1), st.floats(min_value=0, max_value=1))
def test_between_points_the_voltage_never_falls_with_the_clock(ladder: VoltageCurve, one: float, other: float) -> None:
    first, last = ladder.frequencies_mhz[0], ladder.frequencies_mhz[-1]
    slow, fast = sorted((first + (last - first) * one, first + (last - first) * other))
    at_slow, at_fast = ladder.voltage(slow), ladder.voltage(fast)
    assert at_slow.voltage_v <= at_fast.voltage_v + 1e-12
    assert ladder.voltages_v[0] - 1e-12 <= at_slow.voltage_v <= ladder.voltages_v[-1] + 1e-12


@given(curves())
def test_at_a_point_the_published_voltage_comes_out(ladder: VoltageCurve) -> None:
    read = [ladder.voltage(clock) for clock in ladder.frequencies_mhz]
    assert tuple(voltage.voltage_v for voltage in read) == ladder.voltages_v
    assert not any(voltage.extrapolated for voltage in read)


def test_the_bm1384_needs_about_0_8_mv_for_a_megahertz() -> None:
    line = fitted_line(chip_curve("BM1384"))
    (low_mhz, high_mhz), (low_v, high_v) = line.frequencies_mhz, line.voltages_v
    assert (low_mhz, round(high_mhz)) == (150, 400)
    assert (high_v - low_v) / (high_mhz - low_mhz) * 1000 == pytest.approx(0.78, abs=0.02)
    for point in chip_points("BM1384"):
        assert line.voltage(point.frequency_mhz).voltage_v == pytest.approx(point.voltage_v, abs=0.02)
    assert line.basis == "derived"


def test_a_line_through_points_of_a_line_is_that_line() -> None:
    ladder = voltage_ladder("Antminer S19j Pro")
    assert fitted_line(ladder).voltage(530).voltage_v == pytest.approx(ladder.voltage(530).voltage_v, rel=1e-12)


def test_a_scaled_curve_is_assumed() -> None:
    scaled = voltage_ladder("Antminer S19j Pro").scaled(frequency=0.5, voltage=0.1)
    assert scaled.voltage(272.5).voltage_v == pytest.approx(1.34)
    assert scaled.basis == "assumed"


def test_far_below_the_points_there_is_no_voltage() -> None:
    with pytest.raises(OperatingPointError, match="so far below the points, from 400 MHz on"):
        curve((400, 500), (0.5, 1.0)).voltage(250)


@pytest.mark.parametrize("mhz", [0, -5, float("nan"), float("inf")])
def test_a_clock_that_is_none_is_refused(mhz: float) -> None:
    with pytest.raises(OperatingPointError, match="want a finite number above 0"):
        voltage_ladder("Bitaxe Gamma").voltage(mhz)


@pytest.mark.parametrize(
    ("clocks", "volts", "node", "sentence"),
    [
        ((400.0,), (1.0,), "chip", "1 clocks and 1 voltages; want one for each, two or more"),
        ((400.0, 500.0), (1.0,), "chip", "2 clocks and 1 voltages"),
        ((400.0, 400.0), (1.0, 1.1), "chip", "want them rising"),
        ((400.0, 500.0), (1.1, 1.0), "chip", "want none below the one before"),
        ((0.0, 500.0), (1.1, 1.2), "chip", "want finite numbers above 0"),
        ((400.0, 500.0), (1.0, 1.1), "board", "node is 'board'; want one of chip, string"),
    ],
)
def test_points_without_a_curve_are_refused(
    clocks: tuple[float, ...], volts: tuple[float, ...], node: str, sentence: str
) -> None:
    with pytest.raises(ModelError) as caught:
        curve(clocks, volts, node)
    assert sentence in str(caught.value)


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(UnknownMachineError, match="no voltage ladder 'S7'; known: Antminer S19j Pro, Bitaxe Gamma"):
        voltage_ladder("S7")
    with pytest.raises(UnknownMachineError, match="no operating points of chip 'BM1'; known: BM1384"):
        chip_points("BM1")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("X,500,1.1,chip,s,2026,assumed\nX,500,1.2,chip,s,2026,assumed", "t.csv, ladder 'X': clocks"),
        ("X,fast,1.1,chip,s,2026,assumed", "t.csv, line 2, frequency_mhz: 'fast' is not a number"),
        ("X,500,1.1,chip,,2026,assumed", "t.csv, line 2, source: empty"),
    ],
)
def test_a_broken_ladder_is_refused(line: str, sentence: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        parse_ladders(",".join(LADDER_COLUMNS) + "\n" + line + "\n", where="t.csv")
    assert sentence in str(caught.value)


def test_one_assumed_point_makes_a_ladder_assumed() -> None:
    assert voltage_ladder("Antminer S19j Pro").basis == "datasheet"
    assert voltage_ladder("Bitaxe Gamma").basis == "assumed"


def test_a_chip_point_of_nothing_is_refused() -> None:
    with pytest.raises(CatalogueError, match=r"t.csv, line 2: .* want numbers above 0"):
        parse_chip_points(",".join(CHIP_COLUMNS) + "\nBM1,0,1,1,1,s,2026\n", where="t.csv")
