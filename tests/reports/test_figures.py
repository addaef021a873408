"""The figures' data, not their pixels: what is drawn, in which unit, under which label, from small tables made by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from reports.figures import hashrate, intervals, power, retargets
from reports.figures.data import RunTables
from reports.figures.pictures import PICTURES, draw_picture
from reports.tables_schema import SCHEMAS

START = datetime(2021, 6, 18, tzinfo=UTC)
HOURS = 72
MARK = (START + timedelta(hours=40), "the cut")
HEIGHTS = (683424, 685440)
DRAW: dict[str, Callable[[RunTables], Figure]] = {
    "hashrate": hashrate.draw,
    "retargets": retargets.draw,
    "power": power.draw,
    "intervals": intervals.draw,
}


def table(name: str, **columns: Any) -> pa.Table:
    """Make a table of the schema of that name; numbers that are not given, because no figure draws them, are 1."""
    ones = [1] * len(next(iter(columns.values())))
    schema = SCHEMAS[name]
    return pa.Table.from_arrays([pa.array(columns.get(field.name, ones), type=field.type) for field in schema], schema=schema)


def hours(count: int) -> list[datetime]:
    return [START + timedelta(hours=hour) for hour in range(count)]


def regions(power_w: dict[str, list[float]]) -> pa.Table:
    """Make a regions table; only its power is drawn."""
    count = len(next(iter(power_w.values())))
    return table(
        "regions",
        time_utc=[moment for moment in hours(count) for _ in power_w],
        region=list(power_w) * count,
        power_w=[power_w[name][hour] for hour in range(count) for name in power_w],
    )


@pytest.fixture(scope="module")
def tables() -> RunTables:
    """Return three days of two regions, two epochs of three replicates, and a comparison."""
    rate = 1e18 * (100 + np.arange(HOURS))
    spans_s = (1_209_000, 1_612_000, 1_813_500, 1_007_500, 1_208_000, 1_410_500)
    epochs = table(
        "epochs",
        replicate=[0, 0, 1, 1, 2, 2],
        first_height=list(HEIGHTS) * 3,
        span_s=spans_s,
    )
    comparison = table(
        "comparison",
        first_height=HEIGHTS,
        first_time_utc=[START, START + timedelta(days=14)],
        observed_ehps=[150.0, 100.0],
        simulated_change_pct=[-7.0, 3.0],
        observed_change_pct=[-16.0, 6.0],
        observed_interval_s=[720.0, 900.0],
    )
    network = table(
        "network",
        time_utc=hours(HOURS),
        hashrate_hps=rate,
        p05_hps=rate * 0.9,
        p50_hps=rate * 1.01,
        p95_hps=rate * 1.2,
        without_cut_p50_hps=[np.nan] * 24 + [2e20] * 48,
    )
    in_two = regions({"Sichuan": [2e9] * 40 + [0.0] * 32, "Texas": [5e8] * HOURS})
    return RunTables(network=network, regions=in_two, epochs=epochs, comparison=comparison, marks=(MARK,))


def axes_of(figure: Figure) -> Axes:
    (axes,) = figure.axes
    return axes


def line(axes: Axes, label: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the data of the one line with that label."""
    (found,) = [entry for entry in axes.get_lines() if entry.get_label() == label]
    return np.asarray(found.get_xdata()), np.asarray(found.get_ydata(), dtype=float)


def band(axes: Axes, label: str) -> np.ndarray:
    """Return the corners of the one filled area with that label."""
    (found,) = [entry for entry in axes.collections if entry.get_label() == label]
    return found.get_paths()[0].vertices


def legend(axes: Axes) -> set[str]:
    return {text.get_text() for text in axes.get_legend().get_texts()}


def test_the_hash_rate_is_drawn_once_a_day_in_ehps(tables: RunTables) -> None:
    axes = axes_of(hashrate.draw(tables))
    assert axes.get_ylabel() == "hash rate (EH/s)"
    assert axes.get_xlabel() == "date (UTC)"
    assert axes.get_ylim()[0] == 0
    times, rates = line(axes, "run 0")
    assert list(times) == [np.datetime64(START.replace(tzinfo=None) + timedelta(days=day)) for day in range(3)]
    assert list(rates) == [100, 124, 148]
    assert list(line(axes, "simulated, median")[1]) == pytest.approx([101, 125.24, 149.48])
    corners = band(axes, "simulated, 90 % of the runs")[:, 1]
    assert (corners.min(), corners.max()) == pytest.approx((90, 148 * 1.2))
    spared = line(axes, "median of the same worlds without the cut")[1]
    assert np.isnan(spared[0])
    assert list(spared[1:]) == [200, 200]


def test_each_real_epoch_is_a_bar_of_its_own_length_and_error(tables: RunTables) -> None:
    axes = axes_of(hashrate.draw(tables))
    label = "real chain, epoch by epoch (± 2.2 %)"
    times, rates = line(axes, label)
    assert list(rates) == [150, 150]
    assert times[1] - times[0] == np.timedelta64(2015 * 720, "s")
    assert label in legend(axes)
    flat = [
        entry.get_ydata()[0] for entry in axes.get_lines() if len(set(entry.get_ydata())) == 1 and len(entry.get_xdata()) == 2
    ]
    assert {150.0, 100.0} <= set(flat)
    edges = sorted({round(float(y), 6) for entry in axes.collections[1:] for y in entry.get_paths()[0].vertices[:, 1]})
    assert edges == [97.8, 102.2, 146.7, 153.3]


def test_a_mark_is_a_line_with_its_label(tables: RunTables) -> None:
    for draw in (hashrate.draw, power.draw):
        axes = axes_of(draw(tables))
        assert [text.get_text() for text in axes.texts] == ["the cut"]
        places = [entry.get_xdata()[0] for entry in axes.get_lines() if entry.get_linestyle() == ":"]
        assert places == [date2num(MARK[0])]


def test_retargets_stand_in_pairs(tables: RunTables) -> None:
    axes = axes_of(retargets.draw(tables))
    simulated, real = (entry for entry in axes.containers if isinstance(entry, BarContainer))
    assert [bar.get_height() for bar in simulated] == [-7, 3]
    assert [bar.get_height() for bar in real] == [-16, 6]
    assert [bar.get_x() + bar.get_width() for bar in simulated] == pytest.approx([bar.get_x() for bar in real])
    assert simulated.get_label() == "simulated, median"
    assert real.get_label() == "real chain (± 3.1 %: the counting noise of two epochs)"
    assert real.errorbar is not None
    (whiskers,) = real.errorbar.lines[2]
    assert [list(segment[:, 1]) for segment in whiskers.get_segments()] == [
        pytest.approx([-19.1, -12.9]),
        pytest.approx([2.9, 9.1]),
    ]
    assert axes.get_ylabel() == "change of difficulty (%)"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["683,424", "685,440"]


def test_power_is_stacked_by_region_in_gigawatts(tables: RunTables) -> None:
    axes = axes_of(power.draw(tables))
    assert axes.get_ylabel() == "power at the site meter (GW)"
    assert [entry.get_label() for entry in axes.collections] == ["Sichuan", "Texas"]
    lower, upper = (entry.get_paths()[0].vertices[:, 1] for entry in axes.collections)
    daily_gw = [2.0, 2.0 * 16 / 24, 0.0]  # the second day was lit for its first sixteen hours
    assert max(lower) == pytest.approx(2.0)
    assert sorted({round(float(value), 9) for value in lower}) == pytest.approx(sorted({0.0, *daily_gw}))
    assert max(upper) == pytest.approx(2.5)
    assert {round(value + 0.5, 9) for value in daily_gw} <= {round(float(value), 9) for value in upper}


def test_the_smaller_regions_share_one_colour(tables: RunTables) -> None:
    names = [f"R{number}" for number in range(10)]
    many = regions({name: [1e9 * (10 - number)] * 48 for number, name in enumerate(names)})
    axes = axes_of(power.draw(replace(tables, regions=many)))
    assert [entry.get_label() for entry in axes.collections] == [*names[:7], "all others"]
    assert axes.collections[-1].get_paths()[0].vertices[:, 1].max() == pytest.approx(55)  # 10 + 9 + ... + 1


def test_a_run_of_less_than_a_day_has_a_picture_of_its_power(tables: RunTables) -> None:
    axes = axes_of(power.draw(replace(tables, regions=regions({"Sichuan": [2e9] * 5}))))
    assert [entry.get_label() for entry in axes.collections] == ["Sichuan"]


def test_intervals_are_minutes_epoch_by_epoch(tables: RunTables) -> None:
    """Spans of 2015 intervals: 600, 900 and 599.5 s in the first epoch; 800, 500 and 700 s in the second."""
    axes = axes_of(intervals.draw(tables))
    places, middle = line(axes, "simulated, median")
    assert list(places) == [0, 1]
    assert list(middle) == pytest.approx([600 / 60, 700 / 60], rel=1e-3)
    assert list(line(axes, "real chain")[1]) == [12, 15]
    assert set(line(axes, "ten minutes: what retargets aim at")[1]) == {10}
    first = band(axes, "simulated, 90 % of the runs")
    edges = sorted(float(y) for x, y in first if x == 1)
    assert (edges[0], edges[-1]) == pytest.approx((520 / 60, 790 / 60), rel=1e-3)  # a tenth of the way to the next value
    assert [text.get_text() for text in axes.texts] == ["slowest real epoch: 15.00 min"]
    assert axes.get_ylabel() == "minutes a block"


@pytest.mark.parametrize("name", DRAW)
def test_without_a_comparison_the_figure_says_only_what_was_simulated(tables: RunTables, name: str) -> None:
    axes = axes_of(DRAW[name](replace(tables, comparison=None)))
    if name == "retargets":
        assert [text.get_text() for text in axes.texts] == ["this scenario names no history to compare with"]
        assert axes.containers == []
    else:
        assert not {label for label in legend(axes) if "real" in label}
        assert legend(axes)


@pytest.mark.parametrize("name", PICTURES)
def test_the_same_tables_give_the_same_bytes(tables: RunTables, name: str) -> None:
    one, other = (draw_picture(name, tables, "demo, seed 1, 3 runs; here") for _ in range(2))
    assert (one.name, one.caption) == (name, PICTURES[name])
    assert one == other
    text = "".join(ElementTree.fromstring(one.svg).itertext())
    assert "demo, seed 1, 3 runs; here" in text
    assert axes_of(DRAW[name](tables)).get_title(loc="left") in text
    assert b"<dc:date>" not in one.svg
    assert one.png.startswith(b"\x89PNG")
    assert b"tEXt" not in one.png[:200]


def test_another_foot_gives_other_bytes(tables: RunTables) -> None:
    one, other = (draw_picture("retargets", tables, foot) for foot in ("run A", "run B"))
    assert one.svg != other.svg
    assert one.png != other.png
