"""Answers are found in whatever a line gives: the proof of work is the frame."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.drivers.icarus.answers import AnswerReader
from hw.drivers.icarus.frames import encode_nonce
from miner.header import Nonce
from miner.template import HeaderTemplate
from miner.vectors import headers

BLOCKS = [header for height, header in sorted(headers().items()) if height > 100_000][:8]
ASKED = [(header.nonce, HeaderTemplate(header.to_bytes())) for header in BLOCKS]
NOISE = st.binary(max_size=9)


def read(reader: AnswerReader, pieces: Sequence[bytes]) -> list[int]:
    found = []
    for piece in pieces:
        for asked, hit in reader.feed(piece, ASKED):
            assert asked == hit.nonce
            found.append(int(hit.nonce))
    return found


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:stop] for start, stop in pairwise(edges)]


@pytest.mark.parametrize("status", [0, 1])
@given(blocks=st.lists(st.tuples(st.integers(0, len(BLOCKS) - 1), NOISE), max_size=8), places=st.lists(st.integers(0, 200)))
def test_answers_survive_any_chunking_and_any_noise_between_them(
    status: int, blocks: list[tuple[int, bytes]], places: list[int]
) -> None:
    """All come out, in order, and every other byte is counted as astray or as part of a wrong answer."""
    answers = [encode_nonce(Nonce(BLOCKS[place].nonce), bytes(status)) for place, _ in blocks]
    sent = b"".join(noise + answer for answer, (_, noise) in zip(answers, blocks, strict=True))
    reader = AnswerReader(4 + status)
    assert read(reader, cut(sent, places)) == [BLOCKS[place].nonce for place, _ in blocks]
    assert reader.stray_bytes + (4 + status) * reader.wrong_answers == sum(len(noise) for _, noise in blocks)


def test_a_byte_lost_costs_one_answer_and_no_more() -> None:
    answers = [encode_nonce(Nonce(header.nonce)) for header in BLOCKS]
    reader = AnswerReader(4)
    sent = answers[0] + answers[1][:2] + answers[1][3:] + answers[2] + answers[3]
    assert read(reader, [sent]) == [BLOCKS[0].nonce, BLOCKS[2].nonce, BLOCKS[3].nonce]
    assert reader.stray_bytes == 3


def test_a_wrong_answer_is_counted_once_its_time_is_over() -> None:
    reader = AnswerReader(4)
    assert list(reader.feed(b"\x12\x34\x56\x78", ASKED)) == []
    assert reader.wrong_answers == 0  # more may come
    reader.silence()
    assert (reader.wrong_answers, reader.stray_bytes) == (1, 0)


def test_half_an_answer_does_not_wait_for_another_half_for_ever() -> None:
    reader, answer = AnswerReader(4), encode_nonce(Nonce(BLOCKS[0].nonce))
    assert read(reader, [answer[:3]]) == []
    reader.silence()
    assert reader.held_bytes == 0
    assert read(reader, [answer]) == [BLOCKS[0].nonce]
    assert reader.stray_bytes == 3


def test_endless_noise_is_bounded() -> None:
    reader = AnswerReader(4)
    for number in range(1000):
        assert list(reader.feed(bytes([number % 251]) * 100, ASKED[:1])) == []
        assert len(reader._kept) <= 64
    assert reader.stray_bytes + 4 * reader.wrong_answers >= 100_000 - 64


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_nothing_is_asked_and_nothing_is_found(pieces: list[bytes]) -> None:
    reader = AnswerReader(5)
    assert [answer for piece in pieces for answer in reader.feed(piece, [])] == []
