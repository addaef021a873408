"""Jobs become real headers, difficulty becomes an exact target, and versions are rolled as BIP 310 says."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miner.errors import JobError, TargetError
from miner.header import Nonce
from miner.target import HASH_SPACE, MAX_TARGET, NBits
from miner.vectors import header_at
from miner.work import (
    VERSION_ROLLING_MASK,
    Assignment,
    Job,
    Roll,
    hash_difficulty,
    roll_version,
    spread_bits,
    swap_words,
    target_from_difficulty,
)

WORDS = st.integers(0, (1 << 32) - 1)
GENESIS = Job(
    job_id="g",
    previous=bytes(32),
    coinbase1=bytes.fromhex("0100000001"),
    coinbase2=bytes.fromhex(
        "000000000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030332f4a616e2f3230303920"
        "4368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000"
        "434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d57"
        "8a4c702b6bf11d5fac00000000"
    ),
    branch=(),
    version=1,
    nbits=NBits(0x1D00FFFF),
    time_s=1231006505,
)


def assigned(job: Job = GENESIS, **changes: object) -> Assignment:
    usual = {"extranonce1": bytes(4), "extranonce2_bytes": 4, "target": MAX_TARGET, "version_mask": 0}
    return Assignment(job=job, **{**usual, **changes})


def test_a_job_of_block_0_gives_its_header() -> None:
    header = assigned().header(Roll(bytes(4), 1, GENESIS.time_s), Nonce(0x7C2BAC1D))
    assert header == header_at(0).to_bytes()


def test_a_job_of_block_125552_gives_its_header() -> None:
    """Four transactions, a previous hash as Stratum writes it, and the extranonces within the output's value and script."""
    job = Job(
        job_id="125552",
        previous=swap_words(bytes.fromhex("ab02cd818b9e567ee21793cddef299feb29ad444a41b85b8000008a300000000")),
        coinbase1=bytes.fromhex(
            "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff0804f2b9441a022a01ffffffff01403415"
        ),
        coinbase2=bytes.fromhex(
            "d879d5ef8b70cf0a33925101b64429ad7eb370da8ad0b05c9cd60922c363a1eada85bcc2843b7378e226735048786c790b30b28438d22acfade2"
            "4ef047b5f865ac00000000"
        ),
        branch=(
            bytes.fromhex("60c25dda8d41f8d3d7d5c6249e2ea1b05a25bf7ae2ad6d904b512b31f997e1a1")[::-1],
            pair(
                "01f314cdd8566d3e5dbdd97de2d9fbfbfd6873e916a00d48758282cbb81a45b9",
                "b519286a1040da6ad83c783eb2872659eaf57b1bec088e614776ffe7dc8f6d01",
            ),
        ),
        version=1,
        nbits=NBits(0x1A44B9F2),
        time_s=0x4DD7F5C7,
    )
    given_ = assigned(job, extranonce1=bytes.fromhex("2a010000"))
    header = given_.header(Roll(bytes.fromhex("00434104"), 1, job.time_s), Nonce(2504433986))
    assert header == header_at(125552).to_bytes()


def pair(left: str, right: str) -> bytes:
    return sha256(sha256(bytes.fromhex(left)[::-1] + bytes.fromhex(right)[::-1]).digest()).digest()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"previous": bytes(31)}, "previous block's hash has 32 bytes; got 31"),
        ({"branch": (bytes(32), bytes(33))}, "hash of the branch has 32 bytes; got 33"),
        ({"version": -1}, "version -1 does not fit"),
        ({"version": 1 << 32}, "does not fit"),
        ({"nbits": NBits(1 << 32)}, "nBits"),
        ({"time_s": 1 << 32}, "time"),
    ],
)
def test_a_job_that_makes_no_header_is_refused(change: dict[str, object], told: str) -> None:
    with pytest.raises(JobError, match=told):
        replace(GENESIS, **change)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"extranonce1": bytes(33)}, "extranonce1 of 33 bytes"),
        ({"extranonce2_bytes": 33}, "extranonce2 of 33 bytes"),
        ({"extranonce2_bytes": -1}, "extranonce2 of -1 bytes"),
        ({"version_mask": 1 << 32}, "version mask 0x100000000"),
    ],
)
def test_an_assignment_out_of_range_is_refused(change: dict[str, object], told: str) -> None:
    with pytest.raises(JobError, match=told):
        assigned(**change)


@pytest.mark.parametrize(
    "roll", [Roll(bytes(3), 1, 0), Roll(bytes(4), -1, 0), Roll(bytes(4), 1 << 32, 0), Roll(bytes(4), 1, 1 << 32)]
)
def test_a_roll_that_does_not_fit_is_refused(roll: Roll) -> None:
    with pytest.raises(JobError):
        assigned().header(roll)


# Difficulty


@pytest.mark.parametrize(
    ("difficulty", "target"),
    [
        (1, 0xFFFF << 208),
        (1.0, 0xFFFF << 208),
        (2, 0xFFFF << 207),
        (0.5, 0xFFFF << 209),
        (65535, 1 << 208),
        (Fraction(1, 3), 3 * 0xFFFF << 208),
        (3, (0xFFFF << 208) // 3),
        (0.1, (0xFFFF << 208) * (1 << 55) // 3602879701896397),  # the float 0.1 is that fraction
        (1e18, (0xFFFF << 208) // 10**18),
        ((0xFFFF << 208), 1),
    ],
)
def test_a_target_is_exact(difficulty: float, target: int) -> None:
    assert target_from_difficulty(difficulty) == target


@given(st.floats(min_value=2.5e-10, max_value=1e60) | st.fractions(min_value=Fraction(1, 10**9), max_value=10**30))
def test_a_hash_at_the_target_is_a_share_and_the_next_one_is_not(difficulty: float) -> None:
    """By cross-multiplication, without the division that is tested."""
    target = target_from_difficulty(difficulty)
    exact = Fraction(difficulty)
    assert target * exact.numerator <= MAX_TARGET * exact.denominator < (target + 1) * exact.numerator


@pytest.mark.parametrize(
    "difficulty",
    [
        0, 0.0, -0.0, -1, -1e-300, float("nan"), float("inf"), float("-inf"), 1e-10, 5e-324, 1e300, Fraction(1, 1 << 40),
        True, False, None, "1", [1], 1j, (0xFFFF << 208) + 1,
    ],
)  # fmt: skip
def test_a_difficulty_that_is_none_is_never_the_easiest_target(difficulty: object) -> None:
    with pytest.raises(TargetError, match="difficulty") as refused:
        target_from_difficulty(difficulty)  # type: ignore[arg-type]
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("sign", [1, -1])
def test_a_difficulty_of_5000_digits_is_told_by_its_size(sign: int) -> None:
    """Python itself refuses to print it."""
    for difficulty in (sign * 10**5000, Fraction(sign, 10**5000)):
        with pytest.raises(TargetError, match="difficulty of 16610 bits"):
            target_from_difficulty(difficulty)


def test_the_easiest_difficulty_there_is() -> None:
    """2^256 - 1 is a target, 2^256 is none."""
    assert target_from_difficulty(Fraction(MAX_TARGET, HASH_SPACE - 1)) == HASH_SPACE - 1
    with pytest.raises(TargetError, match="met by every hash"):
        target_from_difficulty(Fraction(MAX_TARGET, HASH_SPACE))


def test_the_hash_of_block_0_is_a_share_of_difficulty_2536() -> None:
    value = int(header_at(0).hash_hex(), 16)
    assert int(hash_difficulty(value)) == 2536
    assert target_from_difficulty(2536) >= value > target_from_difficulty(2537)
    assert hash_difficulty(0) == float("inf")


# Versions


def test_bip_310_version() -> None:
    """Bits outside the mask stay the job's, whatever the miner says."""
    assert roll_version(0x20000000, VERSION_ROLLING_MASK, 0xFFFFFFFF) == 0x3FFFE000
    assert roll_version(0x3FFFFFFF, VERSION_ROLLING_MASK, 0) == 0x20001FFF
    assert roll_version(0x20000004, 0, 0xFFFFFFFF) == 0x20000004


@given(WORDS, st.integers(0, 1 << 40))
def test_bits_are_spread_over_the_mask_in_order(mask: int, number: int) -> None:
    """Reading the masked places from the lowest on gives the number back, as far as there are places."""
    spread = spread_bits(number, mask)
    places = [place for place in range(32) if mask >> place & 1]
    assert spread & ~mask == 0
    assert sum((spread >> place & 1) << rank for rank, place in enumerate(places)) == number % (1 << len(places))


@given(st.binary(max_size=64).filter(lambda raw: len(raw) % 4 == 0))
def test_swapping_words_twice_changes_nothing(raw: bytes) -> None:
    assert swap_words(swap_words(raw)) == raw
