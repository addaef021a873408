"""The clock of a chain: up in steps, while the chips hash, and down at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from hw.device import DeviceState, DeviceWork
from hw.drivers.bm13xx.bringup import clock_steps
from hw.drivers.errors import SettingError
from miner.backends.registry import GENESIS_HEADER
from miner.target import MAX_TARGET
from miner.template import HeaderTemplate
from miner.work import VERSION_ROLLING_MASK

if TYPE_CHECKING:
    from tests.hw.conftest import Emulate
    from tests.hw.drivers.bm13xx.conftest import Drive

WORK = DeviceWork(number=1, template=HeaderTemplate(GENESIS_HEADER), target=MAX_TARGET, version_mask=VERSION_ROLLING_MASK)


def test_it_hashes_while_its_clock_goes_up(emulate: Emulate, drive: Drive) -> None:
    """Seven steps of 0.1 s to 100 MHz; what is counted goes by the clock of each moment."""
    emulated = emulate("bm1366")
    device = drive(emulated, clock_mhz=100.0, step_s=0.1)
    device.open()
    assert device.telemetry().frequency_mhz == pytest.approx(62.5, rel=0.01)
    began_s = time.monotonic()
    device.submit(WORK)
    clocks = []
    while (told := device.telemetry()).frequency_mhz != pytest.approx(100.0, rel=0.01):
        clocks.append(told.frequency_mhz)
        device.poll(0.02)
        assert time.monotonic() < began_s + 5
    took_s = time.monotonic() - began_s
    assert clocks == sorted(clocks)  # type: ignore[type-var]
    assert len(set(clocks)) == 6
    assert took_s > 0.5
    full_hps = 100e6 * 894
    assert 0.6 * full_hps * took_s < device.telemetry().hashes < 0.9 * full_hps * took_s
    device._check_line(device._opened())
    assert emulated.emulator.chain.clock_mhz == pytest.approx(100.0, rel=0.01)  # type: ignore[attr-defined]


def test_it_waits_no_longer_than_until_the_next_step(emulate: Emulate, drive: Drive) -> None:
    device = drive(emulate("bm1366"), clock_mhz=75.0, step_s=0.1)
    device.open()
    device.curtail()
    began_s = time.monotonic()
    for timeout_s in (5.0, 5.0, 0.0):  # before the second step, before the third, and after it
        device.poll(timeout_s)
    assert time.monotonic() < began_s + 1.0
    assert device.telemetry().frequency_mhz == pytest.approx(75.0, rel=0.01)


def test_a_chain_that_is_curtailed_on_the_way_up_stands_still(
    emulate: Emulate, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At no step does it sweep for even a moment; resumed it sweeps as is right for the clock that it has by then."""
    emulated = emulate("bm1366")
    device = drive(emulated, clock_mhz=100.0, step_s=0.05)
    device.open()
    device.submit(WORK)
    device.curtail()
    device._check_line(device._opened())  # then all that was written has arrived
    chain = emulated.emulator.chain  # type: ignore[attr-defined]
    handle, swept = chain.handle, []
    monkeypatch.setattr(chain, "handle", lambda *given: (handle(*given), swept.append(chain.hashes))[0])
    until_s = time.monotonic() + 5
    while device.telemetry().frequency_mhz != pytest.approx(100.0, rel=0.01):
        device.poll(0.02)
        assert time.monotonic() < until_s
    assert device.telemetry().state is DeviceState.CURTAILED
    device._check_line(device._opened())
    assert len(swept) > 4
    assert not any(swept)
    device.resume()
    device._check_line(device._opened())
    assert chain.hashes
    assert chain.clock_mhz == pytest.approx(100.0, rel=0.01)


def test_a_clock_that_is_set_does_not_wake_a_curtailed_chain(emulate: Emulate, drive: Drive) -> None:
    emulated = emulate("bm1366")
    device = drive(emulated)
    device.open()
    device.curtail()
    device.set_frequency(400.0)
    device._check_line(device._opened())  # then all that was written has arrived
    assert not emulated.emulator.chain.hashes  # type: ignore[attr-defined]
    device.resume()
    device._check_line(device._opened())
    assert emulated.emulator.chain.hashes  # type: ignore[attr-defined]


def test_the_chain_is_clocked_as_the_driver_says(emulate: Emulate, drive: Drive) -> None:
    emulated = emulate("bm1370", chips=2)
    device = drive(emulated, "BM1370", clock_mhz=600.0)
    device.open()
    time.sleep(0.1)
    chain = emulated.emulator.chain  # type: ignore[attr-defined]
    assert chain.clock_mhz == pytest.approx(600, rel=0.001)
    device.set_frequency(500.0)
    time.sleep(0.1)
    assert chain.clock_mhz == pytest.approx(500, rel=0.001)
    assert device.telemetry().frequency_mhz == chain.clock_mhz
    with pytest.raises(SettingError, match=r"a clock of 9000 MHz; BM1370 has 40.8 to 2987.5 MHz"):
        device.set_frequency(9000)
    with pytest.raises(SettingError, match="chips do not know what they draw"):
        device.set_power_target(10)


def test_the_clock_goes_up_in_steps_and_down_at_once() -> None:
    assert clock_steps(0.0, 75.0) == [62.5, 68.75, 75.0]
    assert clock_steps(500.0, 510.0) == [506.25, 510.0]
    assert clock_steps(500.0, 100.0) == [100.0]
    assert len(clock_steps(0.0, 525.0)) == 75  # 7.5 s at 0.1 s a step, as hosts take
