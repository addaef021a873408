"""A device with a meter beside it: what goes wrong with the meter never stops the mining."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from hw.compute import ComputeDevice
from hw.device import DeviceState, DeviceWork
from hw.drivers.registry import device_from
from hw.emulators.faults import Fault, Faults, TimedFault
from hw.emulators.pty_line import PtyLine
from hw.emulators.serving import EmulatorServer
from hw.emulators.wall_meter import KINDS, WallMeterEmulator, WallMeterSetting
from hw.errors import HardwareError, MeterUnavailableError, NoPowerYetError
from hw.metered import AGAIN_S, MeteredDevice
from hw.meters.load import constant_load
from hw.power import PowerSample
from miner.target import Target
from miner.template import HeaderTemplate

SAMPLE = PowerSample(time_s=1.0, power_w=65.0, energy_j=65.0, source="a test", boundary="chip", quality="measured")
EASY = Target((1 << 248) - 1)  # one nonce in 256


class ScriptedMeter:
    """Does one thing after the other: gives a sample or raises; and is opened as often as it takes."""

    source, boundary, kind = "a test", "chip", "measured"

    def __init__(self, *script: PowerSample | Exception) -> None:
        self._script = list(script)
        self.opened = self.closed = 0

    def open(self) -> ScriptedMeter:
        self.opened += 1
        return self

    def energy_j(self) -> float:
        return 0.0

    def sample(self) -> PowerSample:
        told = self._script.pop(0)
        if isinstance(told, Exception):
            raise told
        return told

    def close(self) -> None:
        self.closed += 1


class Clock:
    """A clock that goes on by itself at each reading."""

    def __init__(self, step_s: float) -> None:
        self.now_s, self._step_s = 0.0, step_s

    def __call__(self) -> float:
        self.now_s += self._step_s
        return self.now_s


def metered(meter: ScriptedMeter, step_s: float = AGAIN_S) -> MeteredDevice:
    device = MeteredDevice(ComputeDevice("reference"), meter.open, clock=Clock(step_s))
    device.open()
    return device


def test_a_meter_without_a_power_yet_gives_none_and_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    device = metered(ScriptedMeter(NoPowerYetError("opened 0.1 s ago"), SAMPLE))
    assert device.telemetry().power is None
    assert device.telemetry().power == SAMPLE
    assert caplog.records == []
    device.close()


def test_a_meter_that_fails_is_told_once_until_it_works_again(caplog: pytest.LogCaptureFixture) -> None:
    lost, gone = MeterUnavailableError("rapl: no right to read it"), OSError("the line is dead")
    script = [lost, gone, NoPowerYetError("too soon"), gone, SAMPLE, gone, lost]
    meter = ScriptedMeter(*script)
    device = metered(meter)
    with caplog.at_level(logging.WARNING):
        told = [device.telemetry().power for _ in script]
    assert told == [None, None, None, None, SAMPLE, None, None]
    assert [record.getMessage() for record in caplog.records] == [
        "reference at cpu0: no power: rapl: no right to read it",
        "reference at cpu0: no power: the line is dead",
    ]
    assert (meter.opened, meter.closed) == (5, 5)
    device.close()


def test_a_meter_that_failed_is_left_alone_for_a_while() -> None:
    meter = ScriptedMeter(OSError("the line is dead"), SAMPLE)
    device = metered(meter, step_s=AGAIN_S / 4)
    assert [device.telemetry().power for _ in range(5)] == [None, None, None, None, SAMPLE]
    assert meter.opened == 2
    device.close()


def test_energy_counts_on_when_the_meter_is_opened_again() -> None:
    later = replace(SAMPLE, time_s=2.0, energy_j=100.0)
    device = metered(ScriptedMeter(SAMPLE, later, OSError("unplugged"), replace(SAMPLE, energy_j=7.0)))
    told = [device.telemetry().power for _ in range(4)]
    assert [None if one is None else one.energy_j for one in told] == [65.0, 100.0, None, 107.0]
    device.close()


def test_closed_it_tells_no_power_and_lets_go_of_the_meter() -> None:
    meter = ScriptedMeter(SAMPLE, SAMPLE)
    device = metered(meter)
    assert device.telemetry().power == SAMPLE
    device.close()
    device.close()
    assert (device.telemetry().power, meter.closed) == (None, 1)


def test_a_mistake_in_a_meter_is_not_hidden() -> None:
    device = metered(ScriptedMeter(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        device.telemetry()
    device.close()


@pytest.mark.parametrize(
    ("specification", "sentence"),
    [
        ("compute@", "no meter ''; known: nameplate"),
        ("compute@abacus:3", "no meter 'abacus'; known: nameplate"),
        ("erupter@rapl", "erupter: at which port"),
        ("compute@pzem", "pzem: at which port"),
        ("compute@pzem:/dev/x,adress=2", "pzem: no option 'adress'; known: address, wait"),
        ("compute@sdm120:/dev/x,address=999", "sdm120: address=999; want a whole number from 1 to 247"),
        ("compute@nameplate:0", "a nameplate of 0.0 W; want a number of watts above 0"),
        ("compute@nameplate:abc", "nameplate:abc is no number of watts"),
        ("compute@simulated:65,noise=1", "noise"),
        ("compute@rapl:zzz", "rapl:zzz: want just `rapl`"),
        ("compute@nvml:first", "nvml:first: want nvml, or nvml: with a board's number"),
        ("@rapl", "no device ''; known"),
    ],
)
def test_a_specification_that_makes_no_sense(specification: str, sentence: str) -> None:
    with pytest.raises(HardwareError, match=sentence):
        device_from(specification)


@pytest.mark.parametrize("meter", ["pzem:/dev/nowhere,address=2", "sdm120:/dev/nowhere,baud=9600", "rapl", "nvml:7", "nvml"])
def test_whether_a_meter_is_there_is_not_asked_before_the_mining(meter: str) -> None:
    assert not isinstance(device_from(f"compute@{meter}"), ComputeDevice)


def test_a_specification_with_a_meter() -> None:
    device = device_from("compute:reference@nameplate:65")
    device.open()
    assert (device.name, device.telemetry().state) == ("reference at cpu0", DeviceState.IDLE)
    time.sleep(0.01)
    power = device.telemetry().power
    assert power is not None
    assert (power.power_w, power.quality) == (65.0, "nameplate")
    device.close()


@pytest.fixture
def wall() -> Iterator[Callable[[float], str]]:
    """Return a function that starts an emulated meter of 250 W, which hangs up after so many seconds, and gives its path."""
    server = EmulatorServer()
    thread = threading.Thread(target=server.run)

    def start(lasts_s: float) -> str:
        now_s = time.monotonic()
        faults = Faults([TimedFault(fault=Fault.HANG_UP, at_s=lasts_s)], started_s=now_s)
        line = PtyLine()
        setting = WallMeterSetting(kind=KINDS["pzem"], load=constant_load(250.0), started_s=now_s, faults=faults)
        server.add(WallMeterEmulator(setting), line)
        thread.start()
        return line.path

    yield start
    server.stop()
    if thread.ident is not None:
        thread.join(5)
    server.close()


def test_it_mines_on_when_its_wall_meter_is_unplugged(wall: Callable[[float], str], caplog: pytest.LogCaptureFixture) -> None:
    """Over a real line: no power at first, then 250 W, then none and one warning, and nonces all the while."""
    device = device_from(f"compute:reference@pzem:{wall(6.0)}")
    device.open()
    powers, found = [], []
    until_s = time.monotonic() + 9.0
    with caplog.at_level(logging.WARNING, "hw.metered"):
        while time.monotonic() < until_s:
            if device.wants_work():
                device.submit(DeviceWork(number=len(found), template=HeaderTemplate(bytes(80)), target=EASY))
            found += [(time.monotonic(), one) for one in device.poll(0.2)]
            powers.append(device.telemetry().power)
    device.close()
    seen = [power for power in powers if power is not None]
    assert powers[0] is None
    assert powers[-1] is None
    assert {power.quality for power in seen} == {"integrated"}
    assert seen[-1].power_w == pytest.approx(250, rel=0.02)
    assert found[-1][0] > until_s - 1.0
    assert len([record for record in caplog.records if "no power: " in record.getMessage()]) == 1
