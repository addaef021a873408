"""The summary of a whole run recomputed from its Parquet tables, with arithmetic that is this file's own."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from math import floor, hypot, sqrt
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]
START = datetime(2021, 5, 13, 8, 58, 58, tzinfo=UTC)  # header time of block 683424
FIRST, LAST, EPOCH = 683424, 717696, 2016
EASIEST = 0xFFFF << 208
TWO_WEEKS_S = 1_209_600

Row = dict[str, Any]


def target_of(nbits: int) -> int:
    """Unpack nBits as far as real targets of 2021 need it: size above 3, no sign."""
    return (nbits & 0x7FFFFF) << 8 * ((nbits >> 24) - 3)


def packed(target: int) -> int:
    """Pack a target: 23 bits of mantissa below a clear sign bit."""
    size = (target.bit_length() + 7) // 8
    mantissa = target >> 8 * (size - 3)
    return (size + 1) << 24 | mantissa >> 8 if mantissa & 0x800000 else size << 24 | mantissa


def retargeted(nbits: int, span_s: int) -> int:
    return packed(min(target_of(nbits) * min(max(span_s, TWO_WEEKS_S // 4), TWO_WEEKS_S * 4) // TWO_WEEKS_S, EASIEST))


def hashrate_ehps(nbits: int, span_s: int) -> float:
    """Return D * 2^32 * 2015 / span in EH/s."""
    return float(Fraction(EASIEST, target_of(nbits)) * 2**32 * 2015 / span_s / 10**18)


def quantile(values: list[float], part: float) -> float:
    """Interpolate between the two neighbours in order of size."""
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    low = floor(place)
    return ordered[low] + (place - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low])


def deviation(values: list[float]) -> float:
    """Return the standard deviation of a sample."""
    mean = sum(values) / len(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


@pytest.fixture(scope="module")
def tables(done: Any) -> dict[str, list[Row]]:
    names = ("blocks", "epochs", "replicates", "comparison", "priors")
    return {name: pq.read_table(done.folder / f"{name}.parquet").to_pylist() for name in names}


@pytest.fixture(scope="module")
def summary(done: Any) -> dict[str, Any]:
    return json.loads((done.folder / "summary.json").read_bytes())


@pytest.fixture(scope="module")
def real() -> list[Row]:
    """Return the real epochs; the last one only closes the one before it."""
    text = (ROOT / "reports/data/observed/bitcoin-2021.toml").read_text(encoding="utf-8")
    return [entry | {"nbits": int(entry["nbits"], 16)} for entry in tomllib.loads(text)["epoch"]]


def of_height(rows: list[Row], height: int) -> list[Row]:
    return [row for row in rows if row["first_height"] == height]


def test_the_simulated_hash_rate_is_the_median_of_what_headers_show(summary: Any, tables: Any) -> None:
    for row in summary["epochs"]:
        rates = [hashrate_ehps(one["nbits"], one["span_s"]) for one in of_height(tables["epochs"], row["first_height"])]
        assert len(rates) == 4
        assert row["simulated_ehps"] == pytest.approx(median(rates), rel=1e-12)
        assert row["p05_ehps"] == pytest.approx(quantile(rates, 0.05), rel=1e-12)
        assert row["p95_ehps"] == pytest.approx(quantile(rates, 0.95), rel=1e-12)
        noise = hypot(deviation(rates), 0.022 * median(rates))
        assert row["z"] == pytest.approx((row["observed_ehps"] - median(rates)) / noise, rel=1e-9)


def test_the_observed_hash_rate_is_that_of_the_real_headers(summary: Any, real: list[Row]) -> None:
    for row, (epoch, following) in zip(summary["epochs"], pairwise(real), strict=True):
        assert row["first_height"] == epoch["first_height"]
        rate = hashrate_ehps(epoch["nbits"], epoch["last_unix_s"] - epoch["first_unix_s"])
        assert row["observed_ehps"] == pytest.approx(rate, rel=1e-12)
        change = (target_of(epoch["nbits"]) / target_of(following["nbits"]) - 1) * 100
        assert row["observed_change_pct"] == pytest.approx(change, rel=1e-9)


def test_the_simulated_change_is_the_median_over_the_replicates(summary: Any, tables: Any) -> None:
    for row in summary["epochs"]:
        changes = [
            (target_of(one["nbits"]) / target_of(retargeted(one["nbits"], one["span_s"])) - 1) * 100
            for one in of_height(tables["epochs"], row["first_height"])
        ]
        assert row["simulated_change_pct"] == pytest.approx(median(changes), rel=1e-9)


def test_the_mean_error_and_that_of_persistence(summary: Any, tables: Any, real: list[Row]) -> None:
    misses, idle = [], []
    for row, epoch in zip(summary["epochs"], real, strict=False):
        actual = hashrate_ehps(epoch["nbits"], epoch["last_unix_s"] - epoch["first_unix_s"])
        ones = of_height(tables["epochs"], row["first_height"])
        misses.append(abs(median(hashrate_ehps(one["nbits"], one["span_s"]) for one in ones) / actual - 1))
        idle.append(abs(179.201 / actual - 1))  # the rate of the epoch before the start, which the scenario states
    assert len(misses) == 17
    assert summary["mape_hashrate_pct"] == pytest.approx(100 * sum(misses) / 17, rel=1e-12)
    assert summary["baselines"]["persistence"] == pytest.approx(100 * sum(idle) / 17, rel=1e-12)


def test_the_cut_is_the_median_of_the_replicates(summary: Any, tables: Any) -> None:
    cut, rows = summary["sichuan_cut"], tables["replicates"]
    for name, column, scale in (("power_cut", "power_cut_w", 1e6), ("energy_withheld", "energy_withheld_j", 3.6e9)):
        unit = "mw" if name == "power_cut" else "mwh"
        values = [row[column] / scale for row in rows]
        assert cut[f"{name}_{unit}"] == pytest.approx(median(values), rel=1e-12)
        assert cut[f"{name}_p05_{unit}"] == pytest.approx(quantile(values, 0.05), rel=1e-12)
        assert cut[f"{name}_p95_{unit}"] == pytest.approx(quantile(values, 0.95), rel=1e-12)
    for side in ("before", "after"):
        rates = [row[f"hashrate_{side}_hps"] / 1e18 for row in rows]
        assert cut[f"hashrate_{side}_ehps"] == pytest.approx(median(rates), rel=1e-12)


@pytest.mark.parametrize(
    ("column", "first", "last"),
    [
        ("hashrate_before_hps", datetime(2021, 6, 14, tzinfo=UTC), datetime(2021, 6, 19, tzinfo=UTC)),
        ("hashrate_after_hps", datetime(2021, 6, 20, tzinfo=UTC), datetime(2021, 6, 26, tzinfo=UTC)),
    ],
)
def test_the_windows_around_the_cut_agree_with_the_hours(
    done: Any, tables: Any, column: str, first: datetime, last: datetime
) -> None:
    """Hours weighted by how much of each lies in the window; only the two hours at its ends are cut."""
    total = weight = 0.0
    for row in pq.read_table(done.folder / "network.parquet", columns=["time_utc", "hashrate_hps"]).to_pylist():
        start_s, end_s = ((moment - row["time_utc"]).total_seconds() for moment in (first, last))
        inside_s = max(0.0, min(end_s, 3600) - max(start_s, 0))
        total, weight = total + inside_s * row["hashrate_hps"], weight + inside_s
    assert weight == (last - first).total_seconds()
    assert tables["replicates"][0][column] == pytest.approx(total / weight, rel=1e-4)


def test_energy_is_power_times_an_hour_and_carbon_energy_times_the_factor(done: Any) -> None:
    text = (ROOT / "gridsim/data/regions/world-2021.toml").read_text(encoding="utf-8")
    factor = {entry["id"]: entry["carbon_g_per_kwh"]["value"] for entry in tomllib.loads(text)["region"]}
    table = pq.read_table(done.folder / "regions.parquet")
    assert len(table) > 17 * 5_000
    power_w, energy_j, carbon_g = (table[name].to_numpy() for name in ("power_w", "energy_j", "carbon_g"))
    assert np.array_equal(energy_j, power_w * 3600)
    factors = np.array([factor[region] for region in table["region"].to_pylist()])
    np.testing.assert_allclose(carbon_g, energy_j / 3.6e6 * factors, rtol=1e-12)
    assert carbon_g.sum() > 0


def test_the_network_is_the_sum_of_its_regions(done: Any) -> None:
    regions = pq.read_table(done.folder / "regions.parquet", columns=["time_utc", "hashrate_hps"]).to_pylist()
    total: dict[datetime, float] = {}
    for row in regions:
        total[row["time_utc"]] = total.get(row["time_utc"], 0.0) + row["hashrate_hps"]
    network = pq.read_table(done.folder / "network.parquet").to_pylist()
    assert network[0]["time_utc"] == START
    for number, row in enumerate(network):
        assert (row["time_utc"] - START).total_seconds() == number * 3600
        assert row["hashrate_hps"] == pytest.approx(total[row["time_utc"]], rel=1e-9)
        assert row["p05_hps"] <= row["p50_hps"] <= row["p95_hps"]


def epochs_of(blocks: list[Row]) -> Iterator[list[Row]]:
    return (blocks[start : start + EPOCH] for start in range(0, len(blocks) - 1, EPOCH))


def test_the_chain_has_every_block_and_its_retargets_obey_consensus(tables: Any) -> None:
    blocks = tables["blocks"]
    assert [row["height"] for row in blocks] == list(range(FIRST, LAST + 1))
    assert blocks[0]["time_utc"] == START
    for row, following in pairwise(blocks):
        assert row["time_utc"].microsecond == 0
        assert row["time_utc"] <= following["time_utc"]
    assert blocks[0]["nbits"] == 0x170B3CE9
    due = [blocks[0]["nbits"]]
    for epoch in epochs_of(blocks):
        assert {row["nbits"] for row in epoch} == {due[-1]}
        due.append(retargeted(due[-1], int((epoch[-1]["time_utc"] - epoch[0]["time_utc"]).total_seconds())))
    assert len(due) == 18
    assert blocks[-1]["nbits"] == due[-1]
    for row in blocks:
        assert row["difficulty"] == pytest.approx(EASIEST / target_of(row["nbits"]), rel=1e-15)


def test_the_epochs_of_run_0_are_those_of_its_blocks(tables: Any) -> None:
    wanted = [
        (epoch[0]["height"], epoch[0]["nbits"], epoch[0]["time_utc"], epoch[-1]["time_utc"])
        for epoch in epochs_of(tables["blocks"])
    ]
    told = [row for row in tables["epochs"] if row["replicate"] == 0]
    assert [(row["first_height"], row["nbits"], row["first_time_utc"], row["last_time_utc"]) for row in told] == wanted
    for row in told:
        assert row["span_s"] == (row["last_time_utc"] - row["first_time_utc"]).total_seconds()
        assert row["hashrate_hps"] / 1e18 == pytest.approx(hashrate_ehps(row["nbits"], row["span_s"]), rel=1e-12)


def test_every_draw_lies_in_its_prior(tables: Any) -> None:
    text = (ROOT / "gridsim/data/priors/sichuan-2021.toml").read_text(encoding="utf-8")
    priors = {entry["name"]: entry for entry in tomllib.loads(text)["prior"]}
    assert sorted((row["replicate"], row["name"]) for row in tables["priors"]) == [
        (replicate, name) for replicate in range(4) for name in sorted(priors)
    ]
    for row in tables["priors"]:
        prior = priors[row["name"]]
        assert prior["low"] <= row["value"] <= prior["high"]
        assert row["unit"] == prior["unit"]


def test_the_comparison_table_says_what_the_summary_says(summary: Any, tables: Any) -> None:
    assert [{key: row[key] for key in summary["epochs"][0]} for row in tables["comparison"]] == summary["epochs"]
