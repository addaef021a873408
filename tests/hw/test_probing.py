"""What is attached is told, and left as it was: emulated devices on pseudo-terminals, and ends that are no miners."""

from __future__ import annotations

import os
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import closing
from copy import deepcopy
from typing import TYPE_CHECKING

import pytest

from hw.drivers.bm13xx.bringup import ChainPlan
from hw.drivers.bm13xx.chips import CHIPS
from hw.drivers.bm13xx.driver import Bm13xxDevice
from hw.drivers.bm13xx.registers import Register
from hw.drivers.bm13xx.responses import NonceResponse, RegisterResponse
from hw.drivers.errors import PortLostError, ProbeError, SettingError
from hw.drivers.icarus.driver import IcarusDevice
from hw.drivers.icarus.family import PROFILES, profile
from hw.drivers.icarus.probes import GOLDEN
from hw.drivers.port import SerialPort
from hw.drivers.probing import KINDS, READ_CHIP_ID, Attached, candidates, identify
from hw.drivers.registry import DRIVERS
from miner.header import Nonce

if TYPE_CHECKING:
    from tests.hw.conftest import Emulate

Answering = Callable[[Callable[[bytes], bytes]], str]


def asked(path: str, kind: str | None = None) -> Attached:
    with closing(SerialPort(path, 115_200)) as port:
        return identify(port, candidates(kind))


def refused(path: str, kind: str | None = None) -> str:
    with pytest.raises(ProbeError) as error:
        asked(path, kind)
    return str(error.value).removeprefix(f"{path}: ")


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Return a function that opens a line whose other end answers each thing that it is sent by what `answer` makes of it."""
    ends: list[tuple[int, int]] = []
    threads: list[threading.Thread] = []

    def start(answer: Callable[[bytes], bytes]) -> str:
        master, slave = os.openpty()
        tty.setraw(slave)
        ends.append((master, slave))

        def serve() -> None:
            while (data := os.read(master, 4096)) != b"\xff":
                os.write(master, answer(data))

        threads.append(threading.Thread(target=serve, daemon=True))
        threads[-1].start()
        return os.ttyname(slave)

    yield start
    for (master, slave), thread in zip(ends, threads, strict=True):
        os.write(slave, b"\xff")
        thread.join(5)
        os.close(slave)
        os.close(master)


@pytest.mark.parametrize(
    ("name", "drivers", "answer"),
    [("icarus", ("icarus", "erupter"), "000187a2"), ("u2", ("u1", "u2"), "000187a200")],
)
def test_icarus_and_its_kin_are_told_by_known_work(emulate: Emulate, name: str, drivers: tuple[str, ...], answer: str) -> None:
    found = asked(emulate(name).path)
    assert (found.drivers, found.chips, found.answer.hex()) == (drivers, None, answer)
    assert found.title == " or ".join(PROFILES[driver].title for driver in drivers)


@pytest.mark.parametrize("name", [name.lower() for name in CHIPS])
def test_chips_are_told_and_counted(emulate: Emulate, name: str) -> None:
    found = asked(emulate(name, chips=3).path)
    assert (found.drivers, found.title, found.chips) == ((name,), name.upper(), 3)
    assert found.answer.hex().startswith(f"aa55{CHIPS[name.upper()].chip_id:04x}")


def test_a_long_chain_is_counted_whole(emulate: Emulate) -> None:
    assert asked(emulate("bm1362", chips=126).path).chips == 126


@pytest.mark.parametrize("name", ["bm1397", "bm1366"])
def test_nothing_is_written_to_a_chip(emulate: Emulate, name: str) -> None:
    emulated = emulate(name, chips=2)
    before = deepcopy(emulated.emulator.chain._chips)
    for _ in range(2):
        assert asked(emulated.path).chips == 2
    assert emulated.emulator.chain._chips == before
    assert emulated.emulator.snapshot(time.monotonic()).works == 0
    device = Bm13xxDevice(ChainPlan(chip=CHIPS[name.upper()], step_s=0.0), lambda: SerialPort(emulated.path, 115_200))
    device.open()
    assert device.chips == 2
    device.close()


def test_a_chain_that_rolls_versions_already_answers_in_the_long_form(emulate: Emulate) -> None:
    emulated = emulate("bm1366", chips=2)
    for chip in emulated.emulator.chain._chips:
        chip.registers[Register.VERSION_MASK] = 0x90000000
    found = asked(emulated.path)
    assert (found.chips, len(found.answer)) == (2, 11)


def test_an_icarus_gets_one_piece_of_work_and_opens_as_before(emulate: Emulate) -> None:
    emulated = emulate("erupter")
    asked(emulated.path)
    assert emulated.emulator.snapshot(time.monotonic()).works == 1
    device = IcarusDevice(profile("erupter"), lambda: SerialPort(emulated.path, 115_200))
    device.open()
    device.close()


def test_one_kind_alone_may_be_looked_for(emulate: Emulate) -> None:
    icarus, chain = emulate("erupter").path, emulate("bm1366", chips=2).path
    assert asked(icarus, "erupter").drivers == ("erupter",)
    assert asked(chain, "bm1366").drivers == ("bm1366",)
    assert refused(chain, "bm1370") == "2 x BM1366 answered; want nothing but BM1370"
    assert refused(chain, "icarus") == "nothing answered; looked for icarus at 115,200 baud"
    sentence = "it answered 00 01 87 a2: the right nonce alone, as an Icarus sends it; looked for u1 at 115,200 baud"
    assert refused(icarus, "u1") == sentence
    assert "with a byte of status, as an Antminer U1 or U2 sends it" in refused(emulate("u1").path, "icarus")


@pytest.mark.parametrize(
    ("name", "fault", "sentence"),
    [
        ("erupter", "hang@0", "nothing answered; looked for icarus, erupter, u1, u2, bm1397, "),
        ("bm1366", "hang@0", "a chain that runs already speaks faster, until its power is cut"),
        ("bm1366", "wrong-baud@0", "nothing answered; looked for icarus, "),
        ("bm1366", "bad-crc@0", "aa 55 13 66 00 00 00 00 0d: like a BM13xx chip, with wrong check sums"),
        ("erupter", "stuck-nonce@0", "it answered ed ac ef 0d, which no driver here understands"),
    ],
)
def test_what_a_faulty_device_answers_is_a_sentence(emulate: Emulate, name: str, fault: str, sentence: str) -> None:
    assert sentence in refused(emulate(name, fault).path)


def test_a_line_that_goes_away_is_the_ports_error(emulate: Emulate) -> None:
    emulated = emulate("erupter", "hang@0", "hang-up@0.3")
    with pytest.raises(PortLostError):
        asked(emulated.path)


def test_an_echo_is_no_miner(answering: Answering) -> None:
    assert refused(answering(lambda data: data)) == "it sends back whatever it is sent: an echo, no miner"


def test_what_answers_something_else_is_no_miner(answering: Answering) -> None:
    path = answering(lambda data: b"login: " * 4)
    assert refused(path).startswith("it answered 6c 6f 67 69 6e 3a 20 6c 6f 67 69 6e 3a 20 6c 6f ..., which no driver here")


def test_a_line_that_never_falls_silent_is_given_up(answering: Answering) -> None:
    path = answering(lambda data: bytes(range(200)) * 20)
    assert "which no driver here understands" in refused(path)


def test_chips_of_two_kinds_and_chips_unknown_here_are_named(answering: Answering) -> None:
    def chips(*numbers: int) -> Callable[[bytes], bytes]:
        told = b"".join(RegisterResponse(number << 16, 0, Register.CHIP_ID).to_bytes() for number in numbers)
        return lambda data: told if data == READ_CHIP_ID else b""

    assert refused(answering(chips(0x1366, 0x1370))).startswith("1 x BM1366, 1 x BM1370 answered; want nothing but BM1397")
    assert refused(answering(chips(0x1398, 0x1398))).startswith("2 x chip 1398 answered; want nothing but")


def test_nonces_of_an_old_job_are_no_chips(answering: Answering) -> None:
    """A chain that hashes may tell a nonce at any time, also before it tells its kind."""
    nonce = NonceResponse(Nonce(0x12345678), 0, 0).to_bytes()
    kind = RegisterResponse(0x13660000, 0, Register.CHIP_ID).to_bytes()
    found = asked(answering(lambda data: nonce + kind + nonce if data == READ_CHIP_ID else nonce))
    assert (found.drivers, found.chips, found.answer) == (("bm1366",), 1, kind)


def test_known_work_holds_no_preamble_of_a_chips_command() -> None:
    assert b"\x55\xaa" not in GOLDEN


def test_every_serial_driver_can_be_looked_for() -> None:
    assert {*KINDS, "compute"} == set(DRIVERS)
    assert candidates().names == KINDS
    for kind in KINDS:
        assert candidates(kind).names == (kind,)
    with pytest.raises(SettingError, match="no serial device 'compute'; known: icarus, erupter, u1"):
        candidates("compute")
