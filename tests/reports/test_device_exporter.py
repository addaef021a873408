"""Devices as metrics: right names, right values, and nothing where nothing is known."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from reports.catalogue import DEVICE_METRICS
from reports.device_exporter import DeviceCollector, DeviceState
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
    assert {name for name, _ in samples(BITAXE)} == {metric.name for metric in DEVICE_METRICS}


def test_promtool_accepts_the_exposition() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install --no-install-recommends prometheus)")
    _, body = metrics_page(DeviceCollector(lambda: [BITAXE, STICK]))("")
    checked = subprocess.run([promtool, "check", "metrics"], input=body, capture_output=True, timeout=30, check=False)
    assert (checked.returncode, checked.stderr.decode()) == (0, "")
