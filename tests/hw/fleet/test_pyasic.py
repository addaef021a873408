"""pyasic, which knows nothing of us, finds eight machines by their addresses and reads everything that it asks for.

It runs in a process of its own. `make slow` sets it up and runs this; without it the test is skipped. Discovery asks port 80
for Bitaxes, so without the right to that port only Whatsminers are looked for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from hw.fleet.serving import may_bind_low

pytestmark = pytest.mark.slow

HOST = f"127.{64 + os.getpid() % 128}.255.2"  # and the seven addresses after it
SPEC = """name = "oracle"
[[groups]]
name = "rig"
machine = "Whatsminer M30S+"
variant = "VE40"
chips_per_board = 156
count = 4
  [[groups.faults]]
  name = "dead board"
  at_s = 0.0
  machine = 3
  unit = 1
[[groups]]
name = "gamma"
machine = "Bitaxe Gamma (600/601)"
[[groups]]
name = "supra"
machine = "Bitaxe Supra"
[[groups]]
name = "ultra"
machine = "Bitaxe Ultra"
[[groups]]
name = "max"
machine = "Bitaxe Max"
"""
READER = """
import asyncio, json, sys
from pyasic.network import MinerNetwork

async def main():
    found = await MinerNetwork.from_list(sys.argv[1:]).scan()
    data = await asyncio.gather(*(miner.get_data() for miner in found))
    print(json.dumps({one.ip: one.as_dict() for one in data}, default=str))

asyncio.run(main())
"""
RATES = {"Gamma": (1.071, 19), "Supra": (0.6252, 12), "Ultra": (0.4336, 12), "Max": (0.2856, 12)}


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Return what pyasic reads from each of the machines, in their order."""
    if find_spec("pyasic") is None:
        pytest.skip("needs pyasic: make slow")
    path = tmp_path_factory.mktemp("fleet") / "oracle.toml"
    path.write_text(SPEC)
    command = [
        str(Path(sys.executable).with_name("hashwatt")),
        "fleet",
        "serve",
        str(path),
        "--host",
        HOST,
        "--speed",
        "50",
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            hosts = [row["host"] for row in json.loads(server.stdout.readline())["machines"]]
            time.sleep(6)  # 300 s for them, after which averages over a minute have forgotten the board that died
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", READER, *hosts], capture_output=True, text=True, timeout=120, check=False
            )
        finally:
            server.terminate()
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert set(told) <= set(hosts)
    return [told[host] for host in hosts if host in told]


def test_whatsminers_are_found_and_read(read: list[dict[str, Any]]) -> None:
    rigs = read[:4]
    assert [rig["hostname"] for rig in rigs] == [f"rig-00{number}" for number in range(4)]
    for number, rig in enumerate(rigs):
        boards = 2 if number == 3 else 3
        assert (rig["make"], rig["model"], rig["is_mining"]) == ("WhatsMiner", "M30S+ VE40", True)
        assert rig["hashrate"]["rate"] == pytest.approx(100 * boards / 3, rel=0.01)
        assert rig["expected_hashrate"]["rate"] == 100
        assert rig["wattage"] == pytest.approx(3400, rel=0.02) if boards == 3 else 2000 < rig["wattage"] < 3000
        assert (rig["wattage_limit"], rig["env_temp"]) == (3400, 25.0)
        assert 40 < rig["temperature_avg"] < 55
        assert [fan["speed"] for fan in rig["fans"]] == [6150, 6150]
        assert [board["chips"] for board in rig["hashboards"]] == [156, 0 if boards == 2 else 156, 156]
        assert all(50 < board["chip_temp"] < 70 for board in rig["hashboards"])
        assert (rig["expected_chips"], rig["mac"], rig["pools"]) == (468, f"02:53:49:00:00:0{number}", [])
        assert rig["uptime"] > 200
    assert [len(rig["errors"]) for rig in rigs] == [0, 0, 0, 1]


@pytest.mark.skipif(not may_bind_low(HOST), reason="no right to port 80, where pyasic looks for Bitaxes")
def test_bitaxes_are_found_and_read(read: list[dict[str, Any]]) -> None:
    axes = read[4:]
    assert [axe["model"] for axe in axes] == list(RATES)
    for number, axe in enumerate(axes):
        rate_thps, power_w = RATES[axe["model"]]
        assert (axe["make"], axe["hostname"], axe["is_mining"]) == ("BitAxe", f"{axe['model'].lower()}-000", True)
        assert axe["hashrate"]["rate"] == pytest.approx(rate_thps, rel=1e-3)
        assert axe["expected_hashrate"]["rate"] == pytest.approx(rate_thps, rel=1e-3)
        assert axe["wattage"] == power_w
        assert [fan["speed"] for fan in axe["fans"]] == [5400]
        assert [(board["chips"], board["active"], board["missing"]) for board in axe["hashboards"]] == [(1, True, False)]
        assert 55 < axe["hashboards"][0]["chip_temp"] < 60
        assert (axe["hashboards"][0]["temp"] > 60) == (axe["model"] == "Gamma")  # the others sense no regulator
        assert (axe["mac"], axe["hashboards"][0]["voltage"]) == (f"02:53:49:0{number + 1}:00:00", 5000)
        assert axe["uptime"] > 200


def test_none_was_missed(read: list[dict[str, Any]]) -> None:
    assert len(read) == (8 if may_bind_low(HOST) else 4)
