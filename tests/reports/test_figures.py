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
from reports.figures.outline import outline
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
        nbits=[0x170C1F86] * 6,
        span_s=spans_s,
        hashrate_hps=[1.7e20, 1.0e20, 1.2e20, 1.1e20, 1.6e20, 1.3e20],
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


def moments(hours_after_start: list[int]) -> list[np.datetime64]:
    return [np.datetime64(START.replace(tzinfo=None) + timedelta(hours=hour)) for hour in hours_after_start]


RUN_0 = "run 0, the middle one of 3 by mean hash rate"


def test_the_hash_rate_is_drawn_hour_by_hour_in_ehps(tables: RunTables) -> None:
    """It rises by a hundredth an hour, more than an eye would miss: every hour is a step that lasts until the next."""
    axes = axes_of(hashrate.draw(tables))
    assert axes.get_ylabel() == "hash rate (EH/s)"
    assert axes.get_xlabel() == "date (UTC)"
    assert axes.get_ylim()[0] == 0
    times, rates = line(axes, RUN_0)
    assert list(times) == moments([hour for each in range(HOURS) for hour in (each, each + 1)])
    assert list(rates) == [100 + hour for hour in range(HOURS) for _ in range(2)]
    assert list(line(axes, "simulated, median")[1][:4]) == pytest.approx([101, 101, 102.01, 102.01])
    corners = band(axes, "simulated, 90 % of the runs")[:, 1]
    assert (corners.min(), corners.max()) == pytest.approx((90, 171 * 1.2))
    times, spared = line(axes, "median of the same worlds without the cut")
    known = ~np.isnan(spared)
    assert list(times[known]) == moments([24, 71, 72])
    assert list(spared[known]) == [200, 200, 200]


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


def test_labels_of_neighbours_stand_in_rows_above_the_data_on_white(tables: RunTables) -> None:
    """The first two lie hours apart, the third has the first row for itself, and the last has room only to its left."""
    marks = [(START + timedelta(hours=hour), f"the label at {hour}") for hour in (10, 13, 40, 71)]
    axes = axes_of(power.draw(replace(tables, marks=tuple(marks))))
    rows = [text.xyann[1] for text in axes.texts]
    assert rows[0] == rows[2] == rows[3] > rows[1]
    assert [text.get_ha() for text in axes.texts] == ["left", "left", "left", "right"]
    assert {text.get_bbox_patch().get_facecolor() for text in axes.texts} == {(1.0, 1.0, 1.0, 1.0)}
    lines = [entry for entry in axes.get_lines() if entry.get_linestyle() == ":"]
    assert max(entry.get_zorder() for entry in lines) < min(text.get_zorder() for text in axes.texts)
    assert (1 - 2.5 / axes.get_ylim()[1]) * 300 > -min(rows)  # points free above the data


def test_an_outline_misses_no_hour_by_more_than_its_tolerance() -> None:
    """Held against every hour in its middle, where the straight line may add half a tolerance of its own."""
    rng = np.random.default_rng(1)
    values = np.cumsum(rng.normal(0, 0.01, (2000, 3)), axis=0)
    values[700:] += [0, 5, 0]
    values[1300:1301] -= 3
    times = np.datetime64("2021-01-01", "ms") + np.arange(2000) * np.timedelta64(1, "h")
    corners, drawn = outline(times, values, 0.1)
    assert len(corners) == len(drawn) < 400
    middles = (times + np.timedelta64(30, "m")).astype(float)
    for curve in range(3):
        assert np.abs(np.interp(middles, corners.astype(float), drawn[:, curve]) - values[:, curve]).max() <= 0.15
    for hour in (700, 1300, 1301):  # upright: two corners at one moment
        assert (corners == times[hour]).sum() == 2
    assert corners[-1] == times[-1] + np.timedelta64(1, "h")
    assert list(outline(times[:1], values[:1, 0], 0.1)[0] - times[0]) == [np.timedelta64(0), np.timedelta64(1, "h")]


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
    assert set(lower) == {0.0, 2.0}
    assert set(upper) == {0.0, 0.5, 2.0, 2.5}


def test_power_falls_at_the_mark_and_not_before(tables: RunTables) -> None:
    """Sichuan goes dark in the 40th hour, in mid-day: the cliff stands upright on the line of the cut."""
    axes = axes_of(power.draw(tables))
    corners = axes.collections[1].get_paths()[0].vertices
    assert max(corners[corners[:, 1] == 2.5, 0]) == min(corners[corners[:, 1] == 0.5, 0]) == date2num(MARK[0])


def test_power_says_which_run_it_shows(tables: RunTables) -> None:
    assert axes_of(power.draw(tables)).get_title(loc="left") == f"Power that mining draws, by region: {RUN_0}"
    none = tables.epochs.slice(0, 0)
    assert axes_of(power.draw(replace(tables, epochs=none))).get_title(loc="left").endswith("by region: run 0")


def test_the_smaller_regions_share_one_colour(tables: RunTables) -> None:
    names = [f"R{number}" for number in range(10)]
    many = regions({name: [1e9 * (10 - number)] * 48 for number, name in enumerate(names)})
    axes = axes_of(power.draw(replace(tables, regions=many)))
    assert [entry.get_label() for entry in axes.collections] == [*names[:7], "all others"]
    assert axes.collections[-1].get_paths()[0].vertices[:, 1].max() == pytest.approx(55)  # 10 + 9 + ... + 1


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
    alone = replace(tables, comparison=None)
    axes = axes_of(DRAW[name](alone))
    assert not {label for label in legend(axes) if "real" in label}
    assert legend(axes)
    words = PICTURES[name](alone)
    assert not [word for word in ("red bar", "real bar", "Squares", "pair") if word in words]
    assert ("no real chain" in words) == (name != "power")


def test_retargets_without_a_history_are_those_of_the_ensemble(tables: RunTables) -> None:
    """Difficulty follows two weeks over the time taken: 1,209,600 s over each span, rounded as nBits are."""
    axes = axes_of(retargets.draw(replace(tables, comparison=None)))
    (bars,) = (entry for entry in axes.containers if isinstance(entry, BarContainer))
    first = np.array([1_209_600 / span_s - 1 for span_s in (1_209_000, 1_813_500, 1_208_000)]) * 100
    second = np.array([1_209_600 / span_s - 1 for span_s in (1_612_000, 1_007_500, 1_410_500)]) * 100
    assert [bar.get_height() for bar in bars] == pytest.approx([np.median(first), np.median(second)], abs=1e-3)
    assert bars.errorbar is not None
    (whiskers,) = bars.errorbar.lines[2]
    assert [list(segment[:, 1]) for segment in whiskers.get_segments()] == [
        pytest.approx(np.percentile(changes, (5, 95)), abs=1e-3) for changes in (first, second)
    ]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["683,424", "685,440"]


@pytest.mark.parametrize("name", PICTURES)
def test_the_same_tables_give_the_same_bytes(tables: RunTables, name: str) -> None:
    one, other = (draw_picture(name, tables, "demo, seed 1, 3 runs; here") for _ in range(2))
    assert (one.name, one.caption) == (name, PICTURES[name](tables))
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
