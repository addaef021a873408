"""`hashwatt bench` in a real shell: a full disk, a reader that leaves and Ctrl-C lose nothing of what was measured."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from miner.backends.registry import BACKENDS
from reports.machine import usable_cpus

ROOT = Path(__file__).parents[2]
HASHWATT = f"{sys.executable} -m reports bench --seconds 0.05 --warmup 0"
FULL = Path("/dev/full")


def shell(line: str) -> tuple[str, str]:
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout, done.stderr


def test_a_real_ctrl_c_in_the_middle(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    words = [*HASHWATT.split(), "--repeat", "10000", "--backend", "reference", "--json", "--history", str(history)]
    with subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hear_ctrl_c
    ) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.communicate(timeout=6)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    samples = json.loads(out)["samples"]
    assert (process.returncode, err.splitlines()[-1], 0 < len(samples) < 10_000) == (130, "hashwatt: interrupted", True)
    assert json.loads(history.read_text())["interrupted"] is True


def hear_ctrl_c() -> None:
    """Undo what a shell does to jobs in the background: Ctrl-C is not for them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no disk that is always full")
def test_an_output_that_is_full_is_named_and_costs_no_file(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    out, err = shell(f"{HASHWATT} --history {history} 2>&1 >{FULL} | grep -v 'other work'; echo ${{PIPESTATUS[0]}}")
    sentence = "hashwatt: standard output: cannot be written (No space left on device); the result was not printed"
    assert (out, err) == (f"{sentence}\n1\n", "")
    assert json.loads(history.read_text())["backend"] in BACKENDS


@pytest.mark.skipif(not FULL.exists(), reason="this system has no disk that is always full")
def test_a_warning_that_cannot_be_written_ends_nothing() -> None:
    out, _ = shell(f"{HASHWATT} --threads {len(usable_cpus()) + 1} 2>{FULL}; echo $?")
    assert out.endswith(" usable processors\n0\n")


def test_a_reader_that_leaves_costs_no_file(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    assert shell(f"{HASHWATT} --history {history} 2>/dev/null | true; echo ${{PIPESTATUS[0]}}") == ("141\n", "")
    assert json.loads(history.read_text())["backend"] in BACKENDS


@pytest.mark.parametrize("option", ["--csv", "--history"])
def test_a_file_that_is_the_output_too_is_refused(tmp_path: Path, option: str) -> None:
    told = shell(f"{HASHWATT} {option} {tmp_path}/file --json >>{tmp_path}/file; echo $?")
    assert told == ("2\n", f"hashwatt: {option} {tmp_path}/file: the output of this command goes there; want another file\n")
