"""`hashwatt mine --device`: pool, emulated device and miner as three processes, as a user starts them."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from hw.drivers.bm13xx.chips import CHIPS
from hw.psu import ADAPTER_5V
from hw.units import j_per_th

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(start_hashwatt: Start) -> Start:
    return start_hashwatt


@pytest.fixture
def pool(start: Start) -> str:
    """The address of a pool that gives block 0 to be mined."""
    process = start("pool", "--listen", "127.0.0.1:0", "--job", "genesis")
    assert process.stderr is not None
    found = re.search(r"stratum\+tcp://\S+", process.stderr.readline())
    assert found is not None
    return found[0]


def served_at(process: subprocess.Popen[str]) -> str:
    """Return the address that a process says its metrics are at."""
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.fullmatch(r"hashwatt: metrics at (http://127\.0\.0\.1:\d+/metrics)\n", line)
    assert found is not None, line
    return found[1]


def scraped(place: str) -> str:
    with urlopen(place, timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def values(text: str, device: str) -> dict[str, float]:
    """Return the samples of a device in an exposition, and of what it does and how it is only the word that holds."""
    found = {}
    for family in parse(text):
        for sample in family.samples:
            word = sample.labels.get("state") or sample.labels.get("health")
            if sample.labels.get("device") == device and (word is None or sample.value):
                found["=".join([sample.name.removeprefix("hashwatt_device_"), *([word] if word else [])])] = sample.value
    return found


def wait_for(place: str, device: str, condition: Callable[[dict[str, float]], bool], for_s: float = 60.0) -> str:
    """Scrape until a device's samples meet a condition; return the exposition."""
    until_s = time.monotonic() + for_s
    while time.monotonic() < until_s:
        text = scraped(place)
        if condition(values(text, device)):
            return text
        time.sleep(0.1)
    raise TimeoutError(text)


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
    [row] = told["device_states"]
    assert row["nonces"] >= 1  # known here, so it came though far fewer hashes were due
    assert row["expected_nonces"] == row["declared_hashes"] / 2**32 > 0


def test_joules_a_terahash_of_a_device_with_a_meter_at_its_plug(start: Start, pool: str, tmp_path: Path) -> None:
    """The 12 W of a Bitaxe Ultra's nameplate, behind its adapter, over clock times cores of its chip.

    Within 10 %: the ramp of the clock is in it, and the chip has not warmed up.
    """
    chip = CHIPS["BM1366"]
    expected = j_per_th(ADAPTER_5V.input_w(12.0), chip.hashrate_hps(chip.default_mhz))
    rig = tmp_path / "rig"
    emulated = start("emulate", "bm1366", "--link", str(rig), "--meter", "pzem")
    assert emulated.stdout is not None
    assert [len(emulated.stdout.readline()) > 1 for _ in range(2)] == [True, True]
    specification = f"bm1366:{rig}@pzem:{rig}-meter"
    miner = start(
        *("mine", "--pool", pool, "-u", "me", "--seconds", "16", "--json"),
        *("--device", specification, "--device", "compute:reference"),
    )
    out, _ = miner.communicate(timeout=60)
    energy = json.loads(out)["energy"]
    assert set(energy["devices"]) == {specification}  # the other one has no meter
    own = energy["devices"][specification]
    assert (own["quality"], own["boundary"]) == ("integrated", "wall")
    assert own["j_per_th"] == pytest.approx(expected, rel=0.1)
    assert energy["all"] == own


def test_without_a_single_device_there_is_nothing_to_mine_on(start: Start, pool: str) -> None:
    miner = start("mine", "--pool", pool, "-u", "me", "--device", "erupter:/dev/no-such-port", "--device", "icarus:/dev/null")
    out, err = miner.communicate(timeout=30)
    assert (miner.returncode, out) == (2, "")
    assert err == (
        "hashwatt: erupter: /dev/no-such-port: no such port; is the device plugged in?; icarus: /dev/null: not a serial port\n"
    )


def test_one_device_of_two_is_enough(start: Start, pool: str) -> None:
    """The other is tried again and again, and said so."""
    devices = ["--device", "erupter:/dev/no-such-port", "--device", "compute"]
    miner = start("mine", "--pool", pool, "-u", "me", *devices, "--seconds", "2")
    out, err = miner.communicate(timeout=30)
    assert miner.returncode == 0
    assert "0 accepted, 0 rejected" in out
    assert "hashwatt: erupter: /dev/no-such-port: no such port; is the device plugged in?" in err


def test_prometheus_sees_each_device_that_is_mined_on(start: Start, pool: str) -> None:
    """A chain that finds block 0, and a port that is not there."""
    emulated = start("emulate", "bm1366")
    assert emulated.stdout is not None
    chain, absent = f"bm1366:{emulated.stdout.readline().strip()}", "erupter:/dev/no-such-port"
    devices = [word for one in (chain, absent) for word in ("--device", one)]
    miner = start("mine", "--pool", pool, "-u", "me", *devices, "--metrics", "0", "--json")
    place = served_at(miner)
    text = wait_for(place, chain, lambda seen: seen.get("shares_total", 0) >= 1 and seen["frequency_hertz"] >= 485e6)
    seen = values(text, chain)
    assert {"state=hashing", "health=alive"} <= set(seen)
    assert (seen["frequency_hertz"], seen["restarts_total"], seen["hardware_errors_total"]) == (485e6, 0, 0)
    assert seen["nonces_total"] >= seen["shares_total"] >= 1
    assert seen["hashes_declared_total"] > 1e9
    assert not {"power_watts", "energy_joules_total", "temperature_celsius", "hashes_total", "hashrate_nominal"} & set(seen)
    assert f'hashwatt_device_info{{device="{chain}",kind="serial",model="bm1366"}} 1.0' in text
    seen = values(wait_for(place, absent, lambda seen: "health=dead" in seen), absent)
    assert (seen["state=closed"], seen["work_total"], seen["restarts_total"]) == (1, 0, 0)
    promtool = shutil.which("promtool")
    if promtool is not None:
        checked = subprocess.run(
            [promtool, "check", "metrics"], input=scraped(place), capture_output=True, text=True, timeout=30
        )
        assert (checked.returncode, checked.stderr) == (0, "")
    miner.send_signal(signal.SIGTERM)
    out, _ = miner.communicate(timeout=20)
    told = json.loads(out)
    assert (miner.returncode, told["rejected"], told["backend"]) == (0, {}, "2 devices")
    with pytest.raises(OSError, match="refused"):
        scraped(place)


def test_the_processor_of_this_machine_tells_what_it_computed(start: Start, pool: str) -> None:
    miner = start("mine", "--pool", pool, "-u", "me", "--device", "compute:reference", "--metrics", "0")
    seen = values(
        wait_for(served_at(miner), "compute:reference", lambda seen: seen.get("hashes_total", 0) > 0), "compute:reference"
    )
    assert seen["hashes_total"] == seen["hashes_declared_total"]
    assert not {"frequency_hertz", "power_watts", "temperature_celsius"} & set(seen)


def test_a_port_that_is_taken_is_a_sentence(start: Start, pool: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        miner = start("mine", "--pool", pool, "-u", "me", "--device", "compute", "--metrics", port)
        out, err = miner.communicate(timeout=30)
    assert (miner.returncode, out) == (2, "")
    assert err == (
        f"hashwatt: --metrics {port}: taken on 127.0.0.1; stop what listens there, or give another port (0 picks a free one)\n"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("--pool", "stratum+tcp://127.0.0.1:1", "-u", "me", "--metrics", "0"),
            "--metrics serves what devices at a pool tell; name them with --device, such as --device compute",
        ),
        (("--block", "0", "--metrics", "0"), "--metrics serves what devices at a pool tell; name them with --device"),
        (
            ("--pool", "stratum+tcp://127.0.0.1:1", "-u", "me", "--device", "compute", "--metrics", "70000"),
            "--metrics 70000: want a port from 0 (any free one) to 65535",
        ),
        (
            ("--pool", "nowhere", "-u", "me", "--device", "compute", "--metrics", "0"),
            "pool 'nowhere': want stratum+tcp://HOST:PORT",
        ),
    ],
)
def test_metrics_that_cannot_be_served_are_a_sentence(
    refused: Callable[..., str], words: tuple[str, ...], sentence: str
) -> None:
    assert refused("mine", *words).startswith(sentence)
