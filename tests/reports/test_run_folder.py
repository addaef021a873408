"""A run's folder belongs to one run, keeps what was written, and says so when something ended it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from gridsim.load import load_scenario
from reports import closing, pipeline, write
from reports.cli.main import main
from reports.errors import ComparisonError, RunFolderError
from reports.pipeline import execute
from reports.request import RunRequest
from reports.write import CLAIM, RunFolder, read_manifest, write_whole

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_two_runs_of_one_second_get_two_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = [RunFolder.create(None, "demo", now=NOW).path for _ in range(3)]
    assert [str(path) for path in paths] == [f"runs/demo-20260102T030405Z{tail}" for tail in ("", "-2", "-3")]


def test_a_folder_is_claimed_until_its_run_is_complete_or_marked(tmp_path: Path) -> None:
    first = RunFolder.create(tmp_path / "run", "demo")
    with pytest.raises(RunFolderError, match="another run writes there, or was killed while it did"):
        RunFolder.create(tmp_path / "run", "demo")
    first.finish({})
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["manifest.json"]
    other = RunFolder.create(tmp_path / "other", "demo")
    other.mark_partial("it failed")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["PARTIAL.txt"]


def test_of_two_that_claim_at_once_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other comes between the look and the claim."""
    honest = write._claim

    def beaten(path: Path) -> None:
        (path / CLAIM).touch()
        honest(path)

    monkeypatch.setattr(write, "_claim", beaten)
    with pytest.raises(RunFolderError, match="another run took that folder just now"):
        RunFolder.create(tmp_path / "run", "demo")


def test_a_full_disk_names_the_file_and_leaves_no_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=rf"No space left on device: '{tmp_path / 'table'}'"):
        write_whole(tmp_path / "table", b"content")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def demo(tmp_path: Path, right_here: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Return a function that runs the demo in this process, where every replicate is in at once."""
    monkeypatch.setattr(pipeline, "worker_pool", right_here)

    def run() -> Path:
        folder = RunFolder.create(tmp_path / "run", "demo")
        execute(RunRequest(scenario=load_scenario("demo"), seed=1, replicates=3, workers=1), folder, lambda _done: None)
        return folder.path

    return run


@pytest.mark.parametrize(
    ("error", "why"),
    [
        pytest.param(KeyboardInterrupt(), "interrupted", id="ctrl-c"),
        pytest.param(ComparisonError("no epoch"), "it failed", id="comparison"),
        pytest.param(OSError(errno.ENOSPC, "No space left on device"), "it failed", id="disk"),
    ],
)
@pytest.mark.parametrize("place", ["close", "_compare"])
def test_whatever_ends_a_run_what_had_arrived_is_there_and_marked(
    demo: Callable[[], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, why: str, place: str
) -> None:
    """Before the first table is written as well as after."""

    def fails(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(closing, place, fails)
    with pytest.raises(type(error)):
        demo()
    run = tmp_path / "run"
    assert f"This run is not complete: {why} after 3 of 3 replicates.\n" in (run / "PARTIAL.txt").read_text(encoding="utf-8")
    assert "replicates.parquet" in (run / "PARTIAL.txt").read_text(encoding="utf-8")
    assert pq.read_table(run / "replicates.parquet")["replicate"].to_pylist() == [0, 1, 2]
    assert not list(run.glob(".*"))
    with pytest.raises(RunFolderError, match="not complete"):
        read_manifest(run)


def test_a_whole_run_leaves_no_claim(demo: Callable[[], Path]) -> None:
    folder = demo()
    assert not list(folder.glob(".*"))
    assert read_manifest(folder)["run_id"] == "run"


@pytest.mark.parametrize("closed", ["<&- 1>&-", "2>&-", "2>/dev/full", "1>&- 2>&-"])
def test_a_closed_or_full_stream_does_not_end_a_run(tmp_path: Path, closed: str) -> None:
    command = f'exec "{sys.executable}" -m reports run demo --replicates 1 --workers 1 --out "{tmp_path / "run"}" {closed}'
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        ["bash", "-c", command], env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Traceback") == 0
    assert (tmp_path / "run" / "manifest.json").is_file()


def test_letters_that_an_encoding_lacks_do_not_end_the_program(tmp_path: Path) -> None:
    scenario = tmp_path / "c.toml"
    scenario.write_text('extends = "demo"\nid = "c"\ntitle = "四川 [/foo] $x"\n', encoding="utf-8")
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-m", "reports", "scenarios", "check", str(scenario)],
        env={**os.environ, "PYTHONPATH": root, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u56db\\u5ddd [/foo] $x" in done.stdout


def test_a_folder_whose_name_is_no_text_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["run", "demo", "--out", os.fsdecode(b"/tmp/\xff\xfe")])
    assert end.value.code == 2
    assert "not text in UTF-8" in capsys.readouterr().err


def test_a_run_of_a_file_of_ones_own_says_how_to_have_it_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenario = tmp_path / "my world.toml"
    scenario.write_text('extends = "demo"\nid = "mine"\n', encoding="utf-8")
    with pytest.raises(SystemExit) as end:
        main(["run", str(scenario), "--replicates", "1", "--workers", "1", "--out", str(tmp_path / "run"), "--quiet", "--json"])
    assert end.value.code == 0
    assert f'"rerun": "hashwatt run \'{scenario}\' --seed 1 --replicates 1"' in capsys.readouterr().out
    assert load_scenario("demo").title in (tmp_path / "run" / "scenario.json").read_text(encoding="utf-8")
