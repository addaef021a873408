"""A simulated machine as a device, on a clock that the test moves."""

from __future__ import annotations

import time

import pytest

from hw.catalogue import entries
from hw.designs import s19_kind
from hw.device import DeviceState, DeviceWork
from hw.drivers.errors import PortError, SettingError
from hw.finder import KernelFinder
from hw.health import healthy
from hw.running_machine import MachinePlan
from hw.simulated import SimulatedDevice
from miner.backends.registry import GENESIS_HEADER, GENESIS_NONCE, load
from miner.target import MAX_TARGET, Target
from miner.template import HeaderTemplate

S19J = next(one.machine for one in entries("asic") if one.name == "Bitmain Antminer S19j Pro (100Th)")
PLAN = MachinePlan(design=s19_kind(S19J), health=healthy(3, 126))
GENESIS = DeviceWork(number=1, template=HeaderTemplate(GENESIS_HEADER), target=MAX_TARGET)
GENESIS_S = (0x1DAC2B7C + 1) / 100e12


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def device(clock: Clock) -> SimulatedDevice:
    device = SimulatedDevice(PLAN, clock=clock)
    device.open()
    return device


def test_a_known_nonce_comes_when_its_rate_has_found_it(device: SimulatedDevice, clock: Clock) -> None:
    device.submit(GENESIS)
    clock.now_s += GENESIS_S * 0.99
    assert device.poll(0) == []
    clock.now_s += GENESIS_S * 0.02
    assert [solution.hit.nonce for solution in device.poll(0)] == [GENESIS_NONCE]
    assert device.poll(0) == []


def test_watts_and_degrees_are_those_of_the_model_and_say_so(device: SimulatedDevice, clock: Clock) -> None:
    clock.now_s += 3600
    told = device.telemetry()
    assert told.power is not None
    assert told.power.power_w == pytest.approx(S19J.power_w)
    assert told.power.energy_j == pytest.approx(3600 * S19J.power_w)
    assert (told.power.quality, told.power.boundary) == ("modelled", "wall")
    assert (told.temperature_c, told.frequency_mhz) == (pytest.approx(65.0), 545.0)
    assert told.hashes == pytest.approx(3600 * S19J.hashrate_hps)


def test_while_it_does_not_hash_it_finds_nothing(device: SimulatedDevice, clock: Clock) -> None:
    device.machine.break_down("hang", clock.now_s)
    device.submit(GENESIS)
    clock.now_s += 60
    assert device.poll(0) == []
    assert device.telemetry().state == DeviceState.IDLE


def test_its_power_target_is_kept_and_slows_it(device: SimulatedDevice, clock: Clock) -> None:
    device.set_power_target(2000.0)
    clock.now_s += 3600
    told = device.telemetry()
    assert told.power is not None
    assert told.power.power_w <= 2000.0
    with pytest.raises(SettingError, match="3 W cannot be kept: "):
        device.set_power_target(3.0)


@pytest.mark.parametrize("mhz", [144.0, 746.0, float("nan"), -1.0])
def test_clocks_outside_its_presets_are_refused(device: SimulatedDevice, mhz: float) -> None:
    with pytest.raises(SettingError, match="its presets are 145 to 745 MHz"):
        device.set_frequency(mhz)


def test_curtailed_it_draws_25_w_after_five_seconds(device: SimulatedDevice, clock: Clock) -> None:
    device.curtail()
    clock.now_s += 5
    told = device.telemetry()
    assert told.power is not None
    assert told.power.power_w == pytest.approx(25, abs=1)
    device.resume()
    clock.now_s += 10
    assert device.telemetry().state == DeviceState.IDLE
    assert device.wants_work()


def test_unknown_work_is_searched_for_real_if_it_has_a_finder(clock: Clock) -> None:
    finder = KernelFinder(load("auto"))
    device = SimulatedDevice(PLAN, finder=finder, clock=clock)
    device.open()
    other = HeaderTemplate(b"\x02" + GENESIS_HEADER[1:])
    easy = DeviceWork(number=7, template=other, target=Target((1 << 240) - 1))
    device.submit(easy)
    until_s = time.monotonic() + 20
    while not (solutions := device.poll(0)) and time.monotonic() < until_s:
        time.sleep(0.01)
    assert solutions
    assert all(other.check(one.hit.nonce, easy.target) == one.hit for one in solutions)
    finder.close()


def test_closed_it_is_nobody(clock: Clock) -> None:
    device = SimulatedDevice(PLAN, clock=clock)
    with pytest.raises(PortError, match="not open; open it first"):
        device.machine  # noqa: B018
    assert device.telemetry().state == DeviceState.CLOSED
