"""Decoders under any stream: held against slow twins that look at every place of the whole, however it is cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from hw.drivers.bm13xx import commands, responses
from hw.drivers.bm13xx.commands import (
    ChainInactive,
    Command,
    ReadRegister,
    SendJob,
    SetAddress,
    WriteRegister,
    command_from_bytes,
)
from hw.drivers.bm13xx.decoder import CommandDecoder, FrameDecoder, ResponseDecoder
from hw.drivers.bm13xx.jobs import FullJob, JobForm, MidstateJob
from hw.drivers.bm13xx.responses import Form, NonceResponse, RegisterResponse, Response, response_from_bytes
from hw.drivers.errors import FrameError

Frame = TypeVar("Frame")

BYTES = st.integers(0, 255)
WORDS = st.integers(0, (1 << 32) - 1)
HALVES = st.integers(0, (1 << 16) - 1)
LONG = st.builds(RegisterResponse, WORDS, BYTES, BYTES, HALVES) | st.builds(NonceResponse, WORDS, BYTES, BYTES, HALVES)
SHORT = st.builds(RegisterResponse, WORDS, BYTES, BYTES) | st.builds(NonceResponse, WORDS, BYTES, BYTES)
FULL_JOBS = st.binary(min_size=80, max_size=80).map(lambda header: SendJob(FullJob.from_header(header, 8)))
STATES = st.tuples(*[WORDS] * 8)
MIDSTATE_JOBS = st.builds(
    MidstateJob, job_id=BYTES, midstates=st.tuples(STATES) | st.tuples(*[STATES] * 4), tail=st.tuples(WORDS, WORDS, WORDS)
).map(SendJob)
PLAIN = st.one_of(
    st.builds(ReadRegister, BYTES, st.none() | BYTES),
    st.builds(WriteRegister, BYTES, WORDS, st.none() | BYTES),
    st.just(ChainInactive()),
    st.builds(SetAddress, BYTES),
)
SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=5)


def fed(decoder: FrameDecoder[Frame], stream: bytes, sizes: Sequence[int] = (1,)) -> list[Frame]:
    """Feed `stream` in pieces of `sizes`, over and over."""
    found, at, number = [], 0, 0
    while at < len(stream):
        size = sizes[number % len(sizes)]
        found += decoder.feed(stream[at : at + size])
        at, number = at + size, number + 1
    return found


def noise_without(first: int) -> st.SearchStrategy[bytes]:
    """Bytes in which no preamble begins."""
    return st.binary(max_size=30).map(lambda raw: raw.replace(bytes([first]), b""))


def noisy(frames: st.SearchStrategy[bytes], preamble: bytes) -> st.SearchStrategy[bytes]:
    """Streams of frames, whole, cut, or with a wrong bit, and of noise in which preambles are common."""
    pieces = st.one_of(
        frames,
        st.binary(max_size=12),
        st.just(preamble),
        st.just(preamble + b"\x21\x56"),
        st.tuples(frames, st.integers(1, 90)).map(lambda cut: cut[0][: cut[1]]),
        st.tuples(frames, st.integers(1, 90)).map(lambda cut: cut[0][cut[1] :]),
        st.tuples(frames, st.integers(0, 700)).map(lambda flip: flipped(flip[0], flip[1] % (8 * len(flip[0])))),
    )
    return st.lists(pieces, max_size=8).map(b"".join)


def flipped(raw: bytes, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def in_balance(decoder: FrameDecoder[Frame], fed_bytes: int, found_bytes: int) -> bool:
    return fed_bytes == found_bytes + decoder.counts().garbage_bytes + decoder.held_bytes


# The slow twins: look at every place of the whole stream


def slow_responses(stream: bytes, form: Form) -> list[Response]:
    def whole(at: int, size: int) -> Response | None:
        try:
            return response_from_bytes(stream[at : at + size])
        except FrameError:
            return None

    found, at = [], 0
    while at < len(stream):
        if not stream.startswith(b"\xaa\x55", at):
            at += 1
            continue
        short, long = whole(at, 9), whole(at, 11)
        if form is Form.SHORT and short:
            frame: Response | None = short
        elif len(stream) < at + 11:
            break
        elif form is Form.LONG and not long and short and stream.startswith(b"\xaa\x55", at + 9):
            frame = short
        else:
            frame = long
        if frame:
            found.append(frame)
        at += len(frame.to_bytes()) if frame else 1
    return found


def slow_commands(stream: bytes, form: JobForm) -> list[Command]:
    found, at = [], 0
    while at < len(stream):
        if not stream.startswith(b"\x55\xaa", at):
            at += 1
            continue
        size = commands.command_size(stream[at:], form)
        if size is None or len(stream) < at + size:
            break
        try:
            found.append(command_from_bytes(stream[at : at + size], form))
            at += size
        except FrameError:
            at += 1
    return found


@given(noisy((LONG | SHORT).map(lambda frame: frame.to_bytes()), responses.PREAMBLE), st.sampled_from(Form), SIZES)
def test_answers_are_those_of_the_slow_twin_under_any_chunking(stream: bytes, form: Form, sizes: list[int]) -> None:
    decoder = ResponseDecoder(form)
    found = fed(decoder, stream, sizes)
    assert found == slow_responses(stream, form)
    assert decoder.held_bytes < Form.LONG
    assert in_balance(decoder, len(stream), sum(len(frame.to_bytes()) for frame in found))
    assert decoder.counts().frames == len(found)


@given(
    noisy((PLAIN | FULL_JOBS | MIDSTATE_JOBS).map(lambda frame: frame.to_bytes()), commands.PREAMBLE),
    st.sampled_from(JobForm),
    SIZES,
)
def test_commands_are_those_of_the_slow_twin_under_any_chunking(stream: bytes, form: JobForm, sizes: list[int]) -> None:
    decoder = CommandDecoder(form)
    found = fed(decoder, stream, sizes)
    assert found == slow_commands(stream, form)
    assert decoder.held_bytes < commands.MOST_BYTES
    assert in_balance(decoder, len(stream), sum(len(frame.to_bytes()) for frame in found))


@given(st.lists(st.tuples(noise_without(0xAA), LONG), max_size=6), SIZES)
def test_long_answers_survive_noise_between_them(parts: list[tuple[bytes, Response]], sizes: list[int]) -> None:
    decoder = ResponseDecoder(Form.LONG)
    assert fed(decoder, b"".join(noise + frame.to_bytes() for noise, frame in parts), sizes) == [frame for _, frame in parts]
    assert decoder.counts().resyncs == sum(1 for noise, _ in parts if noise)
    assert decoder.counts().bad_crc == decoder.counts().other_form == 0


@given(st.lists(st.tuples(noise_without(0xAA), SHORT), max_size=6), SIZES)
def test_short_answers_survive_noise_between_them(parts: list[tuple[bytes, Response]], sizes: list[int]) -> None:
    decoder = ResponseDecoder(Form.SHORT)
    assert fed(decoder, b"".join(noise + frame.to_bytes() for noise, frame in parts), sizes) == [frame for _, frame in parts]


@given(
    st.lists(st.tuples(noise_without(0x55), PLAIN | FULL_JOBS), max_size=6).map(lambda parts: (JobForm.FULL, parts))
    | st.lists(st.tuples(noise_without(0x55), PLAIN | MIDSTATE_JOBS), max_size=6).map(lambda parts: (JobForm.MIDSTATE, parts)),
    SIZES,
)
def test_commands_survive_noise_between_them(formed: tuple[JobForm, list[tuple[bytes, Command]]], sizes: list[int]) -> None:
    form, parts = formed
    decoder = CommandDecoder(form)
    assert fed(decoder, b"".join(noise + frame.to_bytes() for noise, frame in parts), sizes) == [frame for _, frame in parts]
    assert decoder.held_bytes == 0
    assert decoder.counts().garbage_bytes == sum(len(noise) for noise, _ in parts)


@given(st.binary(max_size=400), st.binary(max_size=400), st.sampled_from(Form), st.sampled_from(JobForm))
def test_any_bytes_are_taken_and_silence_leaves_nothing(first: bytes, more: bytes, form: Form, jobs: JobForm) -> None:
    for decoder, preamble in ((ResponseDecoder(form), responses.PREAMBLE), (CommandDecoder(jobs), commands.PREAMBLE)):
        decoder.feed(first.replace(b"\x00\x00", preamble))
        decoder.silence()
        assert decoder.held_bytes == 0
        decoder.feed(more)
