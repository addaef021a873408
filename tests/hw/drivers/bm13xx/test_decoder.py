"""Decoders: one thing after the other that a line may do, how much they keep, and how fast they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest

from hw.drivers.bm13xx import commands
from hw.drivers.bm13xx.commands import ReadRegister, SendJob
from hw.drivers.bm13xx.decoder import CommandDecoder, DecoderCounts, FrameDecoder, ResponseDecoder
from hw.drivers.bm13xx.jobs import FullJob, JobForm, MidstateJob
from hw.drivers.bm13xx.responses import Form, NonceResponse, RegisterResponse, Response, response_from_bytes
from miner.header import Nonce
from miner.vectors import header_at

Frame = TypeVar("Frame")

GENESIS_ANSWER = bytes.fromhex("AA551DAC2B7C0010000086")
DISCOVERY = bytes.fromhex("55AA520500000A")
GENESIS_JOB = SendJob(FullJob.from_header(header_at(0).to_bytes(), 0x10))


def fed(decoder: FrameDecoder[Frame], stream: bytes, sizes: Sequence[int] = (1,)) -> list[Frame]:
    """Feed `stream` in pieces of `sizes`, over and over."""
    found, at, number = [], 0, 0
    while at < len(stream):
        size = sizes[number % len(sizes)]
        found += decoder.feed(stream[at : at + size])
        at, number = at + size, number + 1
    return found


def flipped(raw: bytes, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_a_frame_may_come_byte_by_byte() -> None:
    decoder = ResponseDecoder(Form.LONG)
    assert [decoder.feed(GENESIS_ANSWER[at : at + 1]) for at in range(10)] == [[]] * 10
    assert decoder.feed(GENESIS_ANSWER[10:]) == [NonceResponse(Nonce(0x7C2BAC1D), 0, 0x10, 0)]
    assert decoder.counts() == DecoderCounts(frames=1)


def test_frames_may_come_back_to_back() -> None:
    assert ResponseDecoder(Form.LONG).feed(GENESIS_ANSWER * 3) == [response_from_bytes(GENESIS_ANSWER)] * 3
    stream = DISCOVERY + GENESIS_JOB.to_bytes() + DISCOVERY
    assert CommandDecoder().feed(stream) == [ReadRegister(0), GENESIS_JOB, ReadRegister(0)]


def test_garbage_before_a_frame_is_counted() -> None:
    decoder = CommandDecoder()
    assert decoder.feed(b"\x00\xff\x55\x55" + DISCOVERY) == [ReadRegister(0)]
    assert decoder.counts() == DecoderCounts(frames=1, garbage_bytes=4, resyncs=1)


def test_answers_are_broken_by_check_sum_or_by_the_length_of_garbage() -> None:
    decoder = ResponseDecoder(Form.LONG)
    wrong = GENESIS_ANSWER[:-1] + bytes([GENESIS_ANSWER[-1] ^ 1])
    fed(decoder, wrong + GENESIS_ANSWER + wrong)
    assert decoder.silence() == []
    assert decoder.broken_answers == decoder.bad_crc == 2
    fed(decoder, bytes(10 * Form.LONG))
    assert (decoder.broken_answers, decoder.bad_crc) == (12, 2)


def test_a_preamble_within_garbage_is_a_false_start() -> None:
    """Piaxe's discovery right behind half a preamble, a whole one, and one with a known type but a wrong length."""
    decoder = CommandDecoder()
    assert decoder.feed(b"\x55" + b"\x55\xaa" + b"\x55\xaa\x51\x05" + DISCOVERY) == [ReadRegister(0)]
    assert decoder.counts() == DecoderCounts(frames=1, garbage_bytes=7, resyncs=1, false_starts=2)


def test_a_bad_check_sum_does_not_swallow_the_good_frame_within() -> None:
    """A job that lost its tail takes the two commands behind it for the rest of itself, until its check sum fails."""
    job = GENESIS_JOB.to_bytes()
    decoder = CommandDecoder()
    assert decoder.feed(job[:78] + DISCOVERY + DISCOVERY) == [ReadRegister(0), ReadRegister(0)]
    assert decoder.counts() == DecoderCounts(frames=2, bad_crc=1, garbage_bytes=78, resyncs=1)

    answers = ResponseDecoder(Form.LONG)
    assert answers.feed(GENESIS_ANSWER[:6] + GENESIS_ANSWER) == [response_from_bytes(GENESIS_ANSWER)]
    assert answers.counts() == DecoderCounts(frames=1, bad_crc=1, garbage_bytes=6, resyncs=1)


@pytest.mark.parametrize("lost", range(11))
def test_a_lost_byte_costs_one_answer(lost: int) -> None:
    cut = GENESIS_ANSWER[:lost] + GENESIS_ANSWER[lost + 1 :]
    decoder = ResponseDecoder(Form.LONG)
    assert decoder.feed(GENESIS_ANSWER + cut + GENESIS_ANSWER) == [response_from_bytes(GENESIS_ANSWER)] * 2
    assert decoder.counts().garbage_bytes == 10


@pytest.mark.parametrize("begin", range(1, 88))
def test_a_start_within_a_job_costs_that_job(begin: int) -> None:
    raw = GENESIS_JOB.to_bytes()
    decoder = CommandDecoder()
    assert decoder.feed(raw[begin:] + raw) == [GENESIS_JOB]
    assert decoder.counts().garbage_bytes == 88 - begin


@pytest.mark.parametrize("bit", range(88))
def test_a_wrong_bit_costs_one_answer(bit: int) -> None:
    decoder = ResponseDecoder(Form.LONG)
    found = decoder.feed(GENESIS_ANSWER + flipped(GENESIS_ANSWER, bit) + GENESIS_ANSWER)
    assert found == [response_from_bytes(GENESIS_ANSWER)] * 2


@pytest.mark.parametrize("bit", range(0, 8 * 88, 5))
def test_a_wrong_bit_costs_one_job(bit: int) -> None:
    raw = GENESIS_JOB.to_bytes()
    decoder = CommandDecoder()
    found = decoder.feed(raw + flipped(raw, bit) + raw)
    found += decoder.silence()
    assert found == [GENESIS_JOB] * 2


def test_silence_frees_what_a_false_start_holds_back() -> None:
    """The begin of a job in noise would wait for 88 bytes while the host waits for an answer to its question."""
    decoder = CommandDecoder()
    assert decoder.feed(b"\x55\xaa\x21" + DISCOVERY) == []
    assert decoder.silence() == [ReadRegister(0)]
    assert decoder.counts() == DecoderCounts(frames=1, false_starts=1, garbage_bytes=3, resyncs=1)
    assert decoder.silence() == []
    assert decoder.feed(b"\x55") == []
    assert decoder.silence() == []
    assert decoder.counts().garbage_bytes == 4


def test_a_job_is_read_in_the_form_that_is_set() -> None:
    decoder = CommandDecoder(JobForm.FULL)
    one = SendJob(MidstateJob(job_id=4, midstates=((0,) * 8,), tail=(0, 0, 0)))
    decoder.form = JobForm.MIDSTATE
    assert decoder.feed(one.to_bytes()) == [one]


# The two lengths of answers

SHORT_DISCOVERY = bytes.fromhex("AA5513971800000006")
SHORT_MISC = bytes.fromhex("AA550000C100001802")


def test_the_expected_length_may_change_while_running() -> None:
    decoder = ResponseDecoder(Form.SHORT)
    assert decoder.feed(SHORT_MISC) == [RegisterResponse(0xC100, 0, 0x18)]
    decoder.form = Form.LONG
    assert decoder.feed(GENESIS_ANSWER) == [response_from_bytes(GENESIS_ANSWER)]
    assert decoder.counts() == DecoderCounts(frames=2)


def test_short_answers_are_understood_where_long_ones_are_expected() -> None:
    """As from a chip that was reset: the next preamble, or silence, tells that no more is coming."""
    decoder = ResponseDecoder(Form.LONG)
    first, second = RegisterResponse(0x13971800, 0, 0), RegisterResponse(0xC100, 0, 0x18)
    assert decoder.feed(SHORT_DISCOVERY) == []
    assert decoder.feed(SHORT_MISC) == [first]
    assert decoder.silence() == [second]
    assert decoder.counts() == DecoderCounts(frames=2, other_form=2)


@pytest.mark.parametrize("response", [RegisterResponse(0x13680000, 0, 0, 0), NonceResponse(Nonce(0x7C2BAC1D), 0, 0x10, 0)])
def test_long_answers_are_understood_where_short_ones_are_expected(response: Response) -> None:
    decoder = ResponseDecoder(Form.SHORT)
    assert decoder.feed(response.to_bytes() * 2) == [response] * 2
    assert decoder.counts() == DecoderCounts(frames=2, other_form=2)


def test_a_bad_short_answer_is_not_taken_for_a_long_one() -> None:
    decoder = ResponseDecoder(Form.SHORT)
    assert decoder.feed(flipped(SHORT_MISC, 40) + SHORT_MISC) == [RegisterResponse(0xC100, 0, 0x18)]
    assert decoder.counts() == DecoderCounts(frames=1, bad_crc=1, garbage_bytes=9, resyncs=1)


@pytest.mark.parametrize("begin", [b"", b"\x00", GENESIS_ANSWER[:4]])
@pytest.mark.parametrize(("form", "answer"), [(Form.SHORT, SHORT_MISC), (Form.LONG, GENESIS_ANSWER)])
def test_whole_answers_are_read_as_byte_by_byte(begin: bytes, form: Form, answer: bytes) -> None:
    """The short way for a good line gives what the long way gives, counts included, also behind what was astray."""
    wrong = flipped(answer, 40)
    for stream in (answer, answer * 3, answer + wrong + answer, answer + b"\x00" * len(answer), answer * 2 + answer[:5]):
        together, one_by_one = ResponseDecoder(form), ResponseDecoder(form)
        assert [*together.feed(begin), *together.feed(stream)] == fed(one_by_one, begin + stream)
        assert (together.counts(), together.held_bytes) == (one_by_one.counts(), one_by_one.held_bytes)


# How much and how fast


@pytest.mark.parametrize("make", [lambda: ResponseDecoder(Form.LONG), CommandDecoder, lambda: CommandDecoder(JobForm.MIDSTATE)])
@pytest.mark.parametrize("pattern", ["AA55", "55AA21", "55AA21360001", "55AA5205", "AA", "55"])
def test_bad_streams_are_not_kept_and_take_no_time(make: Callable[[], FrameDecoder[object]], pattern: str) -> None:
    decoder = make()
    stream = bytes.fromhex(pattern) * 20_000
    started = time.perf_counter()
    assert fed(decoder, stream, (1000,)) == []
    assert time.perf_counter() - started < 5.0  # s; some 0.05 when measured
    assert decoder.held_bytes < commands.MOST_BYTES


def test_answers_are_decoded_faster_than_any_chain_says_them() -> None:
    """A line at 3.125 MBd carries 28,400 answers/s. Some 400,000 when measured, so this guards against a collapse only."""
    frames = [NonceResponse(Nonce(number * 0x9E3779B1 & 0xFFFFFFFF), 1, number & 0xFF, number) for number in range(30_000)]
    stream = b"".join(frame.to_bytes() for frame in frames)
    started = time.perf_counter()
    found = fed(ResponseDecoder(Form.LONG), stream, (64,))
    assert time.perf_counter() - started < 1.0
    assert found == frames
