"""Eighty bytes: every field in its place, in its byte order, and nothing else accepted."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miner.errors import HeaderError
from miner.header import BlockHeader, Nonce, double_sha256, hash_hex, hash_value, header_words
from miner.target import NBits
from miner.vectors import header_at

# As block explorers print them: hashes with their bytes reversed.
GENESIS = {
    "version": 1,
    "previous": "00" * 32,
    "merkle_root": "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b",
    "time_s": 1231006505,
    "nbits": 0x1D00FFFF,
    "nonce": 2083236893,
}
GENESIS_HASH = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
BLOCK_125552 = {
    "version": 1,
    "previous": "00000000000008a3a41b85b8b29ad444def299fee21793cd8b9e567eab02cd81",
    "merkle_root": "2b12fcf1b09288fcaff797d71e950e71ae42b91e8bdb2304758dfcffc2b620e3",
    "time_s": 1305998791,
    "nbits": 0x1A44B9F2,
    "nonce": 2504433986,
}
HASH_125552 = "00000000000000001e8d6829a8a21adc5d38d0a473b144b6765798e61f98bd1d"
UINT32 = st.integers(0, 2**32 - 1)
HEADERS = st.builds(
    BlockHeader,
    version=st.integers(-(2**31), 2**31 - 1),
    previous=st.binary(min_size=32, max_size=32),
    merkle_root=st.binary(min_size=32, max_size=32),
    time_s=UINT32,
    nbits=UINT32.map(NBits),
    nonce=UINT32.map(Nonce),
)


def built(fields: dict[str, object]) -> BlockHeader:
    wire = {name: bytes.fromhex(value)[::-1] if isinstance(value, str) else value for name, value in fields.items()}
    return BlockHeader(**wire)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("height", "fields", "block_hash"), [(0, GENESIS, GENESIS_HASH), (125552, BLOCK_125552, HASH_125552)], ids=["0", "125552"]
)
def test_real_blocks_hash_to_what_explorers_print(height: int, fields: dict[str, object], block_hash: str) -> None:
    header = built(fields)
    assert header.hash_hex() == block_hash
    assert header == header_at(height)


def test_every_field_lies_little_endian_at_its_own_offset() -> None:
    """No two bytes of this header are alike, so none can stand in for another."""
    header = BlockHeader(
        version=0x03020100,
        previous=bytes(range(4, 36)),
        merkle_root=bytes(range(36, 68)),
        time_s=0x47464544,
        nbits=NBits(0x4B4A4948),
        nonce=Nonce(0x4F4E4D4C),
    )
    assert header.to_bytes() == bytes(range(80))
    assert BlockHeader.from_bytes(bytes(range(80))) == header


def test_a_version_is_signed() -> None:
    """Consensus reads it as int32; bit 31 set is a negative version, not an error."""
    header = BlockHeader.from_bytes(b"\xff" * 80)
    assert (header.version, header.time_s, header.nbits, header.nonce) == (-1, 2**32 - 1, 2**32 - 1, 2**32 - 1)


@given(HEADERS)
def test_fields_to_bytes_and_back(header: BlockHeader) -> None:
    raw = header.to_bytes()
    assert len(raw) == 80
    assert BlockHeader.from_bytes(raw) == header
    assert BlockHeader.from_hex(raw.hex().upper()) == header


@given(st.binary(min_size=80, max_size=80))
def test_bytes_to_fields_and_back(raw: bytes) -> None:
    """Any 80 bytes are a header; what it hashes to is not asked here."""
    header = BlockHeader.from_hex(raw.hex())
    assert header.to_bytes() == raw
    assert header.hash_hex() == sha256(sha256(raw).digest()).digest()[::-1].hex()


@given(HEADERS, UINT32)
def test_another_nonce_changes_the_last_four_bytes_only(header: BlockHeader, nonce: int) -> None:
    raw = header.with_nonce(Nonce(nonce)).to_bytes()
    assert raw == header.to_bytes()[:76] + nonce.to_bytes(4, "little")


@pytest.mark.parametrize("size", [0, 79, 81, 160])
def test_any_other_number_of_bytes_is_refused(size: int) -> None:
    with pytest.raises(HeaderError, match=rf"80 bytes; got {size}"):
        BlockHeader.from_bytes(bytes(size))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "160 hex digits; got 0"),
        ("00" * 79, "160 hex digits; got 158"),
        ("00" * 81, "160 hex digits; got 162"),
        ("0" * 159, "160 hex digits"),
        ("0x" + "00" * 79, "'0x000000000000000000' is not hex; want 160 hex digits"),
        ("g" * 160, "'gggggggggggggggggggg' is not hex"),
        ("\N{FULLWIDTH DIGIT ZERO}" * 160, "is not hex"),
    ],
)
def test_anything_but_160_hex_digits_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(HeaderError) as caught:
        BlockHeader.from_hex(text)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("text", ["00 " * 80, "00" * 80 + "\n"], ids=["between", "after"])
def test_white_space_is_no_hex_digit(text: str) -> None:
    """`bytes.fromhex` skips it, so a header of 160 digits and something else would pass unnoticed."""
    with pytest.raises(HeaderError):
        BlockHeader.from_hex(text)


def test_a_refusal_never_says_that_160_was_wanted_and_160_came() -> None:
    """158 digits and two blanks are 160 characters; the message must not claim that those were the digits."""
    with pytest.raises(HeaderError) as caught:
        BlockHeader.from_hex("00" * 79 + "  ")
    assert "got 160" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2**31},
        {"version": -(2**31) - 1},
        {"time_s": -1},
        {"time_s": 2**32},
        {"nbits": 2**32},
        {"nonce": 2**32},
        {"nonce": -1},
    ],
)
def test_a_field_that_does_not_fit_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(HeaderError, match="does not fit its 32 bits"):
        replace(built(GENESIS), **change).to_bytes()  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["previous", "merkle_root"])
@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_hash_of_another_length_is_refused(name: str, size: int) -> None:
    """`struct` alone would pad or cut it in silence."""
    with pytest.raises(HeaderError, match=f"a hash has 32 bytes; got .*{size}"):
        replace(built(GENESIS), **{name: bytes(size)}).to_bytes()  # type: ignore[arg-type]


def test_a_hash_is_a_little_endian_number_printed_backwards() -> None:
    digest = double_sha256(built(GENESIS).to_bytes())
    assert hash_hex(digest) == GENESIS_HASH
    assert hash_value(digest) == int(GENESIS_HASH, 16)


def test_the_words_of_sha_256_are_big_endian_and_the_last_is_the_nonce_swapped() -> None:
    words = header_words(built(GENESIS).to_bytes())
    assert len(words) == 20
    assert words[0] == 0x01000000
    assert words[17:] == (0x29AB5F49, 0xFFFF001D, 0x1DAC2B7C)  # 2009-01-03, nBits and nonce 0x7c2bac1d, bytes swapped
