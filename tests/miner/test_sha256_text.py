"""The one text of SHA-256, read with whole numbers, against NIST's vectors and hashlib."""

from __future__ import annotations

from hashlib import sha256
from struct import pack, unpack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miner.backends.sha256_text import INITIAL, REFERENCE, K, midstate
from miner.header import header_words
from miner.vectors import header_at


def padded_blocks(message: bytes) -> list[tuple[int, ...]]:
    """FIPS 180-4, 5.1.1: a one bit, zeros, the length in bits as 64 bits."""
    padding = b"\x80" + bytes(-(len(message) + 9) % 64) + pack(">Q", 8 * len(message))
    whole = message + padding
    return [unpack(">16I", whole[at : at + 64]) for at in range(0, len(whole), 64)]


def digest_of(message: bytes) -> bytes:
    state = list(INITIAL)
    for block in padded_blocks(message):
        [state] = REFERENCE.compress([state], block)
    return pack(">8I", *state)


@pytest.mark.parametrize(
    ("message", "digest"),
    [
        pytest.param(b"abc", "ba7816bf 8f01cfea 414140de 5dae2223 b00361a3 96177a9c b410ff61 f20015ad", id="abc"),
        pytest.param(b"", "e3b0c442 98fc1c14 9afbf4c8 996fb924 27ae41e4 649b934c a495991b 7852b855", id="empty"),
        pytest.param(
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61 d20638b8 e5c02693 0c3e6039 a33ce459 64ff2167 f6ecedd4 19db06c1",
            id="448 bits",
        ),
    ],
)
def test_the_vectors_of_nist(message: bytes, digest: str) -> None:
    assert digest_of(message) == bytes.fromhex(digest)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_message_is_hashed_as_hashlib_does(message: bytes) -> None:
    assert digest_of(message) == sha256(message).digest()


def test_the_constants_are_those_of_fips_180_4() -> None:
    """4.2.2, first and last row, and all of 5.3.3; the text computes them from primes."""
    assert K[:4] == (0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5)
    assert K[60:] == (0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2)
    assert INITIAL == (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)


def test_choice_and_majority_by_their_truth_tables() -> None:
    """The three words run through all eight combinations of bits."""
    x, y, z = 0b11110000, 0b11001100, 0b10101010
    assert REFERENCE.ch(x, y, z) == 0b11001010
    assert REFERENCE.maj(x, y, z) == 0b11101000


@pytest.mark.parametrize(
    ("name", "rotations", "shifts"),
    [
        ("big_sigma_0", [2, 13, 22], []),
        ("big_sigma_1", [6, 11, 25], []),
        ("small_sigma_0", [7, 18], [3]),
        ("small_sigma_1", [17, 19], [10]),
    ],
)
def test_where_the_sigmas_send_the_lowest_and_the_highest_bit(name: str, rotations: list[int], shifts: list[int]) -> None:
    """4.1.2: a rotation carries bit 0 to the top; the shift of a small sigma drops it."""
    sigma = getattr(REFERENCE, name)
    assert sigma(1) == sum(1 << 32 - by for by in rotations)
    assert sigma(1 << 31) == sum(1 << 31 - by for by in rotations + shifts)


@settings(deadline=None)
@given(st.binary(min_size=80, max_size=80))
def test_a_header_is_hashed_twice_from_its_midstate(raw: bytes) -> None:
    words = header_words(raw)
    [hashed] = REFERENCE.header_hashes([midstate(words)], words[16:19], words[19])
    assert pack(">8I", *hashed) == sha256(sha256(raw).digest()).digest()


def test_block_125552_from_its_midstate() -> None:
    """The midstate stands in the test benches of public FPGA miners; the hash in any explorer."""
    words = header_words(header_at(125552).to_bytes())
    state = midstate(words)
    assert state == (0x9524C593, 0x05C56713, 0x16E669BA, 0x2D2810A0, 0x07E86E37, 0x2F56A9DA, 0xCD5BCE69, 0x7A78DA2D)
    assert (
        pack(">8I", *REFERENCE.header_hashes([state], words[16:19], words[19])[0])[::-1].hex()
        == "00000000000000001e8d6829a8a21adc5d38d0a473b144b6765798e61f98bd1d"
    )
