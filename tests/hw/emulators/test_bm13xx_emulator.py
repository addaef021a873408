"""Emulated BM13xx chains without a port: frames in and out, byte for byte where hosts were seen, and what registers do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from hw.drivers.bm13xx.chips import CHIPS
from hw.drivers.bm13xx.commands import Command, ReadRegister, SendJob, SetAddress, WriteRegister
from hw.drivers.bm13xx.jobs import FullJob, MidstateJob
from hw.drivers.bm13xx.pll import choose_pll
from hw.drivers.bm13xx.registers import Register, baud_value, ticket_mask, version_mask_value
from hw.drivers.bm13xx.responses import NonceResponse, RegisterResponse, response_from_bytes
from hw.emulators.bm13xx import Bm13xxEmulator, ChainSetting
from hw.emulators.faults import Faults, TimedFault
from miner.backends.registry import GENESIS_HEADER, GENESIS_NONCE
from miner.header import Nonce
from miner.share import Hit
from miner.template import HeaderTemplate
from miner.work import VERSION_ROLLING_MASK

if TYPE_CHECKING:
    from tests.hw.emulators.conftest import ListedFinder

Emulator = Callable[..., Bm13xxEmulator]
OTHER_HEADER = GENESIS_HEADER[:40] + b"\x01" + GENESIS_HEADER[41:]


@pytest.fixture
def emulator(finder: ListedFinder) -> Emulator:
    def make(name: str = "BM1366", count: int = 1, *faults: str) -> Bm13xxEmulator:
        planned = Faults([TimedFault.parse(fault) for fault in faults])
        return Bm13xxEmulator(ChainSetting(chip=CHIPS[name], count=count, faults=planned), finder)

    return make


def tell(device: Bm13xxEmulator, *commands: Command, at_s: float = 0.0) -> bytes:
    for command in commands:
        device.feed(command.to_bytes(), at_s)
    return device.poll(at_s)


def clocked(device: Bm13xxEmulator, mhz: float = 485.0, name: str = "BM1366", mask: int = 0) -> None:
    chip = CHIPS[name]
    tell(device, WriteRegister(Register.PLL, choose_pll(chip, mhz).value(chip)))
    if name != "BM1397":
        tell(device, WriteRegister(Register.VERSION_MASK, version_mask_value(mask)))


def job(header: bytes = GENESIS_HEADER, job_id: int = 0x10) -> SendJob:
    return SendJob(FullJob.from_header(header, job_id))


def test_the_conversation_of_a_host_with_four_bm1366(emulator: Emulator) -> None:
    """As piaxe was seen to begin it: version rolling three times, count, inactivate, address by steps of two."""
    device = emulator(count=4)
    for _ in range(3):
        device.feed(bytes.fromhex("55 AA 51 09 00 A4 90 00 FF FF 1C"), 0.0)
    device.feed(bytes.fromhex("55 AA 52 05 00 00 0A"), 0.1)
    answer = device.poll(0.1)
    one = RegisterResponse(0x13660000, 0, 0, 0).to_bytes()
    assert (answer, len(one)) == (one * 4, 11)
    for frame in ("53 05 00 00 03", "40 05 00 00 1C", "40 05 02 00 01", "40 05 04 00 03", "40 05 06 00 1E"):
        device.feed(bytes.fromhex("55 AA" + frame), 0.2)
    assert device.poll(0.2) == b""
    answer = tell(device, ReadRegister(Register.CHIP_ID), at_s=0.3)
    told = [response_from_bytes(answer[at : at + 11]) for at in range(0, 44, 11)]
    assert [one.chip for one in told if isinstance(one, RegisterResponse)] == [0, 2, 4, 6]


def test_fresh_chips_answer_short_until_versions_are_rolled(emulator: Emulator) -> None:
    device = emulator("BM1368")
    answer = tell(device, ReadRegister(Register.CHIP_ID))
    assert answer == bytes.fromhex("AA 55 13 68 00 00 00 00") + answer[8:]
    assert len(answer) == 9
    tell(device, WriteRegister(Register.VERSION_MASK, version_mask_value(0)))
    assert tell(device, ReadRegister(Register.CHIP_ID)) == bytes.fromhex("AA 55 13 68 00 00 00 00 00 00 0F")


def test_block_0_is_answered_as_the_captured_chip_did(emulator: Emulator) -> None:
    """All but the excess byte, which tells by how many half bits the hash passes the mask: block 0's has 43 zero bits."""
    device = emulator(count=4)
    clocked(device, mask=VERSION_ROLLING_MASK)
    device.feed(job().to_bytes(), 1.0)
    answer = device.poll(2.0)
    assert answer[:6] + answer[7:-1] == bytes.fromhex("AA 55 1D AC 2B 7C 10 00 00")
    told = response_from_bytes(answer)
    assert told == NonceResponse(GENESIS_NONCE, 2 * 11, 0x10, 0)


@pytest.mark.parametrize(("name", "result_id"), [("BM1362", 0x10), ("BM1366", 0x10), ("BM1368", 0x20), ("BM1370", 0x20)])
def test_each_chip_tells_the_job_in_its_own_bits(emulator: Emulator, name: str, result_id: int) -> None:
    device = emulator(name)
    clocked(device, 500.0, name)
    told = response_from_bytes(_after(device, job(), 1.0))
    assert isinstance(told, NonceResponse)
    assert (told.nonce, told.result_id, told.version) == (GENESIS_NONCE, result_id, 0)


def test_midstates_are_told_by_their_number(emulator: Emulator, finder: ListedFinder) -> None:
    """Block 0 is the third of four; the others are searched."""
    device = emulator("BM1397")
    clocked(device, 425.0, "BM1397")
    headers = [bytes([9 + place]) + GENESIS_HEADER[1:] for place in range(4)]
    headers[2] = GENESIS_HEADER
    four = SendJob(MidstateJob.from_templates([HeaderTemplate(header) for header in headers], 0x14))
    answer = _after(device, four, 1.0)
    told = response_from_bytes(answer)
    assert isinstance(told, NonceResponse)
    assert (len(answer), told.nonce, told.result_id) == (9, GENESIS_NONCE, 0x14 | 2)
    assert len(finder.asked) == 3
    finder.find(77, place=2, block_hash="00000000" + "ff" * 28)
    told = response_from_bytes(device.poll(3.0))
    assert isinstance(told, NonceResponse)
    assert (told.nonce, told.result_id) == (77, 0x14 | 3)


def test_versions_are_rolled_as_far_as_the_host_lets_them(emulator: Emulator, finder: ListedFinder) -> None:
    device = emulator()
    for mask, wanted in ((0, 1), (1 << 13, 2), (VERSION_ROLLING_MASK, 4)):
        clocked(device, mask=mask)
        finder.asked.clear()
        tell(device, job(OTHER_HEADER))
        assert len({template.midstate for template in finder.asked}) == len(finder.asked) == wanted
    finder.find(5, place=3, block_hash="00000000" + "ff" * 28)
    told = response_from_bytes(device.poll(1.0))
    assert isinstance(told, NonceResponse)
    assert (told.version, told.excess) == (3, 0)


def test_a_chip_without_a_clock_hashes_nothing(emulator: Emulator, finder: ListedFinder) -> None:
    device = emulator()
    tell(device, job(), job(OTHER_HEADER))
    assert (device.poll(99.0), finder.asked, device.chain.hashrate_hps) == (b"", [], 0.0)


def test_the_rate_follows_clock_and_chips(emulator: Emulator) -> None:
    device = emulator("BM1370", 3)
    clocked(device, 525.0, "BM1370")
    assert device.chain.hashrate_hps == pytest.approx(525e6 * 2040 * 3)


def test_a_known_nonce_comes_when_the_clock_has_reached_it(emulator: Emulator) -> None:
    """A slower clock takes longer, in proportion."""
    due = []
    for mhz in (100.0, 400.0):
        device = emulator()
        clocked(device, mhz)
        tell(device, job(), at_s=5.0)
        at_s = device.due_s()
        assert at_s is not None
        due.append(at_s - 5.0)
    assert due[0] == pytest.approx(4 * due[1], rel=0.02)
    assert due[1] < (1 << 32) / (400e6 * 894)


def test_hashes_below_the_ticket_mask_are_not_told(emulator: Emulator, finder: ListedFinder) -> None:
    device = emulator()
    clocked(device)
    tell(device, WriteRegister(Register.TICKET_MASK, ticket_mask(256)), job(OTHER_HEADER))
    finder.find(1, block_hash="00000000" + "01" + "ff" * 27)
    assert device.poll(1.0) == b""
    finder.find(2, block_hash="00000000" + "00" + "ff" * 27)
    assert len(device.poll(1.0)) == 11
    tell(device, WriteRegister(Register.TICKET_MASK, ticket_mask(4096)), job())
    assert device.poll(9.0) == b""  # block 0's difficulty is 2,536


def test_new_work_preempts_and_old_nonces_are_not_told(emulator: Emulator, finder: ListedFinder) -> None:
    device = emulator()
    clocked(device)
    tell(device, job(OTHER_HEADER, 0x10))
    old = finder.told
    tell(device, job(GENESIS_HEADER, 0x18), at_s=1.0)
    old(0, Hit(Nonce(9), "00" * 32))
    told = response_from_bytes(device.poll(2.0))
    assert isinstance(told, NonceResponse)
    assert (told.nonce, told.result_id) == (GENESIS_NONCE, 0x18)


def test_the_speed_of_the_line_follows_its_register(emulator: Emulator) -> None:
    device = emulator()
    assert device.baud == 115_200
    tell(device, WriteRegister(Register.UART, baud_value(Register.UART, 1_000_000)))
    assert device.baud == 1_041_667
    tell(device, WriteRegister(Register.UART, baud_value(Register.UART, 3_125_000)))
    assert device.baud == 3_125_000


def test_registers_are_each_chip_s_own(emulator: Emulator) -> None:
    device = emulator("BM1366", 2)
    tell(device, SetAddress(0), SetAddress(128))  # none is without an address yet: nothing happens
    device.feed(bytes.fromhex("55 AA 53 05 00 00 03"), 0.0)
    tell(device, SetAddress(0), SetAddress(128), WriteRegister(Register.MISC, 0xF000C100, 128))
    values = [response_from_bytes(tell(device, ReadRegister(Register.MISC, address))) for address in (0, 128)]
    assert [one.value for one in values if isinstance(one, RegisterResponse)] == [0xC100, 0xF000C100]
    assert tell(device, ReadRegister(Register.MISC, 64)) == b""


class TestBoard:
    def test_a_bitaxe_warms_up_and_draws_what_its_nameplate_says(self, emulator: Emulator) -> None:
        """22 W at the board's input, so somewhat more at the adapter's plug; half the clock draws much less."""
        device = emulator("BM1370")
        assert device.snapshot(10.0).power_w == pytest.approx(0.0, abs=1.0)
        tell(device, WriteRegister(Register.PLL, choose_pll(CHIPS["BM1370"], 525.0).value(CHIPS["BM1370"])), at_s=20.0)
        told = device.snapshot(1000.0)
        assert told.power_w is not None
        assert told.chip_c is not None
        assert 22.0 < told.power_w < 27.0
        assert told.chip_c == pytest.approx(58.0, abs=3.0)
        assert told.clock_mhz == pytest.approx(525.0)
        tell(device, WriteRegister(Register.PLL, choose_pll(CHIPS["BM1370"], 262.5).value(CHIPS["BM1370"])), at_s=1000.0)
        slower = device.snapshot(2000.0)
        assert slower.power_w is not None
        assert slower.power_w < 0.6 * told.power_w
        assert slower.chip_c is not None
        assert slower.chip_c < told.chip_c - 10

    def test_a_sweep_of_no_length_stops_it(self, emulator: Emulator) -> None:
        device = emulator()
        clocked(device)
        assert device.snapshot(1.0).declared_hps == pytest.approx(485e6 * 894)
        tell(device, WriteRegister(Register.HASH_COUNTING, 0), at_s=2.0)
        assert device.snapshot(3.0).declared_hps == 0.0
        tell(device, job(), at_s=3.0)
        assert device.poll(9.0) == b""


class TestFaults:
    def test_a_dead_chip_takes_all_after_it_along(self, emulator: Emulator) -> None:
        device = emulator("BM1366", 4, "dead-chip@1")
        assert len(tell(device, ReadRegister(0))) == 4 * 9
        assert len(tell(device, ReadRegister(0), at_s=2.0)) == 2 * 9

    def test_a_bad_crc(self, emulator: Emulator) -> None:
        device = emulator("BM1366", 1, "bad-crc")
        answer = tell(device, ReadRegister(0))
        assert answer[:-1] + bytes([answer[-1] ^ 1]) == RegisterResponse(0x13660000, 0, 0).to_bytes()

    def test_it_hangs(self, emulator: Emulator, finder: ListedFinder) -> None:
        device = emulator("BM1366", 1, "hang@1")
        clocked(device)
        assert tell(device, ReadRegister(0), job(OTHER_HEADER), at_s=2.0) == b""
        assert finder.asked == []

    def test_a_stuck_nonce(self, emulator: Emulator) -> None:
        device = emulator("BM1366", 1, "stuck-nonce")
        clocked(device)
        nonces = {
            response_from_bytes(_after(device, job(header), at_s)) for header, at_s in ((GENESIS_HEADER, 1), (OTHER_HEADER, 3))
        }
        assert nonces == {NonceResponse(Nonce(0x0DEFACED), 0, 0x10, 0)}

    def test_a_late_nonce_and_a_surplus_byte(self, emulator: Emulator) -> None:
        device = emulator("BM1366", 1, "late-nonce", "surplus-byte")
        clocked(device)
        assert _after(device, job(), 1.0) == b""
        tell(device, job(OTHER_HEADER), at_s=5.0)
        late = device.poll(5.1)
        assert len(late) == 12
        assert response_from_bytes(late[:-1]) == NonceResponse(GENESIS_NONCE, 22, 0x10, 0)


def _after(device: Bm13xxEmulator, command: Command, at_s: float) -> bytes:
    device.feed(command.to_bytes(), at_s)
    return device.poll(at_s + 1)
