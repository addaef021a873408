"""Links to emulated devices: nobody else's is touched, and none is left behind, however the program is ended."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(start_hashwatt: Start) -> Start:
    return partial(start_hashwatt, "emulate")


def served(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_link_of_somebody_else_is_left_alone(start: Start, tmp_path: Path) -> None:
    link = tmp_path / "mine"
    link.symlink_to("/etc/hostname")
    process = start("pzem", "--load-w", "5", "--link", str(link))
    _, err = process.communicate(timeout=30)
    assert (process.returncode, str(link.readlink())) == (2, "/etc/hostname")
    assert err == f"hashwatt: {link}: this link leads to /etc/hostname, to no emulated device; want another path\n"


def test_the_link_of_an_emulator_that_runs_is_left_to_it_and_that_of_a_dead_one_is_taken(start: Start, tmp_path: Path) -> None:
    link = tmp_path / "meter"
    first = start("pzem", "--load-w", "5", "--link", str(link))
    path = served(first)
    second = start("sdm120", "--load-w", "5", "--link", str(link))
    _, err = second.communicate(timeout=30)
    assert (second.returncode, str(link.readlink())) == (2, path)
    assert f"{link}: this link leads to {path}, which is in use" in err
    first.kill()
    first.wait()
    assert link.is_symlink()
    third = start("sdm120", "--load-w", "5", "--link", str(link))
    assert served(third) == str(link.readlink())


@pytest.mark.parametrize(
    ("signals", "codes"),
    [
        (["SIGINT"] * 3, {130, -signal.SIGINT}),  # the last may come when nothing but the goodbye is left to do
        (["SIGTERM"], {0}),
        (["SIGHUP"], {0}),
        (["SIGTERM", "SIGINT"], {0, 130, -signal.SIGINT}),
    ],
)
def test_however_it_is_ended_no_link_is_left(start: Start, tmp_path: Path, signals: list[str], codes: set[int]) -> None:
    process = start("pzem", "--load-w", "5", "--count", "3", "--link", str(tmp_path / "meter"))
    assert all(served(process) for _ in range(3))
    assert len(list(tmp_path.iterdir())) == 3
    time.sleep(0.1)
    for name in signals:
        process.send_signal(getattr(signal, name))
        time.sleep(0.002)
    process.communicate(timeout=20)
    assert process.returncode in codes
    assert list(tmp_path.iterdir()) == []


def test_under_nohup_it_outlives_its_terminal(start: Start) -> None:
    """A hang-up that was ignored before it was started is none; --seconds ends it then."""
    process = start("pzem", "--load-w", "5", "--seconds", "1", before=["nohup"])
    served(process)
    process.send_signal(signal.SIGHUP)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "0 requests, 0 answers" in err


def test_a_link_without_a_name_is_refused(start: Start) -> None:
    process = start("icarus", "--link", "")
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (2, "hashwatt: --link '.': want the path of a link to be made\n")
