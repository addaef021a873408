"""The comparison with history: the estimator, the noise, the score and the baselines, each against something independent."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from itertools import pairwise
from math import hypot
from pathlib import Path

import numpy as np
import pytest

from gridsim.network import Epoch
from gridsim.result import Replicate
from miner.retarget import next_nbits
from miner.target import NBits
from reports.baselines import baseline_errors_pct, mape_pct, share_arithmetic, step_linear
from reports.compare import compare
from reports.errors import ComparisonError, ObservedDataError
from reports.observed import Observed, load_observed

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
START_HPS = 179.201e18


@pytest.fixture(scope="module")
def observed() -> Observed:
    return load_observed("bitcoin-2021")


def replicate_of(observed: Observed, *, index: int = 0, stretch: float = 1.0, reached_end: bool = True) -> Replicate:
    """Return a replicate whose epochs are the real ones, each taking `stretch` times as long."""
    epochs = tuple(
        Epoch(
            epoch.first_height,
            epoch.nbits,
            epoch.first_unix_s,
            epoch.first_unix_s + round((epoch.last_unix_s - epoch.first_unix_s) * stretch),
        )
        for epoch in observed.epochs
    )
    return Replicate(
        index=index,
        draws={},
        epochs=epochs,
        network_hps=np.ones(10),
        without_cut_hps=None,
        cut=None,
        trace=None,
        end_s=1.0,
        end_height=717696,
        reached_end=reached_end,
    )


def test_observed_epochs_obey_consensus(observed: Observed) -> None:
    """Each next target follows from the header times in the same file: a slip of one digit would show."""
    assert [epoch.first_height for epoch in observed.epochs] == list(range(683424, 717696, 2016))
    for epoch, following in pairwise(observed.epochs):
        assert next_nbits(epoch.nbits, epoch.last_unix_s - epoch.first_unix_s) == epoch.next_nbits == following.nbits


def test_observed_epochs_are_the_real_ones(observed: Observed) -> None:
    path = SHARED / "difficulty_epochs.csv"
    if not path.is_file():
        pytest.skip("the real epochs (difficulty_epochs.csv) are not at hand")
    with path.open(encoding="utf-8") as file:
        real = {int(row["first_height"]): row for row in csv.DictReader(file)}
    for epoch in observed.epochs:
        row = real[epoch.first_height]
        assert epoch.nbits == int(row["nbits_hex"], 16)
        assert (epoch.first_unix_s, epoch.last_unix_s) == (int(row["start_time_unix_s"]), int(row["end_time_unix_s"]))
        assert epoch.hashrate_hps / 1e18 == pytest.approx(float(row["mean_hash_rate_EHps"]), abs=6e-4)
        assert epoch.interval_s == pytest.approx(float(row["mean_block_interval_s"]), abs=6e-4)


def test_the_great_retarget(observed: Observed) -> None:
    """Press and explorers of 3 July 2021: -27.94 %, blocks of 13.88 minutes."""
    epoch = next(epoch for epoch in observed.epochs if epoch.first_height == 687456)
    assert epoch.change_pct == pytest.approx(-27.94, abs=0.01)
    assert epoch.interval_s / 60 == pytest.approx(13.88, abs=0.01)


def test_a_perfect_ensemble_scores_zero(observed: Observed) -> None:
    comparison = compare([replicate_of(observed, index=index) for index in range(3)], observed, START_HPS)
    assert comparison.mape_hashrate_pct == 0
    assert [row.z for row in comparison.epochs] == [0.0] * 17
    assert comparison.slowest_simulated_s == (comparison.slowest_observed_s,) * 3


def test_score_and_z_of_a_known_miss(observed: Observed) -> None:
    """Epochs 1.0, 1.25 and 1.6 times as long: the median holds 0.8 of the hash rate, a miss of 20 %."""
    stretches = (1.0, 1.25, 1.6)
    comparison = compare([replicate_of(observed, index=i, stretch=s) for i, s in enumerate(stretches)], observed, START_HPS)
    assert comparison.mape_hashrate_pct == pytest.approx(20, abs=1e-3)
    row = comparison.epochs[5]
    ratios = np.array([1 / s for s in stretches])
    noise = hypot(float(ratios.std(ddof=1)), 0.022 * 0.8)
    assert row.z == pytest.approx(0.2 / noise, rel=1e-4)
    assert row.simulated_ehps == pytest.approx(row.observed_ehps * 0.8, rel=1e-4)
    assert row.simulated_interval_s == pytest.approx(row.observed_interval_s * 1.25, rel=1e-4)


def test_a_world_that_did_not_finish_is_not_counted(observed: Observed) -> None:
    good, bad = replicate_of(observed), replicate_of(observed, index=1, stretch=9.0, reached_end=False)
    assert compare([good, bad], observed, START_HPS).mape_hashrate_pct == 0
    with pytest.raises(ComparisonError, match="no replicate reached the end height"):
        compare([bad], observed, START_HPS)


def test_an_epoch_that_history_lacks(observed: Observed) -> None:
    stranger = Epoch(2016, NBits(0x1D00FFFF), 0, 1_209_600)
    replicate = replicate_of(observed)
    odd = Replicate(**{name: getattr(replicate, name) for name in Replicate.__slots__} | {"epochs": (stranger,)})
    with pytest.raises(ComparisonError, match="no epoch from height 2016"):
        compare([odd], observed, START_HPS)


def test_unknown_history() -> None:
    with pytest.raises(ObservedDataError, match="no observed data 'dogecoin'"):
        load_observed("dogecoin")


def test_baselines_score_as_was_fixed_beforehand(observed: Observed) -> None:
    """The figures with which the baselines were agreed on: about 32, 18, 7, 15 and, in hindsight, 5 %."""
    errors = baseline_errors_pct(observed, START_HPS)
    assert list(errors) == [
        "persistence",
        "step_linear_90",
        "step_linear_180",
        "step_linear_365",
        "share_arithmetic",
        "hindsight_line",
    ]
    agreed = {"persistence": 32, "step_linear_90": 18, "step_linear_180": 7, "step_linear_365": 15, "hindsight_line": 5}
    for name, error_pct in agreed.items():
        assert errors[name] == pytest.approx(error_pct, abs=1.0), name


def test_lines_against_a_sum_over_minutes(observed: Observed) -> None:
    """The closed forms against their slow twin: the mean of H(t)/H0 over every minute of the epoch."""
    facts = observed.baselines
    assert facts is not None
    assert facts.cut_unix_s == datetime(2021, 6, 19, 16, tzinfo=UTC).timestamp()
    for place, epoch in enumerate(observed.epochs[:6]):
        minutes = np.arange(epoch.first_unix_s + 30, epoch.last_unix_s, 60)
        back = np.clip((minutes - facts.cut_unix_s) / (180 * 86_400), 0, 1)
        line = np.where(minutes < facts.cut_unix_s, 1.0, 1 - facts.china_share * (1 - back))
        assert step_linear(observed, facts.cut_unix_s, facts.china_share, 180)[place] == pytest.approx(line.mean(), abs=1e-4)
        steps = 1 - sum(share * (minutes >= at) for share, at in facts.orders)
        assert share_arithmetic(observed, facts.orders)[place] == pytest.approx(steps.mean(), abs=1e-4)


def test_mape() -> None:
    assert mape_pct(np.array([90.0, 130.0]), np.array([100.0, 100.0])) == pytest.approx(20)
