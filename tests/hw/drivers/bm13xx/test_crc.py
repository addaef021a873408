"""Check sums: the table against the definition bit by bit, and against bytes that real programs and chips sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.drivers.bm13xx.crc import crc5, crc16


def slow_crc(bits: list[int], *, width: int, polynomial: int, start: int) -> int:
    """Divide polynomials as it is done on paper: one bit after the other."""
    state = start
    for bit in bits:
        top = state >> width - 1
        state = (state << 1) & (1 << width) - 1
        if top ^ bit:
            state ^= polynomial
    return state


def bits_of(data: bytes) -> list[int]:
    return [int(digit) for byte in data for digit in f"{byte:08b}"]


@given(st.binary(max_size=200))
def test_crc5_is_the_division(data: bytes) -> None:
    assert crc5(data) == slow_crc(bits_of(data), width=5, polynomial=0x05, start=0x1F)


@given(st.binary(max_size=40), st.data())
def test_crc5_of_some_bits_is_the_division(data: bytes, drawn: st.DataObject) -> None:
    bits = drawn.draw(st.integers(0, 8 * len(data)))
    assert crc5(data, bits) == slow_crc(bits_of(data)[:bits], width=5, polynomial=0x05, start=0x1F)
    assert crc5(data, 8 * len(data)) == crc5(data)


@given(st.binary(max_size=200))
def test_crc16_is_the_division(data: bytes) -> None:
    assert crc16(data) == slow_crc(bits_of(data), width=16, polynomial=0x1021, start=0xFFFF)


def test_crc16_is_ccitt_false() -> None:
    """The check value of the catalogue of parametrised CRC algorithms, CRC-16/IBM-3740."""
    assert crc16(b"123456789") == 0x29B1


def test_crc5_of_an_antminer_u1_command() -> None:
    """27 bits: three bytes and three zeros; bfgminer wrote ``82 07 81 06`` to an Antminer U1."""
    assert crc5(bytes.fromhex("82078100"), 27) == 0x06


@given(st.binary(max_size=20))
def test_a_message_with_its_own_check_sum_leaves_nothing(data: bytes) -> None:
    typed = data + b"\x80"
    assert crc5(data + bytes([0x80 | crc5(typed, 8 * len(data) + 3)])) == 0


@pytest.mark.parametrize(("data", "bits"), [(b"", 1), (b"abc", 25), (b"abc", -1)])
def test_bits_that_are_not_there_are_refused(data: bytes, bits: int) -> None:
    with pytest.raises(ValueError, match="a check sum over"):
        crc5(data, bits)
