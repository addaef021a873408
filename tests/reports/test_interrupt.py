"""A real Ctrl-C into a run: what has arrived is kept and marked, nothing pretends to be whole, nobody is left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest

from gridsim.load import load_scenario
from reports import pipeline
from reports.pipeline import execute
from reports.request import RunRequest
from reports.write import RunFolder

ROOT = Path(__file__).parents[2]
REPLICATES = 64
WORKER = "spawn_main"  # stands in the command line of every worker process


def hear_ctrl_c() -> None:
    """Undo what a shell does to jobs in the background: Ctrl-C is not for them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Run:
    """A run in a process group of its own, as a shell starts it; stderr goes to a file, so that nobody blocks on it."""

    def __init__(self, folder: Path, scenario: str) -> None:
        self.out, self._stderr = folder / "run", folder / "stderr.txt"
        words = ["run", scenario, "--replicates", str(REPLICATES), "--workers", "2", "--out", str(self.out)]
        with self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "reports", *words],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
                preexec_fn=hear_ctrl_c,
            )
        self.children: list[psutil.Process] = []

    @property
    def told(self) -> str:
        return self._stderr.read_text(encoding="utf-8")

    def has_told(self, text: str) -> bool:
        return text in self.told or self.process.poll() is not None

    def has_workers(self, count: int) -> bool:
        if self.process.poll() is not None:
            return True
        lines = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                lines.append(" ".join(child.cmdline()))
        return sum(WORKER in line for line in lines) == count

    def send(self, number: signal.Signals, *, group: bool) -> None:
        self.children = psutil.Process(self.process.pid).children(recursive=True)
        (os.killpg if group else os.kill)(self.process.pid, number)

    def left(self) -> list[str]:
        """Return the children that still run; one that has ended and waits to be seen does not."""
        return [str(child) for child in self.children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


@contextmanager
def started(folder: Path, scenario: str) -> Iterator[Run]:
    """Start a run; whatever happens, end it and its children one by one."""
    run = Run(folder, scenario)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.children = psutil.Process(run.process.pid).children(recursive=True)
            run.process.kill()
            run.process.wait(timeout=10)
        for child in run.children:
            if child.is_running():
                child.kill()


def until(check: Callable[[], object], seconds: float) -> bool:
    """Wait until `check` holds, up to some seconds; tell whether it came to hold."""
    deadline_s = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return Sichuan's whole world without its search for a nonce: the first replicates are told of within seconds."""
    path = tmp_path_factory.mktemp("scenario") / "no-proof.toml"
    path.write_text('extends = "sichuan-2021"\nid = "no-proof"\ndrop = ["proof_height"]\n', encoding="utf-8")
    return str(path)


def refused_by_serve(python: Callable[..., Any], folder: Path) -> str:
    served = python("-m", "reports", "serve", str(folder), "--port", "0")
    assert (served.returncode, served.stdout) == (2, "")
    return str(served.stderr)


@pytest.mark.parametrize("group", [True, False], ids=["terminal", "parent-alone"])
def test_ctrl_c_keeps_what_has_arrived(tmp_path: Path, scenario: str, python: Callable[..., Any], *, group: bool) -> None:
    with started(tmp_path, scenario) as run:
        assert until(lambda: run.has_told(f" of {REPLICATES} replicates\n"), 60), run.told
        run.send(signal.SIGINT, group=group)
        assert run.process.wait(timeout=30) == 130
        assert until(lambda: not run.left(), 10), run.left()
    assert re.fullmatch(rf"(\d+ of {REPLICATES} replicates\n)+hashwatt: interrupted\n", run.told)
    partial = (run.out / "PARTIAL.txt").read_text(encoding="utf-8")
    arrived = re.match(rf"This run is not complete: interrupted after (\d+) of {REPLICATES} replicates\.\n", partial)
    assert arrived is not None, partial
    count = int(arrived[1])
    assert 0 < count < REPLICATES
    assert not (run.out / "manifest.json").exists()
    tables = {path.stem: pq.read_table(path) for path in run.out.glob("*.parquet")}
    assert {"epochs", "replicates", "priors"} <= set(tables)
    indices = tables["replicates"]["replicate"].to_pylist()
    assert len(indices) == len(set(indices)) == count
    assert set(tables["epochs"]["replicate"].to_pylist()) == set(tables["priors"]["replicate"].to_pylist()) == set(indices)
    assert ({"regions", "blocks", "events", "network"} <= set(tables)) == (0 in indices)
    assert not list(run.out.glob(".*"))
    assert refused_by_serve(python, run.out) == (
        f"hashwatt: {run.out}: no manifest.json, so the run is not complete; run the scenario again\n"
    )


@pytest.mark.parametrize("group", [True, False], ids=["terminal", "parent-alone"])
def test_ctrl_c_before_anything_has_arrived(tmp_path: Path, python: Callable[..., Any], *, group: bool) -> None:
    """Workers are still loading their libraries then, and this process searches for the nonce of block 687446."""
    with started(tmp_path, "sichuan-2021") as run:
        assert until(lambda: run.has_workers(2), 60), run.told
        time.sleep(0.3)
        run.send(signal.SIGINT, group=group)
        assert run.process.wait(timeout=30) == 130
        assert until(lambda: not run.left(), 10), run.left()
    assert run.told == "hashwatt: interrupted\n"
    partial = (run.out / "PARTIAL.txt").read_text(encoding="utf-8")
    assert partial.startswith(f"This run is not complete: interrupted after 0 of {REPLICATES} replicates.\n")
    tables = {path.stem: pq.read_table(path) for path in run.out.glob("*.parquet")}
    assert {name: len(table) for name, table in tables.items()} == {"epochs": 0, "replicates": 0, "priors": 0}
    assert not (run.out / "manifest.json").exists()
    assert "not complete" in refused_by_serve(python, run.out)


def test_no_worker_outlives_a_run_that_is_ended(tmp_path: Path, scenario: str) -> None:
    """`timeout`, a job scheduler or a stopped container sends SIGTERM."""
    with started(tmp_path, scenario) as run:
        assert until(lambda: run.has_workers(2), 60), run.told
        time.sleep(0.3)
        run.send(signal.SIGTERM, group=False)
        assert run.process.wait(timeout=30) != 0
        assert until(lambda: not run.left(), 6), run.left()


def test_a_worker_that_is_killed_ends_the_run_with_a_sentence(tmp_path: Path, scenario: str) -> None:
    """As the kernel does to whoever takes too much memory; what had arrived is kept and marked."""
    with started(tmp_path, scenario) as run:
        assert until(lambda: run.has_told(f" of {REPLICATES} replicates\n"), 60), run.told
        run.children = psutil.Process(run.process.pid).children(recursive=True)
        next(child for child in run.children if WORKER in " ".join(child.cmdline())).kill()
        assert run.process.wait(timeout=30) == 1
        assert until(lambda: not run.left(), 10), run.left()
    assert re.search(
        rf"hashwatt: a worker process ended after \d+ of {REPLICATES} replicates, .*; try fewer --workers\n$", run.told
    )
    assert "Traceback" not in run.told
    assert "a worker process was lost after" in (run.out / "PARTIAL.txt").read_text(encoding="utf-8")
    assert not (run.out / "manifest.json").exists()
    assert pq.read_table(run.out / "replicates.parquet").num_rows > 0


@pytest.fixture
def demo_here(tmp_path: Path, right_here: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Return a function that runs the demo with a search for a nonce in this process; every replicate is in at once."""
    path = tmp_path / "proving.toml"
    path.write_text('extends = "demo"\nid = "proving"\nproof_height = 687446\n', encoding="utf-8")
    monkeypatch.setattr(pipeline, "worker_pool", right_here)

    def run() -> Path:
        folder = RunFolder.create(tmp_path / "run", "proving")
        request = RunRequest(scenario=load_scenario(str(path)), seed=1, replicates=3, workers=1)
        with pytest.raises(KeyboardInterrupt):
            execute(request, folder, lambda _done: None)
        return folder.path

    return run


def interrupt(*_arguments: object, **_options: object) -> None:
    raise KeyboardInterrupt


def test_what_arrived_during_the_search_for_the_nonce_is_kept(
    demo_here: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "prove_block", interrupt)
    folder = demo_here()
    assert pq.read_table(folder / "replicates.parquet")["replicate"].to_pylist() == [0, 1, 2]
    assert "interrupted after 3 of 3 replicates" in (folder / "PARTIAL.txt").read_text(encoding="utf-8")


def test_ctrl_c_while_the_reports_are_written(demo_here: Callable[[], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "prove_block", lambda height: None)
    monkeypatch.setattr("reports.closing.summarise", interrupt)
    monkeypatch.setattr("reports.closing.PICTURES", {})
    folder = demo_here()
    assert pq.read_table(folder / "replicates.parquet")["replicate"].to_pylist() == [0, 1, 2]
    assert "interrupted after 3 of 3 replicates" in (folder / "PARTIAL.txt").read_text(encoding="utf-8")
    assert not (folder / "manifest.json").exists()
    assert not (folder / "summary.json").exists()
