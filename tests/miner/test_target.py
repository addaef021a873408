"""nBits and targets, on the vectors of Bitcoin Core and on the real chain."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miner.errors import TargetError
from miner.target import MAX_TARGET, NBits, Target, difficulty, expected_hashes, nbits_from_target, target_from_nbits

EPOCHS = Path(__file__).parents[2].parent / "shared" / "data" / "difficulty_epochs.csv"
LIMIT = 0x00000000FFFF0000000000000000000000000000000000000000000000000000

REAL = [
    pytest.param(0x1D00FFFF, LIMIT, id="block 0"),
    pytest.param(0x1B0404CB, 0x00000000000404CB000000000000000000000000000000000000000000000000, id="Bitcoin wiki"),
    pytest.param(0x1A44B9F2, 0x00000000000044B9F20000000000000000000000000000000000000000000000, id="block 125552"),
    pytest.param(0x170B3CE9, 0x0000000000000000000B3CE90000000000000000000000000000000000000000, id="block 683424"),
    pytest.param(0x1C05A3F4, 0x0000000005A3F400000000000000000000000000000000000000000000000000, id="block 68543"),
]


@pytest.mark.parametrize(("nbits", "target"), REAL)
def test_real_targets_unpack_and_pack(nbits: int, target: int) -> None:
    assert target_from_nbits(NBits(nbits)) == target
    assert nbits_from_target(Target(target)) == nbits


@pytest.mark.parametrize(
    ("nbits", "target", "repacked"),
    [
        (0x01123456, 0x12, 0x01120000),
        (0x02123456, 0x1234, 0x02123400),
        (0x03123456, 0x123456, 0x03123456),
        (0x04123456, 0x12345600, 0x04123456),
        (0x02008000, 0x80, 0x02008000),
        (0x05009234, 0x92340000, 0x05009234),
    ],
)
def test_the_small_vectors_of_bitcoin_core(nbits: int, target: int, repacked: int) -> None:
    """`arith_uint256_tests.cpp`, bignum_SetCompact: sizes below 3 drop mantissa bytes, 0x80 needs a byte for its sign."""
    assert target_from_nbits(NBits(nbits)) == target
    assert nbits_from_target(Target(target)) == repacked


@pytest.mark.parametrize("nbits", [0x01FEDCBA, 0x04923456, 0x1D80FFFF, 0x03800001])
def test_a_negative_target_is_refused(nbits: int) -> None:
    with pytest.raises(TargetError, match=f"{nbits:#010x} is a negative target; want the sign bit 0x00800000 clear"):
        target_from_nbits(NBits(nbits))


@pytest.mark.parametrize(
    "nbits",
    [
        0,
        0x00123456,
        0x01003456,
        0x02000056,
        0x03000000,
        0x04000000,
        0x1D000000,
        0x01803456,
        0x04800000,
        0x00923456,
        0x02800056,
        0x03800000,
    ],
)
def test_a_target_of_zero_is_refused(nbits: int) -> None:
    """The zeros of Core's vectors, those with a sign bit included: no hash is at most a target of nothing."""
    with pytest.raises(TargetError, match=f"nBits {nbits:#010x}"):
        target_from_nbits(NBits(nbits))


@pytest.mark.parametrize("nbits", [0x1D010000, 0x1E00FFFF, 0x207FFFFF, 0x20123456, 0x23000001, 0xFF123456, 0xFF7FFFFF])
def test_a_target_above_the_limit_or_wider_than_256_bits_is_refused(nbits: int) -> None:
    """The first is the next compact number after the limit; 0x207fffff is regtest's; the last three overflow."""
    with pytest.raises(TargetError, match=f"{nbits:#010x} is no target from 1 to the limit 0x1d00ffff"):
        target_from_nbits(NBits(nbits))


@pytest.mark.parametrize("nbits", [-1, 1 << 32, 0x11D00FFFF])
def test_nbits_that_are_no_32_bits_are_refused(nbits: int) -> None:
    with pytest.raises(TargetError, match="does not fit 32 bits"):
        target_from_nbits(NBits(nbits))


@pytest.mark.parametrize("target", [0, -1, LIMIT + 1, 1 << 224, 1 << 256])
def test_what_is_no_target_is_not_packed(target: int) -> None:
    with pytest.raises(TargetError, match="is not from 1 to the limit"):
        nbits_from_target(Target(target))


# Not uniform: nearly every uniform number has all 224 bits, and small sizes would never be drawn.
TARGETS = st.integers(1, 224).flatmap(lambda bits: st.integers(1, min((1 << bits) - 1, LIMIT))).map(Target)


@given(TARGETS)
def test_packing_rounds_down_by_less_than_the_last_mantissa_bit(target: Target) -> None:
    packed = nbits_from_target(target)
    unpacked = target_from_nbits(packed)
    unit = 1 << 8 * max((packed >> 24) - 3, 0)
    assert unpacked <= target < unpacked + unit
    assert nbits_from_target(unpacked) == packed
    assert not packed & 0x00800000


@given(st.integers(4, 29), st.integers(0x008000, 0x7FFFFF))
def test_normal_nbits_repack_to_themselves(size: int, mantissa: int) -> None:
    """Mantissas below 0x8000 would have a shorter form; the chain never holds them."""
    nbits = NBits(size << 24 | (mantissa if size < 29 else 0x008000 + mantissa % 0x8000))
    assert nbits_from_target(target_from_nbits(nbits)) == nbits


@pytest.mark.parametrize(
    ("nbits", "wanted"),
    [
        (0x1D00FFFF, 1.0),
        (0x1B0404CB, 16307.420938523983),  # Bitcoin wiki, "Difficulty"
        (0x170B3CE9, 25046487590083.27),  # 2021-05-13, as Bitcoin Core prints it
        (0x171398CE, 14363025673659.96),  # 2021-07-03, as Bitcoin Core prints it
    ],
)
def test_difficulty_as_published(nbits: int, wanted: float) -> None:
    """Sixteen digits are what explorers print, so the last place may differ."""
    assert difficulty(target_from_nbits(NBits(nbits))) == pytest.approx(wanted, rel=2e-15)


def test_expected_hashes_of_the_easiest_target_are_the_chain_work_of_block_0() -> None:
    """Core's `chainwork` of the genesis block is 0x100010001, the whole part of 2^256 / (target + 1)."""
    assert int(expected_hashes(MAX_TARGET)) == 0x100010001
    assert expected_hashes(Target((1 << 256) - 1)) == 1.0
    assert expected_hashes(Target(0)) == 2.0**256
    assert expected_hashes(Target(1)) == 2.0**255  # 0 and 1 meet it


def test_the_limit_is_the_target_of_block_0() -> None:
    assert MAX_TARGET == LIMIT


@pytest.mark.skipif(not EPOCHS.exists(), reason=f"the chain data are not here: {EPOCHS}")
def test_every_target_of_the_chain_until_2022() -> None:
    """Targets from Electrum's checkpoints, nBits from the headers: two sources."""
    with EPOCHS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    pairs = [(NBits(int(row["nbits_hex"], 16)), int(row["target_hex"], 16)) for row in rows]
    assert len(pairs) == 357
    assert [target_from_nbits(nbits) for nbits, _ in pairs] == [target for _, target in pairs]
    assert [nbits_from_target(Target(target)) for _, target in pairs] == [nbits for nbits, _ in pairs]
