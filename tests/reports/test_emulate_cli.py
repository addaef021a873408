"""`hashwatt emulate` as a user runs it: a process of its own, and our driver on the path that it prints."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest

from hw.device import DeviceWork
from hw.drivers.bm13xx.bringup import ChainPlan
from hw.drivers.bm13xx.chips import CHIPS
from hw.drivers.bm13xx.driver import Bm13xxDevice
from hw.drivers.icarus.driver import IcarusDevice
from hw.drivers.icarus.family import profile
from hw.drivers.port import SerialPort
from miner.backends.registry import GENESIS_HEADER, GENESIS_NONCE
from miner.target import MAX_TARGET
from miner.template import HeaderTemplate

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(start_hashwatt: Start) -> Start:
    return partial(start_hashwatt, "emulate")


def mined(path: str) -> int:
    """Let our driver probe the device and mine block 0 on it."""
    device = IcarusDevice(profile("erupter"), lambda: SerialPort(path, 115200), time.monotonic)
    device.open()
    device.submit(DeviceWork(number=1, template=HeaderTemplate(GENESIS_HEADER), target=MAX_TARGET))
    until_s = time.monotonic() + 10
    while time.monotonic() < until_s:
        if found := device.poll(0.1):
            device.close()
            return found[0].hit.nonce
    return 0


def test_our_driver_mines_block_0_on_each_of_two_devices(start: Start, tmp_path: Path) -> None:
    process = start("erupter", "--count", "2", "--hashrate", "5G", "--link", str(tmp_path / "stick"))
    assert process.stdout is not None
    paths = [process.stdout.readline().strip() for _ in range(2)]
    assert [str((tmp_path / f"stick-{number}").readlink()) for number in (1, 2)] == paths
    assert [mined(path) for path in (paths[0], str(tmp_path / "stick-2"))] == [GENESIS_NONCE] * 2
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "hashwatt: 2 x ASICMiner Block Erupter USB, declared 5.0 GH/s each" in told
    assert all(f"hashwatt: {path}: 2 pieces of work, 2 answers" in told for path in paths)
    assert list(tmp_path.iterdir()) == []


def test_json_and_ctrl_c(start: Start) -> None:
    process = start("icarus", "--json", "--backend", "reference")
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    assert (told["model"], told["declared_hashes_per_second"], told["backend"]) == ("icarus", 380e6, "reference")
    assert 1e3 < told["delivered_hashes_per_second"] < 1e7
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, err.strip()) == (130, "hashwatt: interrupted")
    assert json.loads(out) == {"devices": [{"port": told["ports"][0], "works": 0, "answers": 0}]}


def test_prometheus_sees_what_a_device_does(start: Start) -> None:
    """A Bitaxe that nobody has clocked draws next to nothing; mined on, it was given work and reported a nonce."""
    process = start("bm1370", "--metrics", "0")
    assert process.stdout is not None
    assert process.stderr is not None
    place = process.stderr.readline().removeprefix("hashwatt: metrics at ").strip()
    path = process.stdout.readline().strip()
    device = Bm13xxDevice(ChainPlan(chip=CHIPS["BM1370"], step_s=0.0), lambda: SerialPort(path, 115200))
    device.open()
    device.submit(DeviceWork(number=1, template=HeaderTemplate(GENESIS_HEADER), target=MAX_TARGET))
    until_s = time.monotonic() + 10
    while not device.poll(0.1) and time.monotonic() < until_s:
        pass
    with urlopen(place, timeout=10) as answer:
        text = answer.read().decode()
    device.close()
    assert f'hashwatt_device_nonces_total{{device="{path}"}} 1.0' in text
    assert f'hashwatt_device_frequency_hertz{{device="{path}"}} 5.25e+08' in text
    [power] = [line for line in text.splitlines() if line.startswith("hashwatt_device_power_watts{")]
    assert 10 < float(power.rpartition(" ")[2]) < 30


def test_it_stops_by_itself(start: Start) -> None:
    process = start("erupter", "--seconds", "0.3")
    process.communicate(timeout=20)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("s9", "no emulated device 's9'; known: icarus, erupter, u1, u2, bm1397, "),
        ("erupter --count 0", "--count 0: want 1 to 64"),
        ("erupter --chips 2", "--chips 2: erupter is one device; --chips is for chains of BM13xx"),
        ("bm1366 --chips 0", "--chips 0: want 1 to 128"),
        ("bm1366 --hashrate 1T", "--hashrate '1T': bm1366 hashes as fast as its host clocks it; leave it out"),
        ("erupter --count 999", "--count 999: want 1 to 64"),
        ("erupter --hashrate fast", "--hashrate 'fast': want hashes a second, such as 336M, 1.2T or 5e8"),
        ("erupter --hashrate 0", "--hashrate '0': want hashes a second"),
        ("erupter --hashrate 1.2.3G", "--hashrate '1.2.3G': want hashes a second"),
        ("erupter --fault hot@3", "no fault 'hot'; known: "),
        ("erupter --fault hang@-3", "fault 'hang@-3': '-3' is no time; want seconds from 0 on, such as hang@30"),
        ("erupter --fault hang@1 --fault hang@2", "fault 'hang' is given twice; want it once, with the time from which"),
        ("pzem --load-w 5 --fault noise --fault noise@3", "fault 'noise' is given twice; want it once"),
        ("pzem --load-w 5 --hashrate=", "--hashrate '': pzem is a meter; --hashrate is for mining devices"),
        ("bm1366 --meter=", "--meter '': no such meter to emulate; known: pzem, sdm120"),
        ("erupter --count 1.5", "--count 1.5: want a whole number; see `hashwatt emulate --help`"),
        ("erupter --count -1", "--count -1: want 1 to 64"),
        ("erupter --count 1000000000", "--count 1000000000: want 1 to 64"),
        ("erupter --hashrate nan", "--hashrate 'nan': want hashes a second"),
        ("erupter --hashrate 1e400", "--hashrate '1e400': want hashes a second"),
        ("erupter --fault hang@1e400", "fault 'hang@1e400': '1e400' is no time; want seconds from 0 on"),
        ("erupter --link /dev/null", "/dev/null: no link to the device can be made there (File exists)"),
        ("erupter --metrics -1", "--metrics -1: want a port from 0 (any free one) to 65535"),
        ("erupter --fault bad-crc", "--fault bad-crc: erupter cannot have it; it can dead-chip, "),
        ("erupter --seconds nan", "--seconds nan: want a number above 0"),
        ("erupter --link /no/such/folder/x", "/no/such/folder/x: no link to the device can be made there"),
        ("erupter --metrics 70000", "--metrics 70000: want a port from 0 (any free one) to 65535"),
        ("erupter --backend abacus", "no backend 'abacus'; known: auto, "),
    ],
)
def test_bad_input_is_a_sentence(start: Start, arguments: str, message: str) -> None:
    process = start(*arguments.split())
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert err.startswith(f"hashwatt: {message}")
    assert err.count("\n") == 1
