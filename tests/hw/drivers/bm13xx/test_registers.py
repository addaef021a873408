"""Registers: the values that hosts write and chips have, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.drivers.bm13xx.registers import (
    BAUD_TOLERANCE,
    Register,
    baud_of,
    baud_value,
    core_write,
    error_ratio,
    rolls_versions,
    ticket_bits,
    ticket_difficulty,
    ticket_mask,
    version_mask_of,
    version_mask_value,
)
from hw.drivers.errors import FrameError, SettingError


@pytest.mark.parametrize(
    ("difficulty", "wire"), [(1, "00000000"), (256, "000000FF"), (512, "000080FF"), (1024, "0000C0FF"), (1 << 32, "FFFFFFFF")]
)
def test_ticket_masks(difficulty: int, wire: str) -> None:
    """The middle three: mujina REFERENCE.md, ESP-Miner."""
    assert ticket_mask(difficulty).to_bytes(4) == bytes.fromhex(wire)
    assert ticket_difficulty(int(wire, 16)) == difficulty
    assert 1 << ticket_bits(int(wire, 16)) == difficulty


@given(st.floats(1, 1 << 32))
def test_a_ticket_is_never_harder_than_the_wish(wish: float) -> None:
    assert ticket_difficulty(ticket_mask(wish)) <= wish < 2 * ticket_difficulty(ticket_mask(wish))


@pytest.mark.parametrize("difficulty", [0, 0.99, -1, (1 << 32) + 1, float("nan"), float("inf")])
def test_a_ticket_that_no_chip_has_is_refused(difficulty: float) -> None:
    with pytest.raises(SettingError, match="a ticket difficulty of"):
        ticket_mask(difficulty)


@pytest.mark.parametrize("value", [0x00000001, 0x0000007F, 0x0000FF00, 0xFF000000])
def test_a_mask_of_other_bits_is_refused(value: int) -> None:
    with pytest.raises(FrameError, match="is not 2\\^n - 1"):
        ticket_difficulty(value)


@pytest.mark.parametrize(
    ("register", "value", "baud"),
    [
        # mujina REFERENCE.md; for MISC, ESP-Miner bm1397.c and kanoi/cgminer driver-gekko.c
        (Register.UART, 0x01301A00, 115_740),
        (Register.UART, 0x11300200, 1_041_667),
        (Register.UART, 0x11300000, 3_125_000),
        (Register.MISC, 0x00007A31, 115_740),
        (Register.MISC, 0x00006031, 3_125_000),
        (Register.MISC, 0x00006131, 1_562_500),
        # skot/BM1397 registers.md: the reset value
        (Register.MISC, 0x00003A01, 115_740),
    ],
)
def test_rates(register: Register, value: int, baud: float) -> None:
    assert baud_of(register, value) == pytest.approx(baud, abs=1)
    assert baud_of(register, baud_value(register, baud)) == baud_of(register, value)


def test_rates_as_hosts_write_them() -> None:
    assert baud_value(Register.UART, 1_000_000) == 0x11300200
    assert baud_value(Register.UART, 3_125_000) == 0x11300000
    assert baud_value(Register.MISC, 1_562_500) == 0x00006131
    assert baud_value(Register.MISC, 9600) == 0x0A006531  # divider 325 = 10 * 32 + 5, parted as skot/BM1397 has it


@given(st.sampled_from([Register.UART, Register.MISC]), st.integers(0, 255))
def test_every_divider_goes_there_and_back(register: Register, divider: int) -> None:
    baud = 25e6 / (8 * (divider + 1))
    assert baud_of(register, baud_value(register, baud)) == pytest.approx(baud)


@given(st.sampled_from([Register.UART, Register.MISC]), st.floats(allow_nan=True, allow_infinity=True))
def test_any_rate_is_met_or_refused(register: Register, baud: float) -> None:
    try:
        value = baud_value(register, baud)
    except SettingError as error:
        assert "Bd" in str(error)  # noqa: PT017
        return
    assert baud_of(register, value) == pytest.approx(baud, rel=1.1 * BAUD_TOLERANCE)


@pytest.mark.parametrize("baud", [0, -9600, 2_000_000, 4_000_000, 100, float("nan")])
def test_a_rate_that_no_divider_makes_is_refused(baud: float) -> None:
    with pytest.raises(SettingError, match="a line at"):
        baud_value(Register.UART, baud)


def test_rates_elsewhere_are_refused() -> None:
    with pytest.raises(SettingError, match="register 0x14 sets no rate"):
        baud_value(Register.TICKET_MASK, 115200)
    with pytest.raises(SettingError, match="register 0x14 sets no rate"):
        baud_of(Register.TICKET_MASK, 0)
    with pytest.raises(SettingError, match="from PLL3"):
        baud_of(Register.MISC, 0x00017A31)


@pytest.mark.parametrize(("mask", "value"), [(0x1FFFE000, 0x9000FFFF), (0x00006000, 0x90000003), (0, 0x90000000)])
def test_version_masks(mask: int, value: int) -> None:
    """The first: captures in mujina REFERENCE.md."""
    assert version_mask_value(mask) == value
    assert version_mask_of(value) == mask
    assert rolls_versions(value)


def test_version_bits_that_chips_cannot_roll_are_left_out() -> None:
    assert version_mask_value(0xFFFFFFFF) == 0x9000FFFF
    assert not rolls_versions(0x0000FFFF)  # the reset value


@pytest.mark.parametrize(
    ("register", "value", "word"),
    [(0x0B, 0x00, 0x80008B00), (0, 0x0C, 0x8000800C), (0, 0x18, 0x80008018), (0, 0x20, 0x80008020), (2, 0xAA, 0x800082AA)],
)
def test_words_for_the_mailbox(register: int, value: int, word: int) -> None:
    """As ESP-Miner and piaxe-miner write them."""
    assert core_write(register, value) == word


def test_a_word_for_one_core() -> None:
    assert core_write(2, 0xAA, core=64) == 0x004082AA
    for wrong in ((32, 0, 0), (0, 256, 0), (0, 0, 256), (-1, 0, None)):
        with pytest.raises(FrameError, match="want 8, 5 and 8 bits"):
            core_write(*wrong)


def test_errors_are_parts_of_hashes() -> None:
    assert error_ratio(2, 100) == 0.02
    assert error_ratio(0, 0) == 0.0


@pytest.mark.parametrize("value", [-1, 1 << 32])
def test_what_is_no_register_is_refused(value: int) -> None:
    for read in (ticket_difficulty, version_mask_of, version_mask_value, rolls_versions):
        with pytest.raises(FrameError, match="does not fit the 32 bits"):
            read(value)
    with pytest.raises(FrameError, match="does not fit the 32 bits"):
        baud_of(Register.UART, value)
