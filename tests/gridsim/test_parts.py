"""The small parts: streams, priors, series, shares, fates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridsim.ensemble import run_batch
from gridsim.load import load_scenario
from gridsim.migration import Fate
from gridsim.priors import Prior, draw_all
from gridsim.recorder import Recorder
from gridsim.scenario import Scenario
from gridsim.shares import adjusted_shares, cohort_shares
from gridsim.streams import Streams


def prior(name: str, low: float, mode: float, high: float) -> Prior:
    return Prior(name=name, unit="ratio", low=low, mode=mode, high=high, status="assumed", reason="a test", source="a test")


def test_streams_are_their_purpose_seed_and_replicate() -> None:
    def first(seed: int, replicate: int, purpose: str) -> float:
        return float(Streams(seed, replicate).stream(purpose).random())

    same = first(1, 2, "blocks")
    assert first(1, 2, "blocks") == same
    assert len({same, first(2, 2, "blocks"), first(1, 3, "blocks"), first(1, 2, "freight")}) == 4


def test_a_new_prior_leaves_the_other_draws_alone() -> None:
    few = (prior("a", 0, 1, 2), prior("b", 0, 1, 2))
    streams = Streams(1, 0)
    assert draw_all((prior("new", 5, 6, 7), *few), streams) == {
        "new": draw_all((prior("new", 5, 6, 7),), streams)["new"],
        **draw_all(few, streams),
    }


def test_draws_follow_the_triangle() -> None:
    """Mean and standard deviation of 4,000 draws within four standard errors of the triangle's own."""
    draws = np.array([prior("a", 1, 2, 6).draw(Streams(1, index)) for index in range(4_000)])
    assert draws.min() >= 1
    assert draws.max() <= 6
    sigma = np.sqrt((1 + 4 + 36 - 2 - 6 - 12) / 18)
    assert draws.mean() == pytest.approx(3, abs=4 * sigma / np.sqrt(4_000))


def test_a_prior_out_of_order_is_refused() -> None:
    with pytest.raises(ValueError, match="want low <= mode <= high"):
        prior("a", 2, 1, 3)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0.5, 5_000), st.floats(0, 1e9)), min_size=1, max_size=40), st.integers(1, 17))
def test_means_over_any_grid_keep_the_total(stretches: list[tuple[float, float]], cells: int) -> None:
    recorder, at_s = Recorder(), 0.0
    for duration_s, power_w in stretches:
        at_s += duration_s
        recorder.observe(at_s, np.zeros(1), np.array([power_w]), np.ones(1))
    series = recorder.series()
    edges_s = np.linspace(0, at_s, cells + 1)
    total = float((series.mean(series.power_w, edges_s)[:, 0] * np.diff(edges_s)).sum())
    assert total == pytest.approx(sum(duration_s * power_w for duration_s, power_w in stretches), rel=1e-9, abs=1e-6)


def test_shares_are_normalised_after_all_corrections() -> None:
    scenario = load_scenario("sichuan-2021")
    draws = {entry.name: entry.mode for entry in scenario.priors}
    shares = dict(zip([share.region for share in scenario.shares], adjusted_shares(scenario, draws), strict=True))
    assert sum(shares.values()) == pytest.approx(1, rel=1e-12)
    assert shares["Germany and Ireland"] < 0.2 * 0.0508
    published = {share.region: share.share.value for share in scenario.shares}
    assert shares["Xinjiang"] / shares["Sichuan"] == pytest.approx(1.22 * published["Xinjiang"] / published["Sichuan"])
    assert shares["United States"] / shares["Russia"] == pytest.approx(published["United States"] / published["Russia"])


def test_cohorts_share_what_is_left() -> None:
    scenario = load_scenario("sichuan-2021")
    mix = cohort_shares(scenario, {"old_generation_share": 0.4})
    assert mix.sum() == pytest.approx(1)
    assert mix[0] == 0.4
    assert mix[1:] == pytest.approx(0.6 * np.array([0.15, 0.30, 0.25, 0.30]))


def test_fates_cull_what_is_not_worth_shipping(make: Callable[..., Scenario]) -> None:
    scenario = make(
        cohorts=(
            {"id": "old", "machine": "Antminer S9 (13.5Th)", "share": 0.5},
            {"id": "s19", "machine": "Antminer S19 (95Th)", "rest": 1.0},
        ),
        migration__ship_limit_j_per_th=50.0,
        migration__covert_fraction=0.2,
        migration__ship_fraction=0.5,
    )
    assert Fate(scenario, {}).shipped_fraction == pytest.approx([0.0, 0.8 * 0.5])


def test_delays_have_the_stated_median(make: Callable[..., Scenario]) -> None:
    fate = Fate(make(migration__freight_median_days=10.0), {})
    luck = np.random.default_rng(1)
    days = np.array([fate.delays_s(luck)[1] for _ in range(4_000)]) / 86_400
    assert np.median(days) == pytest.approx(10, rel=4 * 0.3 * 1.2533 / np.sqrt(4_000))


def test_the_demo_answers_its_question() -> None:
    scenario = load_scenario("demo")
    replicate = run_batch(scenario, 1, [0])[0]
    assert replicate.reached_end
    assert replicate.cut is not None
    site_power_w = 0.75 * 147.5e18 / 95e12 * 3250 * 1.1
    assert replicate.cut.power_cut_w == pytest.approx(0.9 * site_power_w, rel=1e-9)
    assert replicate.trace is not None
    assert {event.kind for event in replicate.trace.events} == {"rationing", "restore", "cut", "deadline"}
