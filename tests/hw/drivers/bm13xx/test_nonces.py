"""Nonces: what chips of real machines said of theirs, and that every field goes there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.drivers.bm13xx.chips import CHIPS, Chip, chip_of
from hw.drivers.bm13xx.jobs import JobForm
from hw.drivers.bm13xx.nonces import (
    FoundNonce,
    chip_number,
    excess_byte,
    found_nonce,
    job_ids,
    join_nonce,
    next_job_id,
    result_id,
    split_nonce,
    split_result_id,
    wire_order,
)
from hw.drivers.bm13xx.responses import NonceResponse, response_from_bytes
from hw.drivers.errors import FrameError, SettingError
from miner.header import Nonce

ALL = st.sampled_from(list(CHIPS.values()))

FOUND = [
    pytest.param(
        "BM1366",
        "AA 55 1D AC 2B 7C 00 10 00 00 86",
        FoundNonce(
            nonce=Nonce(0x7C2BAC1D),
            job_id=0x10,
            core=14,
            address=0xD6,
            counter=0x02B7C,
            sub_core=0,
            midstate=None,
            excess_bits=0.0,
            version_bits=0,
        ),
        id="the genesis block, accepted by piaxe-miner",
    ),
    pytest.param(
        "BM1370",
        "AA 55 18 00 A6 40 02 99 22 F9 91",
        FoundNonce(
            nonce=Nonce(0x40A60018),
            job_id=0x48,
            core=0x0C,
            address=None,
            counter=0x0053 << 9 | 0x040,
            sub_core=9,
            midstate=None,
            excess_bits=1.0,
            version_bits=0x045F2000,
        ),
        id="a BM1370 of an S21 Pro (mujina REFERENCE.md)",
    ),
    pytest.param(
        "BM1362",
        "AA 55 6D B8 8E E1 01 04 03 54 94",
        FoundNonce(
            nonce=Nonce(0xE18EB86D),
            job_id=0,
            core=54,
            address=0xDC,
            counter=0x08EE1,
            sub_core=4,
            midstate=None,
            excess_bits=0.5,
            version_bits=0x006A8000,
        ),
        id="chip 110 of an S19j Pro (mujina REFERENCE.md)",
    ),
    pytest.param(
        "BM1370",
        "AA 55 4C 03 52 75 0C D2 05 A2 9C",
        FoundNonce(
            nonce=Nonce(0x7552034C),
            job_id=0x68,
            core=38,
            address=None,
            counter=0x35275,
            sub_core=2,
            midstate=None,
            excess_bits=6.0,
            version_bits=0x00B44000,
        ),
        id="a Bitaxe, whose log has job 68, core 38/2, version 00B44000 (mujina test_data.rs)",
    ),
    pytest.param(
        "BM1397",
        "AA 55 00 03 EA 0F 02 20 9C",
        FoundNonce(
            nonce=Nonce(0x0FEA0300),
            job_id=0x20,
            core=0,
            address=None,
            counter=0x03EA0F,
            sub_core=None,
            midstate=0,
            excess_bits=1.0,
            version_bits=0,
        ),
        id="a BM1397, job 20 (skot/ESP-Miner bm1397_protocol.md)",
    ),
]


@pytest.mark.parametrize(("name", "text", "found"), FOUND)
def test_what_chips_said(name: str, text: str, found: FoundNonce) -> None:
    response = response_from_bytes(bytes.fromhex(text))
    assert isinstance(response, NonceResponse)
    assert found_nonce(CHIPS[name], response) == found


def test_the_chip_of_a_chain() -> None:
    """Chip 110 of an S19j Pro, whose addresses go up by 2."""
    assert chip_number(Nonce(0xE18EB86D), 2) == 110
    assert chip_number(Nonce(0), 64) == 0
    assert chip_number(Nonce(0xFFFFFFFF), 64) == 3
    with pytest.raises(SettingError, match="go up by 0; want 1 to 256"):
        chip_number(Nonce(0), 0)


@given(st.integers(0, 64), st.integers(0, 127), st.integers(0, (1 << 18) - 1))
def test_the_number_of_a_chip_is_that_of_its_address(core: int, number: int, counter: int) -> None:
    for name in ("BM1362", "BM1366"):
        assert chip_number(join_nonce(CHIPS[name], core, counter, 2 * number), 2) == number


@given(ALL, st.integers(0, (1 << 32) - 1))
def test_every_nonce_is_split_and_joined(chip: Chip, number: int) -> None:
    core, address, counter = split_nonce(chip, Nonce(number))
    assert join_nonce(chip, core, counter, address) == number
    assert (address is None) == (chip.name not in {"BM1362", "BM1366"})
    assert core == wire_order(number) >> 32 - chip.core_bits


@given(st.integers(0, (1 << 32) - 1))
def test_wire_order_is_its_own_inverse(number: int) -> None:
    assert wire_order(wire_order(number)) == number
    assert wire_order(number) == int.from_bytes(number.to_bytes(4, "little"), "big")


@given(ALL, st.integers(0, 255))
def test_every_result_id_is_split_and_joined(chip: Chip, number: int) -> None:
    job_id, low = split_result_id(chip, number)
    assert result_id(chip, job_id, low) == number


@pytest.mark.parametrize("chip", CHIPS.values(), ids=lambda chip: chip.name)
def test_every_job_id_that_hosts_send_comes_back(chip: Chip) -> None:
    low = 3 if chip.job_form is JobForm.MIDSTATE else 7
    seen, job_id = [], 0
    while job_id not in seen:
        seen.append(job_id)
        assert split_result_id(chip, result_id(chip, job_id, low)) == (job_id, low)
        job_id = next_job_id(chip, job_id)
    assert len(seen) == job_ids(chip) == chip.id_modulus // (4 if chip.name == "BM1397" else 8)


def test_job_ids_as_hosts_count_them() -> None:
    """Piaxe-miner sends 10, 18, 20 to a BM1366; S19j Pro firmware goes past 15 (mujina: result id F2 is job 30)."""
    assert next_job_id(CHIPS["BM1366"], 0x10) == 0x18
    assert next_job_id(CHIPS["BM1366"], 0x78) == 0
    assert next_job_id(CHIPS["BM1370"], 0x78) == 0x10
    assert next_job_id(CHIPS["BM1397"], 0x7C) == 0
    assert split_result_id(CHIPS["BM1362"], 0xF2) == (30 << 3, 2)


def test_how_good_a_hash_is() -> None:
    """The Bitaxe's share of difficulty 29588: 46 zero bits, a mask of 256, and the chip said 12 (mujina REFERENCE.md)."""
    assert excess_byte(46, 8) == 12
    assert excess_byte(40, 8) == 0
    assert excess_byte(256, 0) == 255
    with pytest.raises(FrameError, match="39 zero bits does not pass a mask of 8 beyond 32"):
        excess_byte(39, 8)


@pytest.mark.parametrize(
    ("core", "address", "counter", "told"),
    [
        (128, 0, 0, "a core of 128"),
        (0, 256, 0, "an? address of 128"),
        (0, 0, 1 << 18, "a counter of 262144"),
        (-1, 0, 0, "core"),
    ],
)
def test_what_does_not_fit_a_nonce_is_refused(core: int, address: int, counter: int, told: str) -> None:
    with pytest.raises(FrameError, match=told):
        join_nonce(CHIPS["BM1366"], core, counter, address)


# The table of chips


@pytest.mark.parametrize(
    ("word", "name"),
    [(0x13971800, "BM1397"), (0x13620300, "BM1362"), (0x13660000, "BM1366"), (0x13680000, "BM1368"), (0x13700002, "BM1370")],
)
def test_chips_say_who_they_are(word: int, name: str) -> None:
    assert chip_of(word).name == name


def test_a_chip_of_no_row_is_refused() -> None:
    with pytest.raises(SettingError, match="known: BM1397, BM1362, BM1366, BM1368, BM1370"):
        chip_of(0x13870000)


@pytest.mark.parametrize("chip", CHIPS.values(), ids=lambda chip: chip.name)
def test_rows_make_sense(chip: Chip) -> None:
    low = ~chip.id_mask & 0xFF
    per_core = low + 1
    assert chip.cores <= 1 << chip.core_bits
    assert chip.cores * (per_core - 1) < chip.small_cores <= chip.cores * per_core
    assert dict(chip.resets)[0] >> 16 == chip.chip_id
    assert len(dict(chip.resets)) == len(chip.resets)


def test_the_hash_rate_of_a_chip() -> None:
    """pyasic: a BM1370 at 525 MHz is expected at 525 * 2040 MH/s."""
    assert CHIPS["BM1370"].hashrate_hps(525.0) == pytest.approx(1.071e12)
    assert CHIPS["BM1366"].hashrate_hps(485.0, chips=4) == pytest.approx(4 * 485e6 * 894)
