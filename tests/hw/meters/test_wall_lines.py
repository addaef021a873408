"""PZEM and SDM120 through the real library, on real pseudo-terminals: numbers that are right, or one sentence."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from math import inf
from typing import Any

import pytest

from hw.drivers.port import SerialPort
from hw.emulators.pty_line import PtyLine
from hw.emulators.wall_meter import KINDS, MeterFault, WallMeterSetting
from hw.errors import MeterError, MeterUnavailableError
from hw.meters.load import StepLoad, constant_load
from hw.meters.meter import PowerMeter
from hw.meters.modbus import ModbusRegisters, SerialSetting
from hw.meters.pzem import reading_of
from hw.meters.registry import open_meter
from hw.meters.rtu import sealed
from hw.meters.sdm120 import float_of

NOW_AND_ON = (0.0, inf)


@pytest.fixture
def opened() -> Iterator[Callable[[str], PowerMeter]]:
    """Return what opens meters, which are closed in the end."""
    meters: list[PowerMeter] = []

    def open_one(specification: str) -> PowerMeter:
        meters.append(open_meter(specification))
        return meters[-1]

    yield open_one
    for meter in meters:
        meter.close()


def setting(kind: str, watts: float = 1234.5, **more: Any) -> WallMeterSetting:
    return WallMeterSetting(kind=KINDS[kind], load=constant_load(watts), started_s=time.monotonic(), **more)


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_by_the_real_clock(kind: str, walls: Any, opened: Callable[[str], PowerMeter]) -> None:
    """The power rises half a second after the meter was opened; a thread sees it."""
    began_s = time.monotonic()
    load = StepLoad(((began_s - 10, 400.0), (began_s + 0.7, 1200.0)))
    path = walls.start(WallMeterSetting(kind=KINDS[kind], load=load, started_s=began_s, counted_wh=77.7)).path
    meter = opened(f"{kind}:{path}")
    opened_s = time.monotonic()
    time.sleep(1.8)
    sample = meter.sample()
    wanted_j = load.energy_j(opened_s, time.monotonic())
    assert sample.energy_j == pytest.approx(wanted_j, abs=800 * 0.5)  # half a reading, and the time that reading takes
    assert 400 < sample.power_w < 1200
    assert (sample.boundary, sample.quality) == ("wall", "integrated")
    assert sample.source.startswith({"pzem": "PZEM-004T at ", "sdm120": "SDM120 at "}[kind] + f"{path}, address 1, power read")


def test_options_reach_the_line(walls: Any, opened: Callable[[str], PowerMeter]) -> None:
    line = walls.start(setting("pzem", address=9))
    assert opened(f"pzem:{line.path},address=9").source.startswith(f"PZEM-004T at {line.path}, address 9")
    assert line.baud == 9600
    line = walls.start(setting("sdm120"))
    opened(f"sdm120:{line.path}").close()
    assert line.baud == 2400
    with pytest.raises(MeterUnavailableError, match="is it powered, and are address and speed right"):
        opened(f"sdm120:{line.path},address=2,wait=0.15")


def test_another_speed_is_not_understood(walls: Any, opened: Callable[[str], PowerMeter]) -> None:
    line = walls.start(setting("sdm120"))
    with pytest.raises(MeterUnavailableError, match=r"no answer within 0\.15 s|garbled"):
        opened(f"sdm120:{line.path},baud=9600,wait=0.15")


SENTENCES = {
    MeterFault.NO_ANSWER: "no answer within 0.15 s; is it powered, and are address and speed right?",
    MeterFault.BAD_CRC: "an answer that is garbled or cut short (01 04 ",
    MeterFault.CUT_SHORT: "an answer that is garbled or cut short (01 04 ",
    MeterFault.WRONG_ADDRESS: "an answer of address 2",
    MeterFault.EXCEPTION: "it refuses with code 4 (device failure)",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", MeterFault)
def test_a_fault_is_one_sentence_and_no_number(
    kind: str, fault: MeterFault, walls: Any, opened: Callable[[str], PowerMeter], capfd: pytest.CaptureFixture[str]
) -> None:
    """Also as it is opened; and the library prints nothing beside."""
    broken: dict[MeterFault, tuple[float, float]] = {}
    path = walls.start(setting(kind, broken=broken)).path
    meter = opened(f"{kind}:{path},wait=0.15")
    broken[fault] = NOW_AND_ON
    with pytest.raises(MeterUnavailableError) as caught:
        meter.energy_j()
    assert str(caught.value).startswith(f"{path}, address 1: {SENTENCES[fault]}")
    meter.close()
    with pytest.raises(MeterUnavailableError) as caught:
        opened(f"{kind}:{path},wait=0.15")
    assert str(caught.value).startswith(f"{path}, address 1: {SENTENCES[fault]}")
    assert capfd.readouterr() == ("", "")


def test_the_library_has_no_handler_of_ours_twice(walls: Any, opened: Callable[[str], PowerMeter]) -> None:
    for _ in range(3):
        opened(f"pzem:{walls.start(setting('pzem')).path}").close()
    assert len(logging.getLogger("pymodbus").handlers) == 1


def test_once_it_answers_again_it_tells_what_passed(walls: Any, opened: Callable[[str], PowerMeter]) -> None:
    broken: dict[MeterFault, tuple[float, float]] = {}
    path = walls.start(setting("pzem", watts=3000.0, broken=broken)).path
    meter = opened(f"pzem:{path},wait=0.15")
    opened_s = time.monotonic()
    broken[MeterFault.BAD_CRC] = NOW_AND_ON
    with pytest.raises(MeterUnavailableError):
        meter.energy_j()
    broken.clear()
    assert meter.energy_j() == pytest.approx(3000 * (time.monotonic() - opened_s), abs=3000 * 0.5)


def test_unplugged_and_plugged_in_again(walls: Any, opened: Callable[[str], PowerMeter], tmp_path: Any) -> None:
    """By a name that stays, as udev gives one."""
    port = tmp_path / "meter"
    port.symlink_to(walls.start(setting("pzem")).path)
    meter = opened(f"pzem:{port},wait=0.15")
    port.unlink()
    walls.stop()
    with pytest.raises(MeterUnavailableError, match=rf"{port}, address 1: the line is lost; is it plugged in\?"):
        meter.energy_j()
    port.symlink_to(walls.start(setting("pzem", counted_wh=1.0)).path)
    assert meter.energy_j() > 0


def test_a_port_is_held_alone(walls: Any, opened: Callable[[str], PowerMeter]) -> None:
    path = walls.start(setting("pzem")).path
    meter = opened(f"pzem:{path}")
    with pytest.raises(MeterUnavailableError, match=rf"^{path}: in use by another program; stop that first$"):
        opened(f"sdm120:{path}")
    with pytest.raises(OSError, match="in use by another program"):
        SerialPort(path, 9600)
    meter.close()
    opened(f"pzem:{path}").close()


@pytest.mark.parametrize(
    ("specification", "sentence"),
    [
        ("pzem", "pzem: at which port? want for example pzem:/dev/ttyUSB0"),
        ("sdm120:,address=2", "sdm120: at which port? want for example sdm120:/dev/ttyUSB0"),
        ("pzem:/dev/ttyUSB0,address=0", "pzem: address=0; want a whole number from 1 to 247"),
        ("pzem:/dev/ttyUSB0,address=248", "pzem: address=248"),
        ("pzem:/dev/ttyUSB0,address=1.5", "pzem: address=1.5"),
        ("pzem:/dev/ttyUSB0,address=²", "pzem: address=²"),
        ("pzem:/dev/ttyUSB0,baud=2400", "pzem: no option 'baud'; known: address, wait"),
        ("sdm120:/dev/ttyUSB0,baud=19200", "sdm120: baud=19200; want one of 1200, 2400, 4800, 9600"),
        ("sdm120:/dev/ttyUSB0,wait=0", "sdm120: wait=0; want seconds from 0.05 to 10"),
        ("sdm120:/dev/ttyUSB0,wait=nan", "sdm120: wait=nan; want a number"),
        ("pzem:loop://", "pzem:loop://: an address; want the path of a device, such as /dev/ttyUSB0"),
        ("pzem:socket://127.0.0.1:99", "an address; want the path of a device"),
    ],
)
def test_specifications_that_make_no_sense(specification: str, sentence: str) -> None:
    """These are mistakes, not instruments that are missing: the benchmark does not go on without."""
    with pytest.raises(MeterError) as caught:
        open_meter(specification)
    assert sentence in str(caught.value)
    assert not isinstance(caught.value, MeterUnavailableError)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/dev/no-such-port", "/dev/no-such-port: no such port; is the device plugged in?"),
        ("/dev/null", "/dev/null: not a serial port"),
        ("/dev", "/dev: a folder, not a serial port"),
    ],
)
def test_ports_that_there_are_not(path: str, sentence: str) -> None:
    with pytest.raises(MeterUnavailableError) as caught:
        open_meter(f"pzem:{path}")
    assert str(caught.value) == sentence


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymodbus.client", None)
    with pytest.raises(MeterUnavailableError) as caught:
        open_meter("sdm120:/dev/null")
    assert str(caught.value) == "package pymodbus is missing; the extra `meters` brings it: tools/setup-venv +meters"


def test_importing_the_meters_does_not_load_the_library(python: Any) -> None:
    code = "import sys, hw.meters.pzem, hw.meters.sdm120, hw.meters.registry; sys.exit('pymodbus' in sys.modules)"
    assert python("-c", code).returncode == 0


class Puppet:
    """A device that sends, whatever it is asked, what the test says, one after the other."""

    def __init__(self, *answers: bytes) -> None:
        self.line, self.asked = PtyLine(), list[bytes]()
        self._answers, self._stopped = [*answers], False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        self._thread.join(5)
        self.line.close()

    def _run(self) -> None:
        while not self._stopped:
            if asked := self.line.read():
                self.asked.append(asked)
                if self._answers:
                    os.write(self.line.fileno(), self._answers.pop(0))
            time.sleep(0.001)


@pytest.fixture
def puppet() -> Iterator[Callable[..., tuple[Puppet, ModbusRegisters]]]:
    """Return what starts a device that sends these answers, and opens its registers."""
    started: list[tuple[Puppet, ModbusRegisters]] = []

    def start(*answers: bytes) -> tuple[Puppet, ModbusRegisters]:
        device = Puppet(*answers)
        started.append((device, ModbusRegisters(SerialSetting(path=device.line.path, baud=9600, answer_s=0.15))))
        return started[-1]

    yield start
    for device, registers in started:
        registers.close()
        device.stop()


HEARD = bytes.fromhex("01 04 14 08 D1 00 6C 00 00 00 F4 00 00 00 26 00 00 01 F4 00 64 00 00 51 34")


def test_what_goes_and_comes_byte_for_byte(puppet: Callable[..., tuple[Puppet, ModbusRegisters]]) -> None:
    """The request of the PZEM's manual, and an answer that a real one gave (esphome/feature-requests, thread 49)."""
    device, registers = puppet(HEARD)
    told = registers.read(0, 10)
    assert device.asked == [bytes.fromhex("01 04 00 00 00 0A 70 0D")]
    assert told == [2257, 108, 0, 244, 0, 38, 0, 500, 100, 0]
    assert reading_of(told) == (24.4, 38 * 3600)


def test_an_eastron_float(puppet: Callable[..., tuple[Puppet, ModbusRegisters]]) -> None:
    device, registers = puppet(bytes.fromhex("01 04 04 43 66 33 34 1B 38"))
    assert float_of(registers.read(0, 2)) == pytest.approx(230.2)
    assert device.asked == [bytes.fromhex("01 04 00 00 00 02 71 CB")]


def test_high_parts_of_numbers_count() -> None:
    assert reading_of([0, 0, 0, 0x86A0, 1, 0x4240, 0x0F, 0, 0, 0]) == (10_000.0, 1_000_000 * 3600)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (sealed(bytes([1, 4, 4, 0, 1, 0, 2])), "an answer to function 4 with 2 registers where 10 by function 4"),
        (sealed(bytes([1, 4, 0])), "an answer to function 4 with 0 registers|garbled"),
        (sealed(bytes([1, 3, 20]) + bytes(20)), "an answer to function 3 with 10 registers where 10 by function 4"),
        (sealed(bytes([1, 0x84, 2])), "it refuses with code 2 .illegal register."),
        (sealed(bytes([1, 0x84, 0x63])), "it refuses with code 99 .unknown."),
        (b"\xff" * 300, "garbled or cut short .ff ff"),
        (bytes(300), "garbled or cut short .00 00"),
        (b"\x01\x04\xff", "garbled or cut short .01 04 ff."),
        (b"\x01", "garbled or cut short .01."),
        (bytes.fromhex("01 04 00 00 00 0A 70 0D"), "garbled|registers"),
        (sealed(bytes([1, 0x2B, 0x0E, 1, 1, 0, 0, 1, 0, 3, 65, 66])), "garbled|function"),
        (sealed(bytes([1, 7, 0])), "function 7"),
    ],
    ids=lambda value: value[:8].hex() if isinstance(value, bytes) else "",
)
def test_what_is_no_answer_to_what_was_asked(
    answer: bytes, sentence: str, puppet: Callable[..., tuple[Puppet, ModbusRegisters]]
) -> None:
    """To another request, of another function, a refusal, noise, an echo of the request."""
    _, registers = puppet(answer, answer)
    with pytest.raises(MeterUnavailableError, match=sentence):
        registers.read(0, 10)


def test_noise_before_an_answer_is_skipped_or_a_sentence(puppet: Callable[..., tuple[Puppet, ModbusRegisters]]) -> None:
    _, registers = puppet(b"\xfe\x00" + HEARD, HEARD)
    assert registers.read(0, 10)[3] == 244


def test_a_first_answer_that_is_lost_is_asked_for_again(puppet: Callable[..., tuple[Puppet, ModbusRegisters]]) -> None:
    device, registers = puppet(HEARD[:-1] + b"\0", HEARD)
    assert registers.read(0, 10)[3] == 244
    assert len(device.asked) == 2


def test_an_answer_that_comes_late_is_not_taken_for_the_next(puppet: Callable[..., tuple[Puppet, ModbusRegisters]]) -> None:
    """The SDM120 is asked for 4 registers of energy and for 2 of power: one's answer to the other's request is refused."""
    energy, power = sealed(bytes([1, 4, 8]) + bytes(8)), sealed(bytes([1, 4, 4]) + bytes(4))
    _, registers = puppet(energy, power, power)
    with pytest.raises(MeterUnavailableError, match="4 registers where 2 by function 4 were asked for"):
        registers.read(0x0C, 2)
    with pytest.raises(MeterUnavailableError, match="2 registers where 4 by function 4 were asked for"):
        registers.read(0x48, 4)
    assert registers.read(0x0C, 2) == [0, 0]
