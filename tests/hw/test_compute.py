"""The processors of this machine with a meter: what goes wrong with the meter never stops the mining."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from hw.compute import ComputeDevice
from hw.device import DeviceWork
from hw.emulators.faults import Fault, Faults, TimedFault
from hw.emulators.pty_line import PtyLine
from hw.emulators.serving import EmulatorServer
from hw.emulators.wall_meter import KINDS, WallMeterEmulator, WallMeterSetting
from hw.errors import MeterUnavailableError, NoPowerYetError
from hw.meters.load import constant_load
from hw.meters.registry import open_meter
from hw.power import PowerSample
from miner.target import Target
from miner.template import HeaderTemplate

SAMPLE = PowerSample(time_s=1.0, power_w=65.0, energy_j=65.0, source="a test", boundary="chip", quality="measured")
EASY = Target((1 << 248) - 1)  # one nonce in 256


class ScriptedMeter:
    """Does one thing after the other: gives a sample or raises."""

    def __init__(self, *script: PowerSample | Exception | None) -> None:
        self._script = list(script)

    def __call__(self) -> PowerSample | None:
        told = self._script.pop(0)
        if isinstance(told, Exception):
            raise told
        return told


def test_a_meter_without_a_power_yet_gives_none_and_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    device = ComputeDevice("reference", meter=ScriptedMeter(NoPowerYetError("opened 0.1 s ago"), SAMPLE))
    assert device.telemetry().power is None
    assert device.telemetry().power == SAMPLE
    assert caplog.records == []


def test_a_meter_that_fails_is_told_once_until_it_works_again(caplog: pytest.LogCaptureFixture) -> None:
    lost, gone = MeterUnavailableError("rapl: no right to read it"), OSError("the line is dead")
    script = [lost, gone, NoPowerYetError("too soon"), gone, SAMPLE, gone, lost]
    device = ComputeDevice("reference", meter=ScriptedMeter(*script))
    with caplog.at_level(logging.WARNING):
        told = [device.telemetry().power for _ in script]
    assert told == [None, None, None, None, SAMPLE, None, None]
    assert [record.getMessage() for record in caplog.records] == [
        "reference at cpu0: no power: rapl: no right to read it",
        "reference at cpu0: no power: the line is dead",
    ]


def test_a_mistake_in_a_meter_is_not_hidden() -> None:
    device = ComputeDevice("reference", meter=ScriptedMeter(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        device.telemetry()


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
    meter = open_meter(f"pzem:{wall(3.0)}")
    device = ComputeDevice("reference", meter=meter.sample)
    device.open()
    powers, found = [], []
    until_s = time.monotonic() + 6.0
    with caplog.at_level(logging.WARNING, "hw.compute"):
        while time.monotonic() < until_s:
            if device.wants_work():
                device.submit(DeviceWork(number=len(found), template=HeaderTemplate(bytes(80)), target=EASY))
            found += [(time.monotonic(), one) for one in device.poll(0.2)]
            powers.append(device.telemetry().power)
    device.close()
    meter.close()
    seen = [power for power in powers if power is not None]
    assert powers[0] is None
    assert powers[-1] is None
    assert {power.quality for power in seen} == {"integrated"}
    assert seen[-1].power_w == pytest.approx(250, rel=0.02)
    assert found[-1][0] > until_s - 1.0
    assert len([record for record in caplog.records if "no power: " in record.getMessage()]) == 1
