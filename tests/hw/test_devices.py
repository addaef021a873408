"""One suite for every kind of device: serial over a real pseudo-terminal, and the processors of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from hw.catalogue import entries
from hw.compute import ComputeDevice
from hw.designs import s19_kind
from hw.device import Device, DeviceState, DeviceWork, Solution
from hw.drivers.bm13xx.bringup import ChainPlan
from hw.drivers.bm13xx.chips import CHIPS
from hw.drivers.bm13xx.driver import Bm13xxDevice
from hw.drivers.errors import PortError, SettingError
from hw.drivers.icarus.driver import IcarusDevice
from hw.drivers.icarus.family import profile
from hw.drivers.port import SerialPort
from hw.health import healthy
from hw.modes import set_ramp
from hw.running_machine import MachinePlan
from hw.simulated import SimulatedDevice
from miner.target import MAX_TARGET, Target
from miner.template import HeaderTemplate
from miner.vectors import headers

if TYPE_CHECKING:
    from tests.hw.conftest import Emulate

# Real blocks whose nonces come early, however a device counts: the emulated one knows them, a processor has them soon.
BLOCKS = sorted(headers().values(), key=lambda header: header.nonce)[:3]


def work(number: int, target: Target = MAX_TARGET) -> DeviceWork:
    return DeviceWork(number=number, template=HeaderTemplate(BLOCKS[number % len(BLOCKS)].to_bytes()), target=target)


@pytest.fixture(params=["icarus-on-pty", "u1-on-pty", "bm1366-on-pty", "bm1397-on-pty", "compute", "simulated"])
def device(request: pytest.FixtureRequest, emulate: Emulate) -> Iterator[Device]:
    device: Device
    if request.param == "compute":
        device = ComputeDevice()
    elif request.param == "simulated":
        machine = next(one.machine for one in entries("asic") if "S19j Pro (100Th)" in one.name)
        device = SimulatedDevice(MachinePlan(design=s19_kind(machine), health=healthy(3, 126), sleep=set_ramp(0.1)))
    elif request.param.startswith("bm"):
        name = request.param.partition("-")[0]
        path = emulate(name).path
        device = Bm13xxDevice(ChainPlan(chip=CHIPS[name.upper()], step_s=0.0), lambda: SerialPort(path, 115200))
    else:
        name = "u1" if request.param.startswith("u1") else "erupter"
        path = emulate(name, rate_hps=40e9).path
        device = IcarusDevice(profile(name), lambda: SerialPort(path, 115200))
    yield device
    device.close()


def wait(device: Device, for_s: float = 20.0) -> list[Solution]:
    until_s = time.monotonic() + for_s
    while time.monotonic() < until_s:
        if found := device.poll(0.05):
            return found
    return []


def test_it_finds_the_nonces_of_real_blocks_one_after_the_other(device: Device) -> None:
    device.open()
    assert device.wants_work()
    for number, block in enumerate(BLOCKS):
        device.replace(work(number))
        solution = wait(device)[0]
        assert (solution.work.number, solution.hit.nonce, solution.hit.hash) == (number, block.nonce, block.hash_hex())
    told = device.telemetry()
    assert told.nonces == len(BLOCKS)
    assert told.hashes > 0
    assert told.hardware_errors == 0


def test_what_misses_the_share_target_is_no_solution(device: Device) -> None:
    device.open()
    value = int(BLOCKS[0].hash_hex(), 16)
    device.replace(work(0, Target(value - 1)))
    assert wait(device, 1.0) == []
    device.replace(work(len(BLOCKS), Target(value)))
    assert [solution.hit.nonce for solution in wait(device)] == [BLOCKS[0].nonce]


def test_its_states_in_order(device: Device) -> None:
    assert (device.telemetry().state, device.wants_work()) == (DeviceState.CLOSED, False)
    device.open()
    assert (device.telemetry().state, device.wants_work()) == (DeviceState.IDLE, True)
    device.submit(DeviceWork(number=1, template=HeaderTemplate(bytes(80)), target=Target(0)))
    assert device.telemetry().state == DeviceState.HASHING
    device.curtail()
    assert (device.telemetry().state, device.wants_work()) == (DeviceState.CURTAILED, False)
    device.resume()
    assert device.wants_work()
    device.close()
    assert device.telemetry().state == DeviceState.CLOSED


def test_curtailed_it_takes_no_work_and_hashes_nothing(device: Device) -> None:
    device.open()
    device.submit(DeviceWork(number=1, template=HeaderTemplate(bytes(80)), target=Target(0)))
    device.curtail()
    time.sleep(0.3)
    before = device.telemetry().hashes
    time.sleep(0.3)
    assert device.telemetry().hashes == before
    for give in (device.submit, device.replace):
        with pytest.raises(SettingError, match="is curtailed; resume it first"):
            give(work(0))


def test_a_poll_waits_no_longer_than_it_may(device: Device) -> None:
    device.open()
    started_s = time.monotonic()
    assert device.poll(0.1) == []
    assert 0.05 < time.monotonic() - started_s < 1.0


def test_closed_it_does_nothing_and_may_be_opened_again(device: Device) -> None:
    calls: tuple[Callable[[], object], ...] = [
        lambda: device.poll(0),
        lambda: device.submit(work(0)),
        lambda: device.replace(work(0)),
    ]
    for call in calls:
        with pytest.raises(PortError, match="not open; open it first"):
            call()
    for _ in range(2):
        device.open()
        device.close()
        device.close()
    device.open()
    device.submit(work(1))
    assert wait(device)[0].hit.nonce == BLOCKS[1].nonce


def test_settings_it_does_not_have_are_a_sentence(device: Device) -> None:
    device.open()
    with pytest.raises(SettingError, match="MHz"):
        device.set_frequency(1e6)
    with pytest.raises(SettingError, match=r"W\b"):
        device.set_power_target(100)


def test_it_says_who_it_is(device: Device) -> None:
    device.open()
    assert " at " in device.name
