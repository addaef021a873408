"""Registers in which chips tell of themselves: what they should show is reckoned here from clock, cores and time.

Small cores are those of ESP-Miner's `device_config.h`, units of counters those of its `hashrate_monitor_task.c`, and
temperatures go by the formula of the programs of mujina and of the NerdQAxe.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from hw.drivers.bm13xx.chips import CHIPS
from hw.drivers.bm13xx.commands import Command, ReadRegister, SendJob, SetAddress, WriteRegister
from hw.drivers.bm13xx.decoder import ResponseDecoder
from hw.drivers.bm13xx.jobs import FullJob
from hw.drivers.bm13xx.pll import choose_pll
from hw.drivers.bm13xx.registers import Register, version_mask_value
from hw.drivers.bm13xx.responses import Form, RegisterResponse
from hw.drivers.port import SerialPort
from hw.emulators.bm13xx import Bm13xxEmulator, ChainSetting
from hw.emulators.faults import STUCK_NONCE, Faults, TimedFault
from miner.backends.registry import GENESIS_HEADER

if TYPE_CHECKING:
    from tests.hw.conftest import Emulate
    from tests.hw.emulators.conftest import ListedFinder

Make = Callable[..., Bm13xxEmulator]

SENSOR_ON = (0x80000000, 0x00020000, 0x01020000, 0x10020000)  # B0, as the NerdQAxe's program writes it
ROLLING = [("BM1366", 485.0, 894), ("BM1368", 490.0, 1276), ("BM1370", 525.0, 2040)]


@pytest.fixture
def make(finder: ListedFinder) -> Make:
    def chain(name: str, count: int = 1, *faults: str) -> Bm13xxEmulator:
        planned = Faults([TimedFault.parse(fault) for fault in faults])
        return Bm13xxEmulator(ChainSetting(chip=CHIPS[name], count=count, faults=planned), finder)

    return chain


def clock(name: str, mhz: float) -> WriteRegister:
    return WriteRegister(Register.PLL, choose_pll(CHIPS[name], mhz).value(CHIPS[name]))


def heard(data: bytes, form: Form = Form.SHORT) -> list[int]:
    decoder = ResponseDecoder(form)
    answers = [*decoder.feed(data), *decoder.silence()]
    return [one.value for one in answers if isinstance(one, RegisterResponse)]


def read(device: Bm13xxEmulator, register: int, at_s: float) -> list[int]:
    device.feed(ReadRegister(register).to_bytes(), at_s)
    return heard(device.poll(at_s))


def write(device: Bm13xxEmulator, command: Command, at_s: float) -> None:
    device.feed(command.to_bytes(), at_s)
    assert device.poll(at_s) == b""


class TestCounters:
    @pytest.mark.parametrize(("name", "mhz", "cores"), ROLLING)
    def test_they_count_what_the_clock_makes_of_each_chip(self, make: Make, name: str, mhz: float, cores: int) -> None:
        """1,000 s at one clock and 500 s at half of it; without a clock before, and stopped after."""
        device = make(name, 3)
        assert read(device, 0x8C, 100.0) == [0, 0, 0]
        write(device, clock(name, mhz), 100.0)
        write(device, clock(name, mhz / 2), 1100.0)
        write(device, WriteRegister(Register.HASH_COUNTING, 0), 1600.0)
        fast_mhz, slow_mhz = (choose_pll(CHIPS[name], wish_mhz).mhz for wish_mhz in (mhz, mhz / 2))
        hashes = (fast_mhz * 1000 + slow_mhz * 500) * 1e6 * cores
        for register in (0x8C, 0x90):
            assert read(device, register, 5000.0) == [pytest.approx(hashes / 2**32, abs=1.0)] * 3
        domains = [read(device, register, 5000.0)[0] for register in (0x88, 0x89, 0x8A, 0x8B)]
        assert sum(domains) == pytest.approx(hashes / 2**32, abs=4.0)
        assert read(device, 0x4C, 5000.0) == [pytest.approx(0.01 * hashes / 2**32, abs=1.0)] * 3  # hw.faulty: 1 % are wrong

    def test_a_ramp_counts_as_slow_as_it_is_though_boards_are_not_modelled_so_slow(self, make: Make) -> None:
        device = make("BM1370")
        write(device, clock("BM1370", 56.25), 0.0)
        assert read(device, 0x8C, 1000.0) == [pytest.approx(56.25e6 * 2040 * 1000 / 2**32, rel=0.01)]

    def test_they_wrap(self, make: Make) -> None:
        """2^32 steps of a BM1370 take half a year."""
        device = make("BM1370")
        write(device, clock("BM1370", 525.0), 0.0)
        day_s = 86_400.0
        counts = [read(device, 0x8C, day * day_s)[0] for day in (199, 200)]
        per_day = 525e6 * 2040 * day_s / 2**32
        assert (counts[1] - counts[0]) % 2**32 == pytest.approx(per_day, rel=1e-3)
        assert counts[1] == pytest.approx(200 * per_day - 2**32, rel=1e-3)

    def test_one_that_is_written_to_goes_on_from_there_and_only_on_that_chip(self, make: Make) -> None:
        device = make("BM1366", 2)
        for command in (bytes.fromhex("55 AA 53 05 00 00 03"), SetAddress(0).to_bytes(), SetAddress(128).to_bytes()):
            device.feed(command, 0.0)
        write(device, clock("BM1366", 485.0), 0.0)
        before = read(device, 0x8C, 100.0)
        write(device, WriteRegister(0x8C, 7, 128), 100.0)
        assert read(device, 0x8C, 100.0) == [before[0], 7]
        first, second = read(device, 0x8C, 200.0)
        assert first - before[0] == second - 7 == pytest.approx(485e6 * 894 * 100 / 2**32, abs=1.0)

    def test_a_chain_of_bm1397_has_a_hash_rate_and_wrong_hashes(self, make: Make) -> None:
        device = make("BM1397")
        write(device, WriteRegister(Register.HASH_COUNTING, 0), 0.0)
        assert read(device, 0x04, 1.0) == [0x80000000]
        write(device, WriteRegister(Register.HASH_COUNTING, 1), 10.0)
        write(device, clock("BM1397", 425.0), 10.0)
        assert read(device, 0x04, 20.0) == [pytest.approx(425e6 * 672 / 2**20, abs=1.0)]
        assert read(device, 0x4C, 10_010.0) == [pytest.approx(0.01 * 425e6 * 672 * 10_000 / 2**32, abs=1.0)]
        assert read(device, 0x8C, 10_010.0) == [0]  # something else there, which is not understood


class TestTemperature:
    def test_a_bm1368_tells_it_once_its_sensor_runs(self, make: Make) -> None:
        device = make("BM1368", 2)
        write(device, clock("BM1368", 490.0), 0.0)
        assert read(device, 0xB4, 500.0) == [0, 0]
        for word in SENSOR_ON:
            write(device, WriteRegister(0xB0, word), 500.0)
        for at_s in (500.0, 501.0, 2000.0):
            values = read(device, 0xB4, at_s)
            assert [value >> 31 for value in values] == [1, 1]
            assert [(value & 0xFFFF) * 0.171342 - 299.5144 for value in values] == [
                pytest.approx(device.snapshot(at_s).chip_c, abs=0.1)
            ] * 2
        write(device, WriteRegister(0xB0, 0x80000000), 2000.0)
        assert read(device, 0xB4, 2001.0) == [0, 0]

    def test_it_follows_the_clock(self, make: Make) -> None:
        device = make("BM1368")
        told = []
        for word in SENSOR_ON:
            write(device, WriteRegister(0xB0, word), 0.0)
        for at_s, mhz in ((0.0, 490.0), (2000.0, 400.0)):
            write(device, clock("BM1368", mhz), at_s)
            told += [(value & 0xFFFF) * 0.171342 - 299.5144 for value in read(device, 0xB4, at_s + 2000.0)]
        assert told[0] == pytest.approx(58.0, abs=1.0)
        assert 30.0 < told[1] < told[0] - 5

    @pytest.mark.parametrize("name", ["BM1362", "BM1366", "BM1370"])
    def test_others_do_not_tell_it(self, make: Make, name: str) -> None:
        device = make(name)
        write(device, clock(name, CHIPS[name].default_mhz), 0.0)
        for word in SENSOR_ON:
            write(device, WriteRegister(0xB0, word), 0.0)
        assert read(device, 0xB4, 100.0) == [0]


def test_registers_without_a_known_meaning_answer_as_after_the_reset(make: Make) -> None:
    device = make("BM1362")
    write(device, clock("BM1362", 525.0), 0.0)
    assert [read(device, register, 1000.0) for register in (0x4C, 0x8C, 0x90)] == [[0], [0], [0]]
    assert read(device, Register.MISC, 1000.0) == [0x0000C100]
    write(device, WriteRegister(0x4C, 5), 1000.0)
    assert read(device, 0x4C, 2000.0) == [5]


def test_an_answer_is_not_lost_when_work_comes_behind_the_question(make: Make) -> None:
    """Both in one piece, as a busy host writes them; the nonce of the work before is what is dropped."""
    device = make("BM1366", 1, "stuck-nonce")
    write(device, clock("BM1366", 485.0), 0.0)
    work = SendJob(FullJob.from_header(GENESIS_HEADER, 0x10)).to_bytes()
    device.feed(work, 1.0)
    device.feed(ReadRegister(0x00).to_bytes() + work, 1.01)
    sent = device.poll(2.0)
    assert heard(sent) == [0x13660000]
    assert sent.count(STUCK_NONCE.to_bytes(4, "little")) == 1


def test_a_host_reads_them_over_a_real_line(emulate: Emulate) -> None:
    """Two chips at 490 MHz: what the counter grows by between two answers is the hash rate of each."""
    port = SerialPort(emulate("bm1368", chips=2).path, 115_200)

    def asked(register: int) -> tuple[list[int], float]:
        port.write(ReadRegister(register).to_bytes())
        data, until_s = b"", time.monotonic() + 5
        while len(heard(data, Form.LONG)) < 2 and time.monotonic() < until_s:
            data += port.read(0.1)
        return heard(data, Form.LONG), time.monotonic()

    port.write(WriteRegister(Register.VERSION_MASK, version_mask_value(0)).to_bytes() + clock("BM1368", 490.0).to_bytes())
    for word in SENSOR_ON:
        port.write(WriteRegister(0xB0, word).to_bytes())
    first, first_s = asked(0x8C)
    time.sleep(1.5)
    second, second_s = asked(0x8C)
    warm, _ = asked(0xB4)
    port.close()
    grown = [after - before for before, after in zip(first, second, strict=True)]
    expected = 490e6 * 1276 * (second_s - first_s) / 2**32
    assert grown == [pytest.approx(expected, rel=0.1)] * 2
    assert all(24.0 < (value & 0xFFFF) * 0.171342 - 299.5144 < 60.0 for value in warm)
