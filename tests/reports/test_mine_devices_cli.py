"""`hashwatt mine --device`: pool, emulated device and miner as three processes, as a user starts them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        command = [str(Path(sys.executable).with_name("hashwatt")), *arguments]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def pool(start: Start) -> str:
    """The address of a pool that gives block 0 to be mined."""
    process = start("pool", "--listen", "127.0.0.1:0", "--job", "genesis")
    assert process.stderr is not None
    found = re.search(r"stratum\+tcp://\S+", process.stderr.readline())
    assert found is not None
    return found[0]


def test_block_0_is_mined_on_an_emulated_chain(start: Start, pool: str) -> None:
    emulated = start("emulate", "bm1366")
    assert emulated.stdout is not None
    path = emulated.stdout.readline().strip()
    miner = start(
        "mine", "--pool", pool, "-u", "me", "--device", f"bm1366:{path}", "--shares", "1", "--seconds", "40", "--json"
    )
    out, err = miner.communicate(timeout=60)
    told = json.loads(out)
    assert (miner.returncode, told["accepted"], told["rejected"], told["devices"]) == (0, 1, {}, [f"bm1366:{path}"])
    assert err == ""


def test_without_a_single_device_there_is_nothing_to_mine_on(start: Start, pool: str) -> None:
    miner = start("mine", "--pool", pool, "-u", "me", "--device", "erupter:/dev/no-such-port", "--device", "icarus:/dev/null")
    out, err = miner.communicate(timeout=30)
    assert (miner.returncode, out) == (2, "")
    assert err.splitlines()[-1] == (
        "hashwatt: erupter: /dev/no-such-port: no such port; is the device plugged in?; icarus: /dev/null: not a serial port"
    )


def test_one_device_of_two_is_enough(start: Start, pool: str) -> None:
    """The other is tried again and again, and said so."""
    devices = ["--device", "erupter:/dev/no-such-port", "--device", "compute"]
    miner = start("mine", "--pool", pool, "-u", "me", *devices, "--seconds", "2")
    out, err = miner.communicate(timeout=30)
    assert miner.returncode == 0
    assert "0 accepted, 0 rejected" in out
    assert "hashwatt: erupter: /dev/no-such-port: no such port; is the device plugged in?" in err
