"""The clock of Antminer U1 and U2: the bytes that a host was seen to write, and the way there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.drivers.errors import FrameError, SettingError
from hw.drivers.icarus.commands import Clock, clock_of, looks_like_command, nearest_clock, set_clock
from hw.drivers.icarus.family import PROFILES


def test_200_mhz_as_bfgminer_writes_it() -> None:
    assert Clock.from_register(0x0781).mhz == 200.0
    assert set_clock(nearest_clock(200.0)) == bytes.fromhex("82 07 81 06")
    assert clock_of(bytes.fromhex("82 07 81 06")) == Clock(15, 0, 1)


@given(st.integers(0, 127), st.integers(0, 31), st.integers(0, 3))
def test_every_register_goes_there_and_back(m: int, n: int, od: int) -> None:
    clock = Clock(m, n, od)
    assert Clock.from_register(clock.register) == clock
    assert clock_of(set_clock(clock)) == clock


@given(st.floats(125.0, 500.0))
def test_the_nearest_clock_is_near_and_none_is_nearer(wish_mhz: float) -> None:
    chosen = nearest_clock(wish_mhz)
    assert abs(chosen.mhz - wish_mhz) < 3.2
    coarse = [Clock(m, 0, 1) for m in range(128)]
    assert abs(chosen.mhz - wish_mhz) <= min(abs(clock.mhz - wish_mhz) for clock in coarse)


@pytest.mark.parametrize("wish_mhz", [124.9, 500.1, 0, -1, float("nan"), float("inf")])
def test_clocks_out_of_range_are_a_sentence(wish_mhz: float) -> None:
    with pytest.raises(SettingError, match="Antminer U1 and U2 take 125 to 500 MHz"):
        nearest_clock(wish_mhz)


@given(st.integers(0, 31))
def test_any_single_wrong_bit_is_noticed(bit: int) -> None:
    command = int.from_bytes(bytes.fromhex("82078106")) ^ 1 << bit
    wrong = command.to_bytes(4)
    assert not looks_like_command(wrong) or wrong[3] & 0xE0  # the top three bits of the last byte mean nothing


def test_what_is_no_command() -> None:
    with pytest.raises(FrameError, match="12 34 56 78 is no command of an Antminer U1"):
        clock_of(bytes.fromhex("12345678"))
    assert not looks_like_command(b"\x82\x07")


def test_the_bit_for_fast_clocks() -> None:
    """250 MHz times 2 is 500: set."""
    assert Clock(19, 0, 1).mhz == 250.0
    assert Clock(19, 0, 1).register == 1 << 14 | 19 << 7 | 1


def test_a_device_without_a_clock_has_one_rate() -> None:
    assert PROFILES["icarus"].rate_at(500.0) == PROFILES["icarus"].rate_at(None) == 380e6
    assert (PROFILES["u1"].rate_at(250.0), PROFILES["u1"].answer_bytes) == (2e9, 5)
