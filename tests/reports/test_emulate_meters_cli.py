"""`hashwatt emulate` with meters, as a user runs it: a process of its own, and what the other commands read on its path."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from hw.drivers.bm13xx.bringup import ChainPlan
from hw.drivers.bm13xx.chips import CHIPS
from hw.drivers.bm13xx.driver import Bm13xxDevice
from hw.drivers.port import SerialPort
from hw.errors import MeterUnavailableError
from hw.meters.registry import open_meter

Start = Callable[..., subprocess.Popen[str]]
SHORT_WINDOWS = """import sys
from miner.bench.energy import EnergyPlan
from reports.cli.main import main
EnergyPlan.__init__.__kwdefaults__.update(window_s=1.5, idle_s=1.5, settle_s=0.5, warmup_s=0.5)
main(sys.argv[1:])
"""


@pytest.fixture
def start(start_hashwatt: Start) -> Start:
    return partial(start_hashwatt, "emulate")


def told_by(*words: str) -> dict[str, Any]:
    """Run a command in a process of its own, since meters live as long as that does; return what it prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", SHORT_WINDOWS, *words, "--json"], capture_output=True, text=True, timeout=300, check=False
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("kind", ["pzem", "sdm120"])
def test_bench_and_probe_read_it_over_its_line(start: Start, tmp_path: Path, kind: str) -> None:
    link = tmp_path / "meter"
    process = start(kind, "--load-w", "350", "--link", str(link))
    assert line(process) == str(link.readlink())
    meter = ("--meter", f"{kind}:{link}")
    energy = told_by("bench", "--seconds", "0.05", "--repeat", "1", "--warmup", "0", *meter)["energy"]
    assert (energy["quality"], energy["boundary"]) == ("integrated", "wall plug (all that hangs on the meter)")
    assert [energy["mean_w"], energy["idle_w"]] == [pytest.approx(350, rel=0.02)] * 2
    power = told_by("devices", "probe", "--port", "/dev/no-such", *meter)["power"]
    assert (power["kind"], power["power_w"]) == ("integrated", pytest.approx(350, rel=0.02))
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=10)
    title = {"pzem": "Peacefair PZEM-004T", "sdm120": "Eastron SDM120-Modbus"}[kind]
    assert err.startswith(f"hashwatt: 1 x {title}, 350 W each; read them with --meter {kind}:PATH; stop with Ctrl-C\n")
    assert not link.is_symlink()


def test_several_for_some_seconds_as_json(start: Start) -> None:
    process = start("sdm120", "--load-w", "1234.5", "--count", "2", "--seconds", "4", "--json")
    told = json.loads(line(process))
    assert (told["model"], told["load_watts"], told["address"], len(told["ports"])) == ("sdm120", 1234.5, 1, 2)
    meter = open_meter(f"sdm120:{told['ports'][1]}")
    time.sleep(1.5)
    assert meter.sample().power_w == pytest.approx(1234.5, rel=0.01)
    meter.close()
    out, _ = process.communicate(timeout=20)
    idle, asked = json.loads(out)["devices"]
    assert (process.returncode, idle) == (0, {"port": told["ports"][0], "requests": 0, "answers": 0})
    assert asked["requests"] == asked["answers"] > 3


def test_its_faults_set_in_when_they_were_said_to(start: Start) -> None:
    process = start("pzem", "--load-w", "100", "--fault", "no-answer@2")
    meter = open_meter(f"pzem:{line(process)},wait=0.2")
    meter.energy_j()
    time.sleep(2.5)
    with pytest.raises(MeterUnavailableError, match="no answer"):
        meter.energy_j()
    meter.close()


def test_a_meter_at_the_plug_of_two_chains_sees_what_their_clocks_make_them_draw(start: Start, tmp_path: Path) -> None:
    """Two chains of three BM1366, each chip some 13 W at the wall at 485 MHz; prometheus sees the same watts."""
    words = ["--chips", "3", "--count", "2", "--meter", "pzem", "--link", str(tmp_path / "rig"), "--metrics", "0"]
    process = start("bm1366", *words, "--backend", "reference", "--json")
    assert process.stderr is not None
    place = process.stderr.readline().removeprefix("hashwatt: metrics at ").strip()
    told = json.loads(line(process))
    assert told["declared_hashes_per_second"] == pytest.approx(3 * 485e6 * 894)
    assert told["meter"] == {"model": "pzem", "port": str((tmp_path / "rig-meter").readlink())}
    meter = open_meter(f"pzem:{tmp_path / 'rig-meter'}")
    watts, devices = [], []
    for number in (1, 2):
        path = tmp_path / f"rig-{number}"
        plan = ChainPlan(chip=CHIPS["BM1366"], chips=3, step_s=0.0)
        device = Bm13xxDevice(plan, lambda path=path: SerialPort(str(path), 115_200))
        device.open()
        devices.append(device)  # which stand when they are closed
        time.sleep(0.5)
        meter.energy_j()
        before_s, before_j = time.monotonic(), meter.energy_j()
        time.sleep(2.0)
        watts.append((meter.energy_j() - before_j) / (time.monotonic() - before_s))
    with urlopen(place, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    seen = [float(one.rpartition(" ")[2]) for one in lines if one.startswith("hashwatt_device_power_watts{")]
    for device in devices:
        device.close()
    meter.close()
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=10)
    assert 3 * 12 < watts[0] < 3 * 16
    assert watts[1] == pytest.approx(2 * watts[0], rel=0.05)
    assert len(seen) == 2
    assert sum(seen) == pytest.approx(watts[1], rel=0.05)
    end = json.loads(out)
    assert len(end["devices"]) == 2
    assert end["meter"]["requests"] == end["meter"]["answers"] > 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("pzem", "pzem: which power does it show? want for example --load-w 350"),
        ("pzem --load-w -1", "--load-w -1.0: want watts, 0 to 23000, as much as a pzem shows"),
        ("pzem --load-w 1e9", "--load-w 1000000000.0: want watts, 0 to 23000"),
        ("sdm120 --load-w 1e39", "--load-w 1e+39: want watts, 0 to 10350"),
        ("sdm120 --load-w nan", "--load-w nan: want watts, 0 to 10350"),
        ("pzem --load-w 1 --chips 2", "--chips 2: pzem is a meter; --chips is for mining devices"),
        ("pzem --load-w 1 --hashrate 1T", "--hashrate '1T': pzem is a meter; --hashrate is for mining devices"),
        ("pzem --load-w 1 --meter sdm120", "--meter 'sdm120': pzem is a meter; --meter is for mining devices"),
        ("pzem --load-w 1 --metrics 0", "--metrics 0: pzem is a meter; --metrics is for mining devices"),
        ("pzem --load-w 1 --backend reference", "--backend 'reference': pzem is a meter; --backend is for mining devices"),
        ("pzem --load-w 1 --fault hang", "no fault 'hang'; known: hang-up, noise, wrong-baud, no-answer, "),
        ("pzem --load-w 1 --link /no/such/folder/x", "/no/such/folder/x: no link to the device can be made there"),
        ("erupter --load-w 5", "--load-w 5: erupter is no meter; --load-w is for pzem and sdm120"),
        ("erupter --meter pzem", "--meter pzem: what erupter draws is not modelled; emulate a meter with --load-w beside it"),
        ("bm1366 --meter rapl", "--meter 'rapl': no such meter to emulate; known: pzem, sdm120"),
        (
            "pzem004t",
            "no emulated device 'pzem004t'; known: icarus, erupter, u1, u2, bm1397, bm1362, bm1366, bm1368, bm1370, pzem, ",
        ),
    ],
)
def test_bad_input_is_a_sentence(start: Start, arguments: str, message: str) -> None:
    process = start(*arguments.split())
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert err.startswith(f"hashwatt: {message}")
    assert err.count("\n") == 1
