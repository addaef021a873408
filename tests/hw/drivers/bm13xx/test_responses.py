"""Answers: byte for byte what chips said, and back."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.drivers.bm13xx.crc import crc5
from hw.drivers.bm13xx.responses import Form, NonceResponse, RegisterResponse, Response, response_from_bytes
from hw.drivers.errors import FrameError
from miner.header import Nonce
from miner.vectors import header_at

BYTES = st.integers(0, 255)
WORDS = st.integers(0, (1 << 32) - 1)
MORE = st.none() | st.integers(0, (1 << 16) - 1)
RESPONSES = st.builds(RegisterResponse, WORDS, BYTES, BYTES, MORE) | st.builds(NonceResponse, WORDS, BYTES, BYTES, MORE)

SAID = [
    # accepted by piaxe-miner, or captured by others
    ("AA 55 13 68 00 00 00 00 00 00 0F", RegisterResponse(0x13680000, 0, 0, 0)),
    ("AA 55 13 70 00 00 00 00 00 00 10", RegisterResponse(0x13700000, 0, 0, 0)),
    ("AA 55 1D AC 2B 7C 00 10 00 00 86", NonceResponse(Nonce(0x7C2BAC1D), 0, 0x10, 0)),
    # skot/ESP-Miner bm1397_protocol.md
    ("AA 55 13 97 18 00 00 00 06", RegisterResponse(0x13971800, 0, 0)),
    ("AA 55 00 03 EA 0F 02 20 9C", NonceResponse(Nonce(0x0FEA0300), 2, 0x20)),
    # 256foundation/mujina bm13xx/REFERENCE.md: a BM1370 before and after A4 was written, a BM1362, a BM1370
    ("AA 55 00 00 C1 00 00 18 02", RegisterResponse(0x0000C100, 0, 0x18)),
    ("AA 55 18 00 A6 40 02 99 22 F9 91", NonceResponse(Nonce(0x40A60018), 2, 0x99, 0x22F9)),
    ("AA 55 6D B8 8E E1 01 04 03 54 94", NonceResponse(Nonce(0xE18EB86D), 1, 0x04, 0x0354)),
    ("AA 55 4C 03 52 75 0C D2 05 A2 9C", NonceResponse(Nonce(0x7552034C), 12, 0xD2, 0x05A2)),
]


@pytest.mark.parametrize(("text", "response"), SAID)
def test_answers_as_said(text: str, response: Response) -> None:
    raw = bytes.fromhex(text)
    assert response_from_bytes(raw) == response
    assert response.to_bytes() == raw


def test_the_answer_to_block_0_bears_its_nonce() -> None:
    answer = response_from_bytes(bytes.fromhex("AA551DAC2B7C0010000086"))
    assert isinstance(answer, NonceResponse)
    assert answer.nonce == header_at(0).nonce


def test_the_first_answer_of_a_bm1366() -> None:
    """The first two bytes are known; the check sum is by the rule."""
    assert RegisterResponse(0x13660000, 0, 0, 0).to_bytes() == bytes.fromhex("AA 55 13 66 00 00 00 00 00 00 05")


@given(RESPONSES)
def test_what_is_written_is_read_back(response: Response) -> None:
    raw = response.to_bytes()
    long = (response.extra if isinstance(response, RegisterResponse) else response.version) is not None
    assert len(raw) == (Form.LONG if long else Form.SHORT)
    assert response_from_bytes(raw) == response


@given(RESPONSES, st.data())
def test_one_wrong_bit_is_always_caught(response: Response, drawn: st.DataObject) -> None:
    raw = bytearray(response.to_bytes())
    bit = drawn.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FrameError):
        response_from_bytes(bytes(raw))


@given(st.binary(max_size=20))
def test_any_bytes_are_an_answer_or_a_frame_error(raw: bytes) -> None:
    try:
        response = response_from_bytes(raw)
    except FrameError:
        return
    assert isinstance(response, get_args(Response))


def test_other_types_are_refused() -> None:
    for kind in (1, 2, 3, 5, 6, 7):
        raw = b"\xaa\x55" + bytes(6) + bytes([kind << 5 | crc5(bytes(6) + bytes([kind << 5]), 51)])
        with pytest.raises(FrameError, match=f"is of type {kind}"):
            response_from_bytes(raw)


@pytest.mark.parametrize(
    "response",
    [
        RegisterResponse(1 << 32, 0, 0),
        RegisterResponse(0, 256, 0),
        RegisterResponse(0, 0, -1),
        RegisterResponse(0, 0, 0, 1 << 16),
        NonceResponse(Nonce(-1), 0, 0),
        NonceResponse(Nonce(0), 0, 0, -1),
    ],
)
def test_what_does_not_fit_is_refused(response: Response) -> None:
    with pytest.raises(FrameError, match="does not fit"):
        response.to_bytes()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "AA 55",
        "AA 55 13 97 18 00 00 00",
        "AA 55 13 97 18 00 00 00 06 00",
        "55 AA 13 97 18 00 00 00 06",
        "AA 55" + "00" * 8 + "1F",
    ],
)
def test_what_is_no_frame_is_refused(text: str) -> None:
    with pytest.raises(FrameError, match=r"no frame from a chip|check sum"):
        response_from_bytes(bytes.fromhex(text))
