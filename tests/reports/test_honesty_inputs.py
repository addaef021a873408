"""What goes into Sichuan's run was known at its start: every number is dated, and none is younger than 13 May 2021."""

from __future__ import annotations

import re
import tomllib
from calendar import monthrange
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gridsim.load import load_scenario

DATA = Path(__file__).parents[2] / "gridsim/data"
START = date(2021, 5, 13)


def as_of_dates(name: str) -> dict[str, str]:
    """Return every `as_of` of a scenario file with the number that it dates."""

    def walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
        if isinstance(value, dict):
            if "as_of" in value:
                yield path, value["as_of"]
            for key, inner in value.items():
                yield from walk(inner, f"{path}.{key}".strip("."))
        elif isinstance(value, list):
            for place, inner in enumerate(value):
                label = inner.get("region", inner.get("id", place)) if isinstance(inner, dict) else place
                yield from walk(inner, f"{path}[{label}]")

    text = (DATA / "scenarios" / f"{name}.toml").read_text(encoding="utf-8")
    return dict(walk(tomllib.loads(text), ""))


def last_day(as_of: str) -> date:
    """Return the last day of the period that an `as_of` names: a day, a month or a year."""
    year, month, day = (*map(int, as_of.split("-")), 0, 0)[:3]
    return date(year, month or 12, day or monthrange(year, month or 12)[1])


@pytest.mark.parametrize(
    ("as_of", "day"),
    [
        ("2021-05-13", date(2021, 5, 13)),
        ("2021-04", date(2021, 4, 30)),
        ("2020-02", date(2020, 2, 29)),
        ("2021", date(2021, 12, 31)),
    ],
)
def test_a_period_counts_by_its_last_day(as_of: str, day: date) -> None:
    assert last_day(as_of) == day


def test_no_number_of_the_scenario_is_younger_than_its_start() -> None:
    dates = as_of_dates("sichuan-2021")
    assert len(dates) == 17 + 2  # shares; the hash rate at the start; the fees
    assert {place: as_of for place, as_of in dates.items() if last_day(as_of) > START} == {}


def test_the_variant_on_younger_shares_says_so() -> None:
    dates = as_of_dates("sichuan-2021-may-shares")
    assert len(dates) == 17
    assert {place.partition("[")[0] for place, as_of in dates.items() if last_day(as_of) > START} == {"shares"}
    scenario = load_scenario("sichuan-2021-may-shares")
    assert "published later" in scenario.title
    assert scenario.id != "sichuan-2021"


def test_priors_cite_no_hash_rate_of_after_the_start() -> None:
    """A prior may cite an order of June by its text; a measured number must be of before the start."""
    text = (DATA / "priors/sichuan-2021.toml").read_text(encoding="utf-8")
    measured = re.compile(r"cbeci|epochs? \d|block count|hash ?rate|eh/s|j/th", re.IGNORECASE)
    later = re.compile(r"(?:June|July|August|September|October|November|December) 2021|2021-(?:0[6-9]|1[0-2])|2022")
    priors = tomllib.loads(text)["prior"]
    cited = {prior["name"] for prior in priors if measured.search(prior["source"]) and later.search(prior["source"])}
    assert cited == set()
    assert {prior["name"] for prior in priors if prior["status"] == "calibrated" and later.search(prior["source"])} == set()
    for prior in priors:
        for sentence in re.split(r"(?<=[.;])\s", prior["reason"]):
            assert not (measured.search(sentence) and later.search(sentence)), (prior["name"], sentence)


def test_only_yearly_factors_and_tariffs_of_regions_are_dated_by_the_year() -> None:
    """They are not of the chain; `test_honesty` shows that factors move nothing but grams."""
    regions = tomllib.loads((DATA / "regions/world-2021.toml").read_text(encoding="utf-8"))["region"]
    dates = {(key, region[key]["as_of"]) for region in regions for key in region if isinstance(region[key], dict)}
    assert dates == {("carbon_g_per_kwh", "2021"), ("tariff_usd_per_kwh", "2021")}
