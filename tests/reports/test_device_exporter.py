"""Devices as metrics: right names, right values, and nothing where nothing is known."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from hw import device as hardware
from hw.power import Boundary, PowerSample
from hw.supervisor import DeviceSnapshot, Health, Standing, Totals
from reports.catalogue import DEVICE_METRICS
from reports.device_exporter import DeviceCollector, DeviceState, supervised
from reports.exporter import metrics_page

BITAXE = DeviceState(
    device="/dev/pts/1",
    model="BM1370 chips",
    kind="emulated",
    nominal_hps=1.071e12,
    hashes=12_345_678,
    work=7,
    nonces=3,
    power_w=24.5,
    energy_j=1234.5,
    chip_c=58.0,
    clock_mhz=525.0,
)
STICK = DeviceState(device="/dev/pts/2", model="Erupter", kind="emulated", nominal_hps=336e6, hashes=0, work=0, nonces=0)


def snapshot(boundary: Boundary = "wall", *, curtailed: bool = False) -> DeviceSnapshot:
    """A chain that was opened anew twice: what it tells of itself began anew with it, its totals did not."""
    power = PowerSample(time_s=9.0, power_w=21.5, energy_j=50.0, source="a meter", boundary=boundary, quality="measured")
    return DeviceSnapshot(
        label="bm1366:/dev/ttyUSB0",
        name="BM1366 at /dev/ttyUSB0",
        health=Health.ALIVE,
        opened=True,
        restarts=2,
        work=70,
        shares=4,
        trouble="",
        away=False,
        standing=Standing(curtailed=curtailed),
        telemetry=hardware.Telemetry(
            state=hardware.DeviceState.CURTAILED if curtailed else hardware.DeviceState.HASHING,
            hashes=1e12,
            nonces=5,
            hardware_errors=1,
            frequency_mhz=485.0,
            temperature_c=61.0,
            power=power,
        ),
        totals=Totals(hashes=3e12, nonces=11, hardware_errors=6, energy_j=250.0),
    )


MINED = supervised(snapshot(), "bm1366:/dev/ttyUSB0")


def samples(*states: DeviceState) -> dict[tuple[str, str], float]:
    _, body = metrics_page(DeviceCollector(lambda: states))("")
    return {
        (sample.name, sample.labels.get("device", "")): sample.value for one in parse(body.decode()) for sample in one.samples
    }


def test_values_arrive_under_their_names() -> None:
    seen = samples(BITAXE, STICK)
    assert seen["hashwatt_device_hashrate_nominal_hashes_per_second", "/dev/pts/1"] == 1.071e12
    assert seen["hashwatt_device_hashes_total", "/dev/pts/1"] == 12_345_678
    assert seen["hashwatt_device_power_watts", "/dev/pts/1"] == 24.5
    assert seen["hashwatt_device_energy_joules_total", "/dev/pts/1"] == 1234.5
    assert seen["hashwatt_device_temperature_celsius", "/dev/pts/1"] == 58.0
    assert seen["hashwatt_device_frequency_hertz", "/dev/pts/1"] == 525e6
    assert (seen["hashwatt_device_work_total", "/dev/pts/1"], seen["hashwatt_device_nonces_total", "/dev/pts/1"]) == (7, 3)
    assert seen["hashwatt_device_hashes_total", "/dev/pts/2"] == 0


def test_the_unknown_is_absent() -> None:
    seen = samples(BITAXE, STICK)
    for name in ("power_watts", "energy_joules_total", "temperature_celsius", "frequency_hertz"):
        assert (f"hashwatt_device_{name}", "/dev/pts/2") not in seen


def test_every_family_of_the_catalogue_is_published_and_no_other() -> None:
    assert {name for name, _ in samples(BITAXE, MINED)} == {metric.name for metric in DEVICE_METRICS}


def test_a_device_that_is_mined_on_is_told_with_its_totals() -> None:
    seen, mined = samples(MINED), "bm1366:/dev/ttyUSB0"
    expected = {
        "hashes_declared_total": 3e12,
        "nonces_total": 11,
        "hardware_errors_total": 6,
        "shares_total": 4,
        "work_total": 70,
        "restarts_total": 2,
        "power_watts": 21.5,
        "energy_joules_total": 250.0,
        "temperature_celsius": 61.0,
        "frequency_hertz": 485e6,
    }
    assert {name: seen[f"hashwatt_device_{name}", mined] for name in expected} == expected


@pytest.mark.parametrize(("curtailed", "state"), [(False, "hashing"), (True, "curtailed")])
def test_state_and_health_are_one_of_their_words(curtailed: bool, state: str) -> None:
    _, body = metrics_page(DeviceCollector(lambda: [supervised(snapshot(curtailed=curtailed), "bm1366:/dev/ttyUSB0")]))("")
    found = {
        (sample.name.removeprefix("hashwatt_device_"), sample.labels.get("state") or sample.labels.get("health")): sample.value
        for one in parse(body.decode())
        for sample in one.samples
        if sample.name in {"hashwatt_device_state", "hashwatt_device_health"}
    }
    assert {key for key, value in found.items() if value == 1} == {("state", state), ("health", "alive")}
    assert len(found) == len(hardware.DeviceState) + len(Health)
    assert set(found.values()) == {0, 1}


@pytest.mark.parametrize("boundary", ["chip", "board", "dc", "site"])
def test_a_power_that_is_not_the_walls_is_not_told_as_such(boundary: Boundary) -> None:
    seen = samples(supervised(snapshot(boundary), "bm1366:/dev/ttyUSB0"))
    assert not {name for name, _ in seen} & {"hashwatt_device_power_watts", "hashwatt_device_energy_joules_total"}


def test_what_a_serial_device_declares_does_not_pass_for_computed() -> None:
    """Hashes of this machine's own processors are both."""
    assert ("hashwatt_device_hashes_total", MINED.device) not in samples(MINED)
    own = samples(supervised(replace(snapshot(), label="compute"), "compute@rapl"))
    assert own["hashwatt_device_hashes_total", "compute"] == own["hashwatt_device_hashes_declared_total", "compute"] == 3e12


def test_how_an_emulated_device_is_cared_for_is_unknown_here() -> None:
    care = {"state", "health", "restarts_total", "shares_total", "hardware_errors_total", "hashes_declared_total"}
    assert not {name for name, _ in samples(BITAXE)} & {f"hashwatt_device_{name}" for name in care}


def test_promtool_accepts_the_exposition() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install --no-install-recommends prometheus)")
    _, body = metrics_page(DeviceCollector(lambda: [BITAXE, STICK, MINED]))("")
    checked = subprocess.run([promtool, "check", "metrics"], input=body, capture_output=True, timeout=30, check=False)
    assert (checked.returncode, checked.stderr.decode()) == (0, "")
