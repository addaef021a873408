"""A run folder is read whole, or refused with one sentence."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reports.errors import RunFolderError
from reports.served_run import COLUMNS, read_served_run
from reports.snapshot import state_at
from reports.tables_schema import SCHEMAS

if TYPE_CHECKING:
    from tests.reports.serving.conftest import Change, WriteRun

MOMENT = pa.timestamp("ms", tz="UTC")


def test_the_columns_read_are_columns_that_a_run_writes() -> None:
    """Reader and writer share no code; here is where they meet."""
    assert {name: set(columns) - set(SCHEMAS[name].names) for name, columns in COLUMNS.items()} == {
        name: set() for name in COLUMNS
    }
    assert {SCHEMAS[name].field("time_utc").type for name in COLUMNS} == {MOMENT}


def test_a_run_is_read_as_written(run: Path, start_s: float) -> None:
    identity, series = read_served_run(run)
    assert (identity.run_id, identity.scenario, identity.seed) == ("sichuan-2021-20261123T083000Z", "sichuan-2021", "7")
    assert series.regions == ("Sichuan", "Texas")
    assert (series.start_s, series.end_s) == (start_s, start_s + 4 * 3600)
    state = state_at(series, series.end_s)
    assert [region.energy_j for region in state.regions] == [3e9 * 3600, 2.3e9 * 3600]
    assert state.cutoffs == (("Sichuan", "order", 1), ("Texas", "shortage", 1))
    assert state.regions[0].carbon_g_per_j is None
    assert state.regions[1].carbon_g_per_j == pytest.approx(400 / 3.6e6, rel=1e-15)


def test_a_block_after_the_last_whole_hour_ends_the_run(write_run: WriteRun, start_s: float) -> None:
    def longer(tables: dict[str, pa.Table]) -> None:
        last = pa.array(
            [*tables["blocks"]["time_utc"].cast(pa.int64()).to_pylist()[:3], int(1000 * start_s) + 15_000_000], MOMENT
        )
        tables["blocks"] = tables["blocks"].set_column(1, "time_utc", last)

    _, series = read_served_run(write_run(longer))
    assert series.end_s == start_s + 15_000
    assert state_at(series, series.end_s).block_height == 688003


def drop_rows(tables: dict[str, pa.Table]) -> None:
    tables["regions"] = tables["regions"].slice(0, 7)


def drop_hour(tables: dict[str, pa.Table]) -> None:
    tables["regions"] = pa.concat_tables([tables["regions"].slice(0, 2), tables["regions"].slice(4)])


def drop_column(tables: dict[str, pa.Table]) -> None:
    tables["regions"] = tables["regions"].drop_columns(["energy_j"])


def drop_table(tables: dict[str, pa.Table]) -> None:
    del tables["network"]


def unorder(tables: dict[str, pa.Table]) -> None:
    tables["blocks"] = tables["blocks"].take([3, 0, 1, 2])


def empty(tables: dict[str, pa.Table]) -> None:
    tables["regions"] = tables["regions"].slice(0, 0)


def negative(tables: dict[str, pa.Table]) -> None:
    tables["regions"] = tables["regions"].set_column(4, "energy_j", pa.array([-1.0] * 8))


def holes(tables: dict[str, pa.Table]) -> None:
    tables["network"] = tables["network"].set_column(1, "hashrate_hps", pa.array([1e20, None, 1e20, 1e20]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop_rows, "does not hold every region once for every hour"),
        (drop_hour, "does not hold every region once for every hour"),
        (empty, "does not hold every region once for every hour"),
        (drop_column, "no column energy_j"),
        (drop_table, "no network.parquet"),
        (unorder, "blocks.parquet is not in order of time"),
        (negative, "energy_j that is negative"),
        (holes, "empty values in hashrate_hps"),
    ],
)
def test_a_damaged_table_is_a_sentence(write_run: WriteRun, change: Change, words: str) -> None:
    with pytest.raises(RunFolderError) as caught:
        read_served_run(write_run(change))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_that_the_run_did_not_write_is_refused(run: Path) -> None:
    table = pq.read_table(run / "blocks.parquet")
    pq.write_table(table.slice(0, 3), run / "blocks.parquet")
    with pytest.raises(RunFolderError, match=r"blocks\.parquet: not the file that the manifest lists"):
        read_served_run(run)


def test_a_table_that_is_no_table_is_refused(run: Path) -> None:
    content = b"PAR1 no more"
    (run / "blocks.parquet").write_bytes(content)
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["outputs"]["blocks.parquet"]["sha256"] = hashlib.sha256(content).hexdigest()
    (run / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(RunFolderError, match=r"blocks\.parquet: cannot be read"):
        read_served_run(run)


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (None, "not complete"),
        ('{"run_id": ', "cannot be read"),
        ("[]", "schema version None"),
        ('{"schema_version": 99}', "schema version 99"),
        ('{"schema_version": 1}', "does not say which run this is ('run_id')"),
        ('{"schema_version": 1, "run_id": "r", "seed": 1, "scenario": "s"}', "does not say which run this is"),
        ('{"schema_version": 1, "run_id": "r", "seed": 1, "scenario": {"id": "s"}}', "not the file that the manifest lists"),
        ('{"schema_version": 1, "run_id": "r", "seed": 1, "scenario": {"id": "s"}, "outputs": []}', "not the file"),
    ],
)
def test_a_run_that_is_not_complete_is_a_sentence(run: Path, manifest: str | None, words: str) -> None:
    if manifest is None:
        (run / "manifest.json").unlink()
    else:
        (run / "manifest.json").write_text(manifest)
    with pytest.raises(RunFolderError) as caught:
        read_served_run(run)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="nowhere"):
        read_served_run(tmp_path / "nowhere")
