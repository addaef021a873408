"""The same seed gives the same bytes whoever works; another seed does not; replicate i knows nothing of those after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gridsim.ensemble import run_batch
from gridsim.scenario import Scenario
from reports import closing, pipeline
from reports.pipeline import execute
from reports.request import RunRequest
from reports.tables import simulated_tables
from reports.write import RunFolder

SIMULATED = {"regions", "blocks", "events", "network", "epochs", "replicates", "priors"}
BY_REPLICATE = ("epochs", "replicates", "priors")
NINE = 9  # one worker gets them three at a time, two workers in twos: the batches differ too
OF_RUN_0 = ("regions", "blocks", "events")

Digests = dict[str, str]


@pytest.fixture(scope="module")
def digests(tmp_path_factory: pytest.TempPathFactory, short: Scenario, right_here: Any) -> Callable[..., Digests]:
    """Return a function that runs the short world and returns the digests of its tables; no worker means this process.

    Figures are left out: `test_figures` holds them to their bytes.
    """

    def run(*, seed: int = 1, replicates: int = NINE, workers: int = 0) -> Digests:
        folder = RunFolder.create(tmp_path_factory.mktemp("run") / "out", short.id)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(closing, "PICTURES", {})
            if not workers:
                patch.setattr(pipeline, "worker_pool", right_here)
            request = RunRequest(scenario=short, seed=seed, replicates=replicates, workers=max(workers, 1))
            execute(request, folder, lambda _done: None)
        tables = {name.removesuffix(".parquet"): entry for name, entry in folder.outputs.items() if name.endswith(".parquet")}
        return {name: str(entry["sha256"]) for name, entry in tables.items()}

    return run


@pytest.fixture(scope="module")
def alone(digests: Callable[..., Digests]) -> Digests:
    return digests(workers=1)


def test_two_workers_write_the_bytes_of_one(digests: Callable[..., Digests], alone: Digests) -> None:
    assert set(alone) == SIMULATED | {"comparison"}
    assert digests(workers=2) == alone


def test_so_does_no_worker_at_all_and_a_second_time(digests: Callable[..., Digests], alone: Digests) -> None:
    assert digests() == alone
    assert digests() == alone


def test_another_seed_changes_every_table(digests: Callable[..., Digests], alone: Digests) -> None:
    other = digests(seed=2)
    assert set(other) == set(alone)
    assert {name for name in alone if other[name] == alone[name]} == set()


def test_the_run_that_figures_show_does_not_depend_on_how_many_follow(digests: Callable[..., Digests], alone: Digests) -> None:
    two = digests(replicates=2)
    assert {name: two[name] for name in OF_RUN_0} == {name: alone[name] for name in OF_RUN_0}
    assert two["replicates"] != alone["replicates"]


def test_neither_does_any_other_replicate(short: Scenario) -> None:
    two, four = (simulated_tables(short, run_batch(short, 1, range(count))) for count in (2, 4))
    for name in BY_REPLICATE:
        kept = [row for row in four[name].to_pylist() if row["replicate"] < 2]
        assert two[name].to_pylist() == kept
        assert len(four[name]) == 2 * len(kept) > 0


def test_replicates_differ_from_each_other(short: Scenario) -> None:
    rows = simulated_tables(short, run_batch(short, 1, range(4)))["replicates"].to_pylist()
    assert len({row["power_cut_w"] for row in rows}) == len({row["end_time_utc"] for row in rows}) == 4


def test_a_table_written_twice_has_the_same_bytes(short: Scenario, tmp_path: Path) -> None:
    table = simulated_tables(short, run_batch(short, 1, [0]))["regions"]
    for name in ("one", "other"):
        RunFolder.create(tmp_path / name, short.id).write_table("regions", table, csv=True)
    for file in ("regions.parquet", "regions.csv"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()
