"""The summary's parts that a whole run does not show: ranks, answers of scenarios that ask for less, lines on a terminal."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gridsim.load import load_scenario
from gridsim.priors import Prior
from gridsim.result import CutEffect, Replicate
from gridsim.scenario import Scenario
from reports.compare import Comparison
from reports.summary import RunFacts, answer, spearman, summarise, top_assumptions
from reports.summary_text import WIDTH, render

FACTS = RunFacts(
    run_dir="runs/demo", seed=7, rerun=None, wall_s=1.23456, peak_rss_mib=99.96, nonce_check=None, headers_rehashed=0
)


def replicate(index: int, power_cut_w: float | None, draws: dict[str, float] | None = None) -> Replicate:
    cut = None
    if power_cut_w is not None:
        cut = CutEffect(
            power_cut_w=power_cut_w, energy_withheld_j=3.6e15, hashrate_before_hps=130e18, hashrate_after_hps=100e18
        )
    return Replicate(
        index=index,
        draws=draws or {},
        epochs=(),
        network_hps=np.ones(3),
        without_cut_hps=None,
        cut=cut,
        trace=None,
        end_s=1.0,
        end_height=1,
        reached_end=index != 1,
    )


def prior(name: str) -> Prior:
    return Prior(name=name, unit="MW", low=0.0, mode=1.0, high=9.0, status="assumed", reason="a test", source="a test")


@pytest.fixture(scope="module")
def demo() -> Scenario:
    return load_scenario("demo")


# --- ranks ---------------------------------------------------------------------------------------------------------


def rank_correlation(first: list[float], second: list[float]) -> float:
    """Return 1 - 6 sum(d^2) / (n (n^2 - 1)), Spearman's formula for samples without ties."""
    ranks = [{value: rank for rank, value in enumerate(sorted(values))} for values in (first, second)]
    squares = sum((ranks[0][one] - ranks[1][other]) ** 2 for one, other in zip(first, second, strict=True))
    return 1 - 6 * squares / (len(first) * (len(first) ** 2 - 1))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 1e9], 1.0),  # ranks, not values
        ([1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0], -1.0),
        ([106.0, 100.0, 86.0, 101.0, 99.0], [7.0, 27.0, 2.0, 50.0, 28.0], 0.3),  # by hand: d = 3, 0, 0, -1, -2
        ([3.0, 1.0, 2.0], [1.0, 3.0, 2.0], -1.0),
    ],
)
def test_rank_correlation(first: list[float], second: list[float], expected: float) -> None:
    assert rank_correlation(first, second) == pytest.approx(expected, abs=1e-12)
    assert spearman(np.array(first), np.array(second)) == pytest.approx(expected, abs=1e-12)


def test_rank_correlation_of_many_samples() -> None:
    draws = np.random.default_rng(1).normal(size=(20, 2, 30))
    for first, second in draws:
        assert spearman(first, second) == pytest.approx(rank_correlation(first.tolist(), second.tolist()), abs=1e-12)


def test_the_three_strongest_assumptions_come_first_by_size(demo: Scenario) -> None:
    scenario = demo.model_copy(update={"priors": tuple(prior(name) for name in ("idle", "weak", "up", "down", "middling"))})
    effects = [1.0, 2.0, 3.0, 4.0, 5.0]
    columns = {
        "idle": [2.0] * 5,  # a prior that did not vary explains nothing
        "weak": [5.0, 1.0, 4.0, 2.0, 3.0],
        "up": effects,
        "down": [5.0, 4.0, 3.0, 1.0, 2.0],
        "middling": [1.0, 3.0, 2.0, 5.0, 4.0],
    }
    runs = [
        replicate(i, effect * 1e9, {name: column[i] for name, column in columns.items()}) for i, effect in enumerate(effects)
    ]
    top = top_assumptions(scenario, runs)
    assert [(entry["name"], entry["spearman"]) for entry in top] == [("up", 1.0), ("down", -0.9), ("middling", 0.8)]
    assert {key: top[0][key] for key in ("low", "high", "unit")} == {"low": 0.0, "high": 9.0, "unit": "MW"}


def test_too_few_replicates_or_no_cut_name_no_assumptions(demo: Scenario) -> None:
    scenario = demo.model_copy(update={"priors": (prior("up"),)})
    runs = [replicate(index, float(index), {"up": float(index)}) for index in range(4)]
    assert [entry["name"] for entry in top_assumptions(scenario, runs)] == ["up"]
    assert top_assumptions(scenario, runs[:3]) == []
    assert top_assumptions(scenario, [*runs, replicate(4, None, {"up": 4.0})]) == []
    assert top_assumptions(scenario, [replicate(index, 5e9, {"up": float(index)}) for index in range(4)]) == []


# --- answers -------------------------------------------------------------------------------------------------------


def comparison(baselines: dict[str, float]) -> Comparison:
    return Comparison(
        epochs=(None,) * 3,  # type: ignore[arg-type]  only their number is told
        mape_hashrate_pct=4.44,
        baselines=baselines,
        slowest_observed_s=1.0,
        slowest_simulated_s=(1.0, 1.0, 1.0),
    )


def test_a_scenario_that_asks_nothing_says_so(demo: Scenario) -> None:
    silent = demo.model_copy(update={"question": None, "title": "Quiet times"})
    summary = summarise(silent, [replicate(0, None), replicate(1, None)], FACTS, None, None)
    assert summary["answer"] == "Quiet times: it asks about no cut and names no history to compare with."
    assert (summary["cut"], summary["epochs"], summary["mape_hashrate_pct"], summary["baselines"]) == (None, [], None, {})
    assert (summary["replicates"], summary["replicates_at_end_height"]) == (2, 1)
    assert (summary["wall_s"], summary["peak_rss_mib"], summary["nonce_check"]) == (1.235, 100.0, None)
    assert json.loads(json.dumps(summary)) == summary


def test_a_cut_without_a_history_is_answered_alone(demo: Scenario) -> None:
    summary = summarise(
        demo, [replicate(index, watts * 1e6) for index, watts in enumerate((1000, 1200, 1400))], FACTS, None, None
    )
    assert summary["answer"] == (
        "Cutting Water Valley off took 1,200 MW off the grid in 24 hours (90 % range 1,020 to 1,380 MW) and withheld "
        "1,000,000 MWh by 20 February 2021, against the same world uncut; the network's hash rate went from 130 EH/s in the "
        "days before to 100 EH/s in the days after."
    )
    assert "sichuan_cut" not in summary
    assert (summary["cut"]["observed_before_ehps"], summary["cut"]["observed_after_ehps"]) == (None, None)
    assert summary["cut"]["horizon_s"] == 22 * 86_400


@pytest.mark.parametrize(
    ("baselines", "end"),
    [
        ({"persistence": 32.02, "hindsight_line": 5.46}, "misses it by 32.0 %, the best line drawn in hindsight by 5.5 %."),
        ({"persistence": 32.02}, "saying that nothing changes misses it by 32.0 %."),
    ],
)
def test_a_history_without_a_cut_is_answered_alone(demo: Scenario, baselines: dict[str, float], end: str) -> None:
    told = answer(demo.model_copy(update={"question": None}), None, comparison(baselines))
    assert told.startswith("Over 3 epochs the median misses the real one by 4.4 % on average; ")
    assert told.endswith(end)


# --- on a terminal -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(done: Any) -> dict[str, Any]:
    """Return the summary of the whole run, as if written to a folder of the usual name."""
    return json.loads(done.stdout) | {"run_dir": "runs/sichuan-2021-20261123T083000Z"}


def test_no_line_is_longer_than_98_characters(whole: dict[str, Any]) -> None:
    assert WIDTH == 98
    assert [line for line in render(whole).split("\n") if len(line) > 98] == []


def test_the_answer_and_its_three_largest_assumptions_come_last(whole: dict[str, Any]) -> None:
    *before, last = render(whole).split("\n\n")
    assert len(before) >= 3
    told, _, leans = last.partition("\nIt leans most on (rank correlation with the size of the cut):\n")
    assert " ".join(told.split()) == f"ANSWER: {whole['answer']}"
    assert [line.strip().split(":")[0] for line in leans.split("\n")] == [
        f"{number}. {entry['name']}" for number, entry in enumerate(whole["top_assumptions"], 1)
    ]


def test_every_epoch_has_a_line_with_its_numbers(whole: dict[str, Any]) -> None:
    lines = render(whole).split("\n")
    for row in whole["epochs"]:
        (line,) = [line for line in lines if line.strip().startswith(f"{row['first_height']:,} ")]
        words = line.replace("%", " ").split()
        assert [float(words[place]) for place in (1, 5, 6, 7, 8)] == pytest.approx(
            [row[key] for key in ("simulated_ehps", "observed_ehps", "z", "simulated_change_pct", "observed_change_pct")],
            abs=0.0501,
        )


def test_it_says_where_the_model_does_worse(whole: dict[str, Any]) -> None:
    assert "Does better than every one of them." in render(whole | {"beats_baselines": {"persistence": True}})
    worse = whole | {"beats_baselines": {"persistence": True, "hindsight_line": False, "step_linear_180": False}}
    assert "Does worse than: hindsight_line, step_linear_180\n" in render(worse)


def test_the_slowest_epoch_is_inside_or_outside(whole: dict[str, Any]) -> None:
    for inside, word in ((True, "(inside)."), (False, "(outside).")):
        assert word in render(whole | {"slowest_epoch": whole["slowest_epoch"] | {"inside_90pct": inside}})


def test_a_run_that_asks_nothing_ends_with_its_answer(demo: Scenario) -> None:
    silent = demo.model_copy(update={"question": None, "title": "Quiet times"})
    summary = summarise(silent, [replicate(0, None), replicate(1, None)], replace(FACTS, seed=3), None, None)
    assert render(summary).split("\n") == [
        "Quiet times: 2 runs, seed 3",
        "Tables, figures and report: runs/demo (1.2 s, 100 MiB)",
        "",
        "ANSWER: Quiet times: it asks about no cut and names no history to compare with.",
    ]
