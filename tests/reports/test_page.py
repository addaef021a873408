"""The words of a run's page: captions that fit its tables, and a page that holds them, narrow or wide."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest

from reports.figures.data import RunTables
from reports.figures.pictures import PICTURES, Picture, draw_picture
from reports.figures.standing import Standing, ordinal, outside_band_pct, standing_of_run_0
from reports.page import render
from reports.tables_schema import SCHEMAS

START = datetime(2021, 6, 18, tzinfo=UTC)
HEIGHT = 683424
VOID = {"meta", "br", "hr", "img", "link", "input"}


def table(name: str, **columns: Any) -> pa.Table:
    """Make a table of the schema of that name; what is not given is 1."""
    ones = [1] * len(next(iter(columns.values())))
    schema = SCHEMAS[name]
    return pa.Table.from_arrays([pa.array(columns.get(field.name, ones), type=field.type) for field in schema], schema=schema)


def epochs(rates_ehps: dict[int, list[float]], span_s: int = 1_209_000) -> pa.Table:
    """Make the epochs table of some replicates, each with its hash rates from the first epoch on."""
    rows = [(run, place, rate * 1e18) for run, rates in rates_ehps.items() for place, rate in enumerate(rates)]
    run, place, rate = zip(*rows, strict=True)
    heights = [HEIGHT + 2016 * number for number in place]
    spans = [span_s * (1 + number) for number in place]
    return table("epochs", replicate=run, first_height=heights, nbits=[0x170C1F86] * len(rows), span_s=spans, hashrate_hps=rate)


def network(below: int, above: int, count: int) -> pa.Table:
    """Make a network table in which run 0 lies below the band for some hours and above it for some."""
    rates = [90.0] * below + [121.0] * above + [100.0] * (count - below - above)
    hours = [START + timedelta(hours=hour) for hour in range(count)]
    levels = {f"{name}_hps": [level] * count for name, level in (("p05", 95.0), ("p50", 105.0), ("p95", 120.0))}
    return table("network", time_utc=hours, hashrate_hps=rates, without_cut_p50_hps=[np.nan] * count, **levels)


def tables_of(rates_ehps: dict[int, list[float]], *, label: str = "the cut", region: str = "Valley") -> RunTables:
    hours = [START + timedelta(hours=hour) for hour in range(100)]
    return RunTables(
        network=network(48, 3, 100),
        regions=table("regions", time_utc=hours, region=[region] * 100, power_w=[1e9] * 100),
        epochs=epochs(rates_ehps),
        comparison=None,
        marks=((START + timedelta(hours=10), label),),
    )


@pytest.mark.parametrize(
    ("rank", "runs", "words"),
    [
        (1, 1, "the only run"),
        (1, 32, "the lowest of 32 by mean hash rate"),
        (3, 32, "the 3rd lowest of 32 by mean hash rate"),
        (17, 32, "the 16th highest of 32 by mean hash rate"),
        (31, 32, "the 2nd highest of 32 by mean hash rate"),
        (8, 8, "the highest of 8 by mean hash rate"),
        (2, 3, "the middle one of 3 by mean hash rate"),
    ],
)
def test_a_rank_is_counted_from_the_nearer_end(rank: int, runs: int, words: str) -> None:
    assert Standing(rank, runs).words == words


def test_ordinals() -> None:
    assert [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)] == ([
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "12th",
        "13th",
        "21st",
        "102nd",
        "111th",
    ])


def test_run_0_is_ranked_over_the_epochs_that_all_finished_by_their_length() -> None:
    """The second epoch lasts twice as long; a third that only run 0 finished does not count."""
    assert standing_of_run_0(epochs({0: [100, 130, 500], 1: [130, 112], 2: [90, 90], 3: [200, 200]})) == Standing(3, 4)
    assert standing_of_run_0(epochs({1: [100, 130], 2: [90, 90]})) is None
    assert standing_of_run_0(epochs({0: [100]}).slice(0, 0)) is None


def test_the_hours_outside_the_band_are_counted_on_either_side() -> None:
    assert outside_band_pct(network(below=50, above=20, count=200)) == (25, 10)


def test_captions_say_which_run_is_shown_and_where_it_lies() -> None:
    tables = tables_of({0: [100, 100], 1: [90, 90], 2: [110, 110], 3: [120, 120], 4: [130, 130]})
    place = "the 2nd lowest of 5 by mean hash rate"
    words = (
        f"one run and no median: {place}; it lies below the band in 48 % of the hours and above the band in 3 % of the hours."
    )
    assert words in PICTURES["hashrate"](tables)
    assert f"one run and no median: run 0, {place}." in PICTURES["power"](tables)


def test_a_single_run_has_no_band_to_lie_in() -> None:
    caption = PICTURES["hashrate"](tables_of({0: [100, 100]}))
    assert caption.startswith("There is one run")
    assert "nine runs" not in caption


@pytest.mark.parametrize("name", PICTURES)
def test_dollars_are_dollars_and_letters_without_a_glyph_raise_no_warning(name: str) -> None:
    """No formula could be made of the label: TeX that matplotlib does not know would end the drawing."""
    label, region, foot = r"四川 $\nonsense$", "四川 $x^2$", r"$\alpha$ 四川"
    tables = tables_of({0: [100, 100]}, label=label, region=region)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        text = "".join(ElementTree.fromstring(draw_picture(name, tables, foot).svg).itertext())
    assert [str(warning.message) for warning in caught] == []
    wanted = {"hashrate": {label}, "power": {label, region}}.get(name, set()) | {foot}
    assert {word for word in wanted if word in text} == wanted


class Page(HTMLParser):
    """Collects of a page, for each svg, table, caption and code, the tags and classes that it stands in."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.around: dict[str, list[tuple[str, ...]]] = {}
        self.texts: dict[str, str] = {}
        self.ids: set[str] = set()
        self.labelled: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.ids.add(known.get("id") or "")
        self.labelled += [known["aria-labelledby"] or ""] if "aria-labelledby" in known else []
        self.around.setdefault(tag, []).append(tuple(self.open))
        if tag not in VOID:
            self.open.append(f"{tag}.{known.get('class') or ''}")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().startswith(f"{tag}.")

    def handle_data(self, data: str) -> None:
        self.texts[self.open[-1] if self.open else ""] = self.texts.get(self.open[-1] if self.open else "", "") + data


def summary_of(**changes: Any) -> dict[str, Any]:
    prior = {"name": "pue", "low": 1.0, "mode": 1.1, "high": 1.2, "unit": "ratio", "reason": "measured"}
    cut = dict.fromkeys(("power_cut_mw", "power_cut_p05_mw", "power_cut_p95_mw", "horizon_s"), 86_400.0)
    cut |= dict.fromkeys(("energy_withheld_mwh", "energy_withheld_p05_mwh", "energy_withheld_p95_mwh"), 2.0)
    cut |= {"hashrate_before_ehps": 150.0, "hashrate_after_ehps": 51.0, "observed_before_ehps": None}
    return {
        "title": "A <b>title</b>", "answer": "The answer.", "scenario": "demo", "seed": 7, "replicates": 3, "epochs": [],
        "noise_pct": {}, "nonce_check": None, "top_assumptions": [], "priors_sha256": "ab", "headers_rehashed": 0,
        "inputs": {"exogenous": [], "calibrated": [prior], "assumed": [prior]}, "cut": cut | {"observed_after_ehps": None},
    } | changes  # fmt: skip


def page_of(**changes: Any) -> Page:
    picture = Picture("power", "How to read it.", b'<?xml version="1.0"?><svg id="a"><use href="#a"/></svg>', b"")
    return Page(render(summary_of(**changes), [picture], scenario_summary="A world.", version="1"))


def test_figures_and_tables_scroll_and_their_captions_do_not() -> None:
    page = page_of()
    assert len(page.around["table"]) == 3
    for stack in (*page.around["svg"], *page.around["table"]):
        assert stack[-1] == "div.wide"
    assert page.around["figcaption"] == [("html.", "body.", "figure.")]
    assert "caption" not in page.around
    assert page.labelled == ["cut-table", "calibrated-table", "assumed-table"]
    assert set(page.labelled) <= page.ids
    assert "How to read it." in page.texts["figcaption."]


def test_a_page_of_paper_has_no_width_that_a_figure_insists_on() -> None:
    style = page_of().texts["style."]
    screen, paper = style.split("@media print")
    assert "min-width: 50rem" in screen
    assert ".wide { overflow-x: auto; }" in screen
    assert "figure svg { min-width: 0; }" in paper
    assert ".wide { overflow: visible; }" in paper


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        ({}, "hashwatt run demo --seed 7 --replicates 3"),
        ({"rerun": None}, "hashwatt run demo --seed 7 --replicates 3"),
        ({"rerun": "hashwatt run 'my <own>.toml' --seed 7"}, "hashwatt run 'my <own>.toml' --seed 7"),
    ],
)
def test_the_command_to_run_it_again_is_the_summary_s_where_it_has_one(changes: dict[str, Any], command: str) -> None:
    page = page_of(**changes)
    assert page.texts["code."].endswith(command)
    assert "b" not in page.around
