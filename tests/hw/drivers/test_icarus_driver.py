"""The Icarus driver against the emulated device, over a real pseudo-terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from hw.device import DeviceState, DeviceWork, Solution
from hw.drivers.errors import PortError, PortLostError, ProbeError, SettingError
from hw.drivers.icarus.driver import IcarusDevice
from hw.drivers.icarus.family import IcarusProfile, profile
from hw.drivers.icarus.frames import encode_work
from hw.drivers.icarus.probes import GOLDEN
from hw.drivers.port import SerialPort
from hw.emulators.pty_line import PtyLine
from miner.backends.registry import GENESIS_HASH, GENESIS_HEADER, GENESIS_NONCE
from miner.target import MAX_TARGET, Target
from miner.template import HeaderTemplate

if TYPE_CHECKING:
    from tests.hw.conftest import Emulate, Emulated

ERUPTER = profile("erupter")
FAST_HPS = 20e9  # block 0's nonce within 25 ms
Drive = Callable[..., IcarusDevice]


def genesis(number: int = 1, target: Target = MAX_TARGET) -> DeviceWork:
    return DeviceWork(number=number, template=HeaderTemplate(GENESIS_HEADER), target=target)


def other(number: int = 2) -> DeviceWork:
    return DeviceWork(number=number, template=HeaderTemplate(b"\x02" + GENESIS_HEADER[1:]), target=MAX_TARGET)


@pytest.fixture
def drive() -> Iterator[Drive]:
    devices = []

    def start(emulated: Emulated, kind: IcarusProfile = ERUPTER) -> IcarusDevice:
        devices.append(IcarusDevice(kind, lambda: SerialPort(emulated.path, 115200), time.monotonic))
        return devices[-1]

    yield start
    for device in devices:
        device.close()


def wait(device: IcarusDevice, for_s: float) -> list[Solution]:
    until_s = time.monotonic() + for_s
    while time.monotonic() < until_s:
        if found := device.poll(0.05):
            return found
    return []


def test_it_finds_the_device_and_then_the_nonce_of_block_0(emulate: Emulate, drive: Drive) -> None:
    device = drive(emulate("erupter", rate_hps=FAST_HPS))
    assert not device.wants_work()
    device.open()
    assert (device.telemetry().state, device.wants_work()) == (DeviceState.IDLE, True)
    device.submit(genesis())
    assert (device.telemetry().state, device.wants_work()) == (DeviceState.HASHING, False)
    [solution] = wait(device, 5.0)
    assert (solution.hit.nonce, solution.hit.hash, solution.work.number) == (GENESIS_NONCE, GENESIS_HASH, 1)
    told = device.telemetry()
    assert (told.state, told.nonces, told.hardware_errors) == (DeviceState.IDLE, 1, 0)
    assert told.hashes == 0x1DAC2B7C + 1  # as many as a device that counts up has tried
    assert device.wants_work()


def test_a_nonce_below_the_share_target_counts_but_is_no_solution(emulate: Emulate, drive: Drive) -> None:
    device = drive(emulate("erupter", rate_hps=FAST_HPS))
    device.open()
    device.submit(genesis(target=Target(MAX_TARGET // 100_000)))
    assert wait(device, 0.5) == []
    assert device.telemetry().nonces == 1
    assert device.wants_work()


def test_a_late_nonce_is_still_credited_to_its_own_work(emulate: Emulate, drive: Drive) -> None:
    """The device answers the old work just after it was given new one; the new work goes on."""
    device = drive(emulate("erupter", "late-nonce@0.5", rate_hps=FAST_HPS))
    device.open()
    time.sleep(0.6)
    device.submit(genesis(1))
    assert wait(device, 0.2) == []
    device.replace(other(2))
    [solution] = wait(device, 2.0)
    assert (solution.work.number, solution.hit.nonce) == (1, GENESIS_NONCE)
    assert device.telemetry().state == DeviceState.HASHING


def test_a_stuck_nonce_is_a_hardware_error_and_no_share(emulate: Emulate, drive: Drive) -> None:
    device = drive(emulate("erupter", "stuck-nonce@0.5", rate_hps=FAST_HPS))
    device.open()
    time.sleep(0.6)
    for number in range(3):
        device.submit(genesis(number))
        assert wait(device, 0.3) == []
    told = device.telemetry()
    assert (told.nonces, told.hardware_errors) == (0, 3)


def test_a_noisy_line_loses_no_share(emulate: Emulate, drive: Drive) -> None:
    device = drive(emulate("erupter", "noise@0.3", rate_hps=4e9))  # block 0 after 125 ms
    device.open()
    time.sleep(0.4)
    for number in range(8):
        device.submit(genesis(number))
        [solution] = wait(device, 2.0)
        assert solution.work.number == number
    assert device._reader.stray_bytes > 0


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("hang", "no ASICMiner Block Erupter USB: nothing answered within 0.1 s"),
        ("surplus-byte", "00 01 87 a2 00 is the right nonce with a byte of status, as an Antminer U1 or U2 sends it"),
        ("stuck-nonce", "it answered ed ac ef 0d to known work; want 00 01 87 a2, and nothing more"),
        ("wrong-baud", "nothing answered within 0.1 s"),
    ],
)
def test_what_does_not_pass_the_probe_is_told_with_what_came(emulate: Emulate, drive: Drive, fault: str, message: str) -> None:
    device = drive(emulate("erupter", fault))
    with pytest.raises(ProbeError, match=message):
        device.open()
    assert device.telemetry().state == DeviceState.CLOSED


def test_a_port_at_the_wrong_speed_finds_nothing(emulate: Emulate) -> None:
    emulated = emulate("erupter")
    device = IcarusDevice(profile("erupter"), lambda: SerialPort(emulated.path, 9600), time.monotonic)
    with pytest.raises(ProbeError, match="nothing answered"):
        device.open()


def test_a_bm13xx_is_told_from_an_icarus() -> None:
    line = PtyLine()

    class Answered(SerialPort):
        def write(self, data: bytes) -> None:
            line.write(bytes.fromhex("aa55137000000000000010"))

    device = IcarusDevice(profile("icarus"), lambda: Answered(line.path, 115200), time.monotonic)
    with pytest.raises(ProbeError, match=r"no Icarus \(2 FPGAs\): aa 55 13 70 .*looks like a BM13xx chip"):
        device.open()
    line.close()


def test_unplugging_in_mid_job_is_an_error_and_plugging_in_again_goes_on(emulate: Emulate, drive: Drive) -> None:
    device = drive(emulate("erupter", "hang-up@0.5"))
    device.open()
    device.submit(other())
    with pytest.raises(PortLostError, match="lost"):
        wait(device, 3.0)
    device.close()
    again = drive(emulate("erupter", rate_hps=FAST_HPS))
    again.open()
    again.submit(genesis())
    assert len(wait(again, 2.0)) == 1


def test_curtailed_it_takes_no_work(emulate: Emulate, drive: Drive) -> None:
    device = drive(emulate("erupter", rate_hps=FAST_HPS))
    device.open()
    device.submit(other())
    device.curtail()
    assert (device.telemetry().state, device.wants_work()) == (DeviceState.CURTAILED, False)
    with pytest.raises(SettingError, match="is curtailed; resume it first"):
        device.submit(genesis())
    device.resume()
    assert device.wants_work()
    device.submit(genesis())
    assert len(wait(device, 2.0)) == 1


def test_it_has_nothing_to_set(emulate: Emulate, drive: Drive) -> None:
    device = drive(emulate("erupter"))
    with pytest.raises(SettingError, match="its clock is fixed; 200 MHz cannot be set"):
        device.set_frequency(200)
    with pytest.raises(SettingError, match="2 W cannot be set"):
        device.set_power_target(2)


def test_closed_it_says_so(emulate: Emulate, drive: Drive) -> None:
    device = drive(emulate("erupter"))
    for call in (lambda: device.poll(0), lambda: device.submit(genesis())):
        with pytest.raises(PortError, match="erupter: not open; open it first"):
            call()
    device.open()
    device.close()
    device.close()
    with pytest.raises(PortError, match="not open"):
        device.poll(0)


def test_work_is_due_again_when_the_sweep_must_be_over(emulate: Emulate) -> None:
    emulated, now = emulate("icarus"), [0.0]
    device = IcarusDevice(profile("icarus"), lambda: SerialPort(emulated.path, 115200), time.monotonic)
    device.open()
    device._clock = lambda: now[0]
    device.submit(other())
    now[0] = 11.1
    assert not device.wants_work()
    now[0] = 11.2  # a sweep takes 11.3 s
    assert device.wants_work()
    assert device.telemetry().hashes == pytest.approx(11.2 * 380e6)
    device.close()


def test_a_host_writes_the_probe_and_the_work_and_nothing_else(emulate: Emulate) -> None:
    emulated, sent = emulate("erupter"), []

    class Noted(SerialPort):
        def write(self, data: bytes) -> None:
            sent.append(data)
            super().write(data)

    device = IcarusDevice(ERUPTER, lambda: Noted(emulated.path, 115200))
    device.open()
    device.submit(other())
    device.close()
    assert sent == [GOLDEN, encode_work(other().template)]


def test_a_u1_is_clocked(emulate: Emulate, drive: Drive) -> None:
    """At twice the clock block 0 takes half the time: 156 ms at 400 MHz."""
    device = drive(emulate("u1"), profile("u1"))
    device.open()
    assert device.telemetry().frequency_mhz == 200.0
    took_s = []
    for number, mhz in enumerate((200.0, 400.0)):
        device.set_frequency(mhz)
        assert device.wants_work()
        device.submit(genesis(number))
        started_s = time.monotonic()
        assert len(wait(device, 5.0)) == 1
        took_s.append(time.monotonic() - started_s)
    assert took_s[0] == pytest.approx(0.311, abs=0.1)
    assert took_s[1] == pytest.approx(0.156, abs=0.1)
    assert took_s[1] < 0.75 * took_s[0]
    with pytest.raises(SettingError, match="take 125 to 500 MHz"):
        device.set_frequency(600)


def test_a_u1_is_told_from_an_icarus_and_the_other_way_round(emulate: Emulate, drive: Drive) -> None:
    with pytest.raises(ProbeError, match="as an Antminer U1 or U2 sends it"):
        drive(emulate("u1"), profile("icarus")).open()
    with pytest.raises(ProbeError, match="is the right nonce without status, as an Icarus sends it"):
        drive(emulate("icarus"), profile("u1")).open()
