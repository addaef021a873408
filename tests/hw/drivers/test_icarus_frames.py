"""The Icarus wire, byte for byte against what hosts send, and back and forth."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.drivers.errors import FrameError
from hw.drivers.icarus.frames import decode_nonce, decode_work, encode_nonce, encode_work, place_in_sweep
from hw.drivers.icarus.probes import DIVISION, DIVISION_NONCES, GOLDEN, GOLDEN_NONCE
from hw.finder import ANSWER_TARGET
from miner.backends.registry import GENESIS_HASH, GENESIS_HEADER, GENESIS_NONCE
from miner.header import Nonce, nonce_of_word
from miner.template import HeaderTemplate, MidstateTemplate
from miner.vectors import headers

WORDS = st.integers(0, (1 << 32) - 1)


def test_the_golden_probe_is_block_171874() -> None:
    """Its hash is the one every explorer prints, so midstate, tail and nonce are read rightly."""
    assert len(GOLDEN) == 64
    hit = decode_work(GOLDEN).check(GOLDEN_NONCE, ANSWER_TARGET)
    assert hit is not None
    assert hit.hash == "00000000000004b64108a8e4168cfaa890d62b8c061c6b74305b7f6cb2cf9fda"
    assert encode_nonce(GOLDEN_NONCE) == bytes.fromhex("000187a2")


@pytest.mark.parametrize(("workers", "answer"), [(1, "04c0fdb4"), (2, "82540e46"), (4, "417c0f36"), (8, "60c994d5")])
def test_the_division_probe_has_an_answer_in_each_part_of_the_range(workers: int, answer: str) -> None:
    nonce = DIVISION_NONCES[workers]
    assert encode_nonce(nonce) == bytes.fromhex(answer)
    assert decode_work(DIVISION).check(nonce, ANSWER_TARGET) is not None
    assert nonce == decode_nonce(bytes.fromhex(answer))


def test_the_work_of_block_0_byte_for_byte() -> None:
    """The tail is nBits, time and end of the merkle root as they lie in the header, the last word first."""
    frame = encode_work(HeaderTemplate(GENESIS_HEADER))
    assert (len(frame), frame[32:52]) == (64, bytes(20))
    assert frame[52:] == GENESIS_HEADER[72:76] + GENESIS_HEADER[68:72] + GENESIS_HEADER[64:68]
    hit = decode_work(frame).check(GENESIS_NONCE, ANSWER_TARGET)
    assert hit is not None
    assert hit.hash == GENESIS_HASH
    assert encode_nonce(GENESIS_NONCE) == bytes.fromhex("1dac2b7c")


def test_every_shipped_block_is_found_through_its_frame() -> None:
    for header in headers().values():
        hit = decode_work(encode_work(HeaderTemplate(header.to_bytes()))).check(Nonce(header.nonce), ANSWER_TARGET)
        assert hit is not None
        assert hit.hash == header.hash_hex()


@given(st.tuples(*[WORDS] * 8), st.tuples(*[WORDS] * 3))
def test_work_goes_there_and_back(midstate: tuple[int, ...], tail: tuple[int, ...]) -> None:
    template = MidstateTemplate(midstate, tail)
    assert decode_work(encode_work(template)) == template


@given(WORDS, st.binary(max_size=2))
def test_nonces_go_there_and_back(nonce: int, status: bytes) -> None:
    answer = encode_nonce(Nonce(nonce), status)
    assert (decode_nonce(answer), answer[4:]) == (nonce, status)
    assert pack(">I", place_in_sweep(Nonce(nonce))) == answer[:4]


@pytest.mark.parametrize(
    ("word", "tried"), [(0, 0), (1000, 2000), (1 << 31, 0), ((1 << 31) + 5, 10), ((1 << 32) - 1, (1 << 32) - 2)]
)
def test_two_parts_of_a_device_begin_at_the_same_time(word: int, tried: int) -> None:
    assert place_in_sweep(nonce_of_word(word), parts=2) == tried


@pytest.mark.parametrize("size", [0, 1, 63, 65, 128])
def test_work_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(FrameError, match=f"work of {size} bytes; Icarus takes 64"):
        decode_work(bytes(size))


def test_an_answer_that_is_too_short_is_refused() -> None:
    with pytest.raises(FrameError, match="an answer of 3 bytes; a nonce has 4"):
        decode_nonce(b"abc")
