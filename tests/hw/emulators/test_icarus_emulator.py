"""The emulated Icarus without a port: what it answers, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from hw.drivers.errors import SettingError
from hw.drivers.icarus.commands import nearest_clock, set_clock
from hw.drivers.icarus.family import profile
from hw.drivers.icarus.frames import encode_nonce, encode_work
from hw.drivers.icarus.probes import DIVISION, GOLDEN
from hw.emulators.faults import Fault, Faults, TimedFault
from hw.emulators.icarus import IcarusEmulator, Setting
from miner.backends.registry import GENESIS_HEADER
from miner.header import Nonce
from miner.share import Hit
from miner.template import HeaderTemplate

if TYPE_CHECKING:
    from tests.hw.emulators.conftest import ListedFinder

Emulator = Callable[..., IcarusEmulator]
GENESIS = encode_work(HeaderTemplate(GENESIS_HEADER))
OTHER = encode_work(HeaderTemplate(b"\x02" + GENESIS_HEADER[1:]))
GENESIS_S = (0x1DAC2B7C + 1) / 336e6


@pytest.fixture
def emulator(finder: ListedFinder) -> Emulator:
    def make(*faults: str, name: str = "erupter") -> IcarusEmulator:
        kind, planned = profile(name), Faults([TimedFault.parse(fault) for fault in faults])
        return IcarusEmulator(Setting(profile=kind, rate_hps=kind.hashrate_hps, faults=planned), finder)

    return make


def test_probes_are_answered_in_time(emulator: Emulator, finder: ListedFinder) -> None:
    """The golden one in 0.3 ms; the division probe after 240 ms, as a real device of this rate does."""
    device = emulator()
    device.feed(GOLDEN, 10.0)
    assert device.due_s() == pytest.approx(10.0 + 0x187A3 / 336e6)
    assert device.poll(10.1) == bytes.fromhex("000187a2")
    device.feed(DIVISION, 11.0)
    assert device.poll(11.23) == b""
    assert device.poll(11.25) == bytes.fromhex("04c0fdb4")
    assert finder.asked == []


def test_two_fpgas_answer_the_division_probe_as_two(emulator: Emulator) -> None:
    """The second begins at 80000000 while the first begins at 0: bfgminer takes 82540e46, after 0.2 s, for two workers."""
    device = emulator(name="icarus")
    device.feed(DIVISION, 11.0)
    assert device.due_s() == pytest.approx(11.0 + 2 * 0x02540E47 / 380e6)
    assert device.poll(11.2) == b""
    assert device.poll(11.21) == bytes.fromhex("82540e46")
    assert device.poll(12.0) == b""


def test_block_0_is_answered_when_the_declared_rate_has_found_it(emulator: Emulator) -> None:
    device = emulator()
    device.feed(GENESIS, 5.0)
    assert device.due_s() == pytest.approx(5.0 + GENESIS_S)
    assert device.poll(5.0 + GENESIS_S - 0.001) == b""
    assert device.poll(5.0 + GENESIS_S + 0.001) == bytes.fromhex("1dac2b7c")
    assert device.poll(100.0) == b""
    assert device.due_s() is None


def test_new_work_preempts(emulator: Emulator) -> None:
    """Its answer will not come, and that to the new work comes in its own time."""
    device = emulator()
    device.feed(GENESIS, 0.0)
    device.feed(GOLDEN, 1.0)
    assert device.poll(5.0) == bytes.fromhex("000187a2")
    assert device.poll(50.0) == b""


def test_other_work_is_searched_for_real_and_stops_at_the_first_nonce(emulator: Emulator, finder: ListedFinder) -> None:
    device = emulator()
    device.feed(OTHER, 0.0)
    [asked] = finder.asked
    assert encode_work(asked) == OTHER
    finder.find(7)
    finder.find(8)
    assert device.poll(1.0) == encode_nonce(Nonce(7))
    assert device.poll(2.0) == b""
    assert device.snapshot(0.0).answers == 1


def test_what_was_found_for_old_work_is_not_reported(emulator: Emulator, finder: ListedFinder) -> None:
    """Found in the moment in which new work came: no nonce that belongs to nothing goes out."""
    device = emulator()
    device.feed(OTHER, 0.0)
    late = finder.told
    device.feed(GENESIS, 1.0)
    late(0, Hit(Nonce(7), "00" * 32))
    assert device.poll(1.1) == b""


@pytest.mark.parametrize("size", [1, 7, 63, 64])
def test_work_may_come_in_pieces(size: int, emulator: Emulator) -> None:
    device = emulator()
    for at in range(0, 64, size):
        device.feed(GOLDEN[at : at + size], 0.001 * at / size)
    assert device.poll(1.0) == bytes.fromhex("000187a2")


def test_frames_may_come_glued_together(emulator: Emulator) -> None:
    device = emulator()
    device.feed(GENESIS + OTHER + GOLDEN + GENESIS[:10], 0.0)
    assert device.poll(1.0) == bytes.fromhex("000187a2")
    assert device.snapshot(0.0).works == 3


def test_half_a_frame_is_forgotten_after_a_while(emulator: Emulator) -> None:
    """A host that was killed in the middle of its work must not shift the work of the next."""
    device = emulator()
    device.feed(GENESIS[:30], 0.0)
    device.feed(GOLDEN, 1.0)
    assert device.poll(2.0) == bytes.fromhex("000187a2")


class TestAntminerU1:
    CLOCK = bytes.fromhex("82 07 81 06")

    def test_its_answers_have_a_byte_of_status(self, emulator: Emulator) -> None:
        device = emulator(name="u1")
        device.feed(GOLDEN, 0.0)
        assert device.poll(1.0) == bytes.fromhex("000187a200")

    @pytest.mark.parametrize("size", [1, 4, 68])
    def test_a_command_may_be_glued_to_work(self, emulator: Emulator, size: int) -> None:
        """As bfgminer writes them: whoever frames by 64 bytes alone is astray for ever."""
        device, sent = emulator(name="u1"), self.CLOCK + GOLDEN + self.CLOCK + GOLDEN
        for at in range(0, len(sent), size):
            device.feed(sent[at : at + size], 0.0)
        assert device.snapshot(0.0).works == 2
        assert device.poll(1.0) == bytes.fromhex("000187a200")

    def test_it_hashes_as_fast_as_it_is_clocked(self, emulator: Emulator) -> None:
        device = emulator(name="u1")
        for mhz in (200.0, 400.0, 125.0):
            device.feed(set_clock(nearest_clock(mhz)), 0.0)
            device.feed(GENESIS, 0.0)
            assert device.due_s() == pytest.approx((0x1DAC2B7C + 1) / (8e6 * mhz))

    def test_an_icarus_knows_no_commands(self, emulator: Emulator) -> None:
        device = emulator(name="icarus")
        device.feed(self.CLOCK + GOLDEN, 0.0)
        assert device.poll(1.0) == b""


class TestFaults:
    def test_a_surplus_byte(self, emulator: Emulator) -> None:
        device = emulator("surplus-byte")
        device.feed(GOLDEN, 0.0)
        assert device.poll(1.0) == bytes.fromhex("000187a200")

    def test_it_hangs_from_a_moment_on(self, emulator: Emulator, finder: ListedFinder) -> None:
        device = emulator("hang@10")
        device.feed(GOLDEN, 0.0)
        assert device.poll(1.0) == bytes.fromhex("000187a2")
        device.feed(GOLDEN, 10.0)
        device.feed(OTHER, 11.0)
        assert (device.poll(99.0), finder.asked) == (b"", [])

    def test_a_nonce_that_comes_late(self, emulator: Emulator) -> None:
        device = emulator("late-nonce")
        device.feed(GOLDEN, 0.0)
        assert device.poll(5.0) == b""
        device.feed(GENESIS, 6.0)
        assert device.poll(6.1) == bytes.fromhex("000187a2")
        device.feed(GOLDEN, 60.0)
        assert device.poll(60.1) == bytes.fromhex("1dac2b7c")

    def test_a_stuck_nonce_is_no_answer_to_anything(self, emulator: Emulator) -> None:
        device = emulator("stuck-nonce")
        for number, work in enumerate((GOLDEN, GENESIS, OTHER)):
            device.feed(work, number)
            assert device.poll(number + 0.5) == encode_nonce(Nonce(0x0DEFACED))

    def test_a_dead_chip_leaves_out_its_half_of_the_range(self, emulator: Emulator, finder: ListedFinder) -> None:
        device = emulator("dead-chip")
        device.feed(GOLDEN, 0.0)
        assert device.poll(1.0) == bytes.fromhex("000187a2")
        device.feed(OTHER, 2.0)
        finder.find(0xFF)  # as it lies in the header the first byte is ff: the upper half
        assert device.poll(3.0) == b""
        finder.find(0x0F)  # the other half is searched on
        assert device.poll(4.0) == encode_nonce(Nonce(0x0F))

    def test_what_the_dead_one_would_have_found_is_searched_in_the_other_half(
        self, emulator: Emulator, finder: ListedFinder
    ) -> None:
        device = emulator("dead-chip", name="icarus")
        device.feed(DIVISION, 0.0)
        assert device.poll(1.0) == b""
        assert [encode_work(asked) for asked in finder.asked] == [DIVISION]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("hot", "no fault 'hot'; known: dead-chip, hang, hang-up"),
            ("hang@", "fault 'hang@': '' is no time"),
            ("hang@-1", "'-1' is no time; want seconds from 0 on, such as hang@30"),
            ("hang@nan", "'nan' is no time"),
            ("hang@soon", "'soon' is no time"),
        ],
    )
    def test_faults_that_there_are_not(self, text: str, message: str) -> None:
        with pytest.raises(SettingError, match=message.replace("?", r"\?")):
            TimedFault.parse(text)

    def test_when_the_next_fault_sets_in(self) -> None:
        faults = Faults([TimedFault.parse("hang@10"), TimedFault.parse("noise@20")], started_s=100.0)
        assert [faults.next_s(at) for at in (0.0, 110.0, 115.0, 120.0)] == [110.0, 120.0, 120.0, None]
        assert [faults.there(Fault.HANG, at) for at in (109.9, 110.0)] == [False, True]
