"""One whole run for all tests of its folder, a short world with the same parts, and a pool that works right here."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gridsim.load import load_scenario
from gridsim.scenario import Scenario
from reports.cli.main import main

ROOT = Path(__file__).parents[2]

SHORT = """extends = "sichuan-2021"
id = "sichuan-short"
drop = ["proof_height"]
[network]
end_height = 689472

[question]  # its windows within the three epochs
horizon_end = 2021-06-28T00:00:00+08:00
"""
"""Sichuan's world up to early July 2021, three epochs, without the search for a nonce: a tenth of a second a replicate."""


class Done(NamedTuple):
    """A whole run in a process of its own: its folder, what it printed, and how long it took [s]."""

    folder: Path
    stdout: str
    stderr: str
    elapsed_s: float


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Run Sichuan's crackdown as a user would, once for the whole session."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    words = ["run", "sichuan-2021", "--seed", "1", "--replicates", "4", "--out", str(folder), "--json", "--workers", "2"]
    started_s = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-m", "reports", *words], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return Done(folder, ended.stdout, ended.stderr, time.monotonic() - started_s)


@pytest.fixture(scope="session")
def short_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the short world's scenario and return its path."""
    path = tmp_path_factory.mktemp("short") / "sichuan-short.toml"
    path.write_text(SHORT, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def short(short_file: Path) -> Scenario:
    return load_scenario(str(short_file))


class RightHere(Executor):
    """A pool that does everything at once in this process."""

    def submit(self, task: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(task(*arguments, **options))
        return future


@pytest.fixture(scope="session")
def right_here() -> Callable[[int], Any]:
    """Return what may stand in for `worker_pool`: no processes, everything done at once."""

    @contextmanager
    def pool(_workers: int) -> Iterator[RightHere]:
        yield RightHere()

    return pool


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs ``hashwatt WORDS`` in an empty folder, where it must be refused as bad input.

    That is: exit code 2, nothing on stdout, one line on stderr, and the folder as it was. Its sentence is returned.
    """
    monkeypatch.delenv("HASHWATT_DEBUG", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> str:
        before = listing(tmp_path)
        with pytest.raises(SystemExit) as end:
            main(list(words))
        told = capsys.readouterr()
        assert told.err.startswith("hashwatt: "), told.err
        assert told.err.count("\n") == 1, told.err
        assert (end.value.code, told.out) == (2, ""), told.err
        assert listing(tmp_path) == before, told.err
        return told.err.removeprefix("hashwatt: ").removesuffix("\n")

    return run


@pytest.fixture
def start_hashwatt() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts ``hashwatt WORDS`` as a user does, behind the words `before`; all are killed at the end."""
    running: list[subprocess.Popen[str]] = []

    def begin(*words: str, before: Sequence[str] = ()) -> subprocess.Popen[str]:
        command = [*before, str(Path(sys.executable).with_name("hashwatt")), *words]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Return what lies in a folder, with kind and size."""
    found = {str(path.relative_to(folder)): path.lstat() for path in sorted(folder.rglob("*"))}
    return {name: (state.st_mode, state.st_size) for name, state in found.items() if not name.startswith("__pycache__")}
