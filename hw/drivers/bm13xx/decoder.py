"""From bytes as they come to frames: any chunking, any noise, bounded memory, never an error raised.

What follows a preamble and turns out to be no frame costs one byte: the search goes on right behind the first byte of that
preamble, so a frame that begins within a broken one is found. What a decoder gives depends on the bytes alone, never on how
they were cut, but for `silence`: a false start may wait for bytes that never come, so whoever has a clock says that the line
is quiet, and what was begun is then looked through.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from hw.drivers.bm13xx import commands, responses
from hw.drivers.bm13xx.commands import Command
from hw.drivers.bm13xx.crc import crc5
from hw.drivers.bm13xx.jobs import JobForm
from hw.drivers.bm13xx.responses import Form, Response

Frame = TypeVar("Frame")


class Verdict(Enum):
    """What a place that looks like the begin of a frame is, if not one."""

    UNFINISHED = 0  # more bytes are needed to tell
    BAD_CRC = 1
    FALSE_START = 2  # no type, length or size that there is


@dataclass(frozen=True, slots=True)
class DecoderCounts:
    """What a decoder saw so far; each byte fed is in a frame, garbage, or among the few that are held."""

    frames: int = 0
    bad_crc: int = 0
    false_starts: int = 0
    garbage_bytes: int = 0
    resyncs: int = 0  # frames that followed garbage
    other_form: int = 0  # answers of the length that was not expected


class FrameDecoder(ABC, Generic[Frame]):
    """Collects bytes and gives back whole frames with right check sums, in order."""

    def __init__(self, preamble: bytes) -> None:
        self._preamble = preamble
        self._held = b""
        self._astray = False
        self._frames = self._garbage_bytes = self._resyncs = self._other_form = 0
        self._failed = {Verdict.BAD_CRC: 0, Verdict.FALSE_START: 0}

    def feed(self, data: bytes) -> list[Frame]:
        """Add `data`; return the frames that became whole by it."""
        return self._take(self._held + data, silent=False)

    def silence(self) -> list[Frame]:
        """Say that nothing came for longer than within a frame; return the frames behind false starts, and hold nothing."""
        return self._take(self._held, silent=True)

    @property
    def held_bytes(self) -> int:
        """How many bytes wait for more: fewer than the longest frame has."""
        return len(self._held)

    @property
    def bad_crc(self) -> int:
        """How often a check sum was wrong."""
        return self._failed[Verdict.BAD_CRC]

    def counts(self) -> DecoderCounts:
        """Return what was seen so far."""
        return DecoderCounts(
            frames=self._frames,
            bad_crc=self.bad_crc,
            false_starts=self._failed[Verdict.FALSE_START],
            garbage_bytes=self._garbage_bytes,
            resyncs=self._resyncs,
            other_form=self._other_form,
        )

    @abstractmethod
    def _read(self, buffer: bytes, at: int, silent: bool) -> tuple[Frame | Verdict, int]:
        """Return the frame that begins at `at` and its size [bytes], or why there is none; never UNFINISHED if `silent`."""

    def _take(self, buffer: bytes, *, silent: bool) -> list[Frame]:
        found: list[Frame] = []
        at = 0
        while (start := buffer.find(self._preamble, at)) >= 0:
            self._skip(start - at)
            frame, size = self._read(buffer, start, silent)
            if frame is Verdict.UNFINISHED:
                self._held = buffer[start:]
                return found
            if isinstance(frame, Verdict):
                self._failed[frame] += 1
                self._skip(1)
                at = start + 1
                continue
            self._frames += 1
            self._resyncs += self._astray
            self._astray = False
            found.append(frame)
            at = start + size
        # A last byte may be the first half of a preamble.
        rest = len(buffer) if silent or not buffer.endswith(self._preamble[:1]) else len(buffer) - 1
        self._skip(max(rest - at, 0))
        self._held = buffer[max(rest, at) :]
        return found

    def _skip(self, count: int) -> None:
        if count:
            self._garbage_bytes += count
            self._astray = True


class CommandDecoder(FrameDecoder[Command]):
    """The chip's end; `form` is the form of job that the chip takes, and may be set at any time."""

    def __init__(self, form: JobForm = JobForm.FULL) -> None:
        super().__init__(commands.PREAMBLE)
        self.form = form

    def _read(self, buffer: bytes, at: int, silent: bool) -> tuple[Command | Verdict, int]:
        size = commands.command_size(buffer[at : at + commands.HEAD_BYTES], self.form)
        if size == 0:
            return Verdict.FALSE_START, 0
        if size is None or len(buffer) < at + size:
            return (Verdict.FALSE_START if silent else Verdict.UNFINISHED), 0
        raw = buffer[at : at + size]
        if not commands.command_is_intact(raw):
            return Verdict.BAD_CRC, 0
        return commands.read_command(raw), size


class ResponseDecoder(FrameDecoder[Response]):
    """The host's end.

    `form` is the length that answers are expected to have and may be set at any time. An answer of the other length, as from
    a chip that was reset meanwhile, is taken if it cannot be one of the expected length, and counted.
    """

    def __init__(self, form: Form) -> None:
        super().__init__(responses.PREAMBLE)
        self.form = form

    @property
    def broken_answers(self) -> int:
        """How many answers were none: by their check sums, or else by the length of what was garbage."""
        return max(self.bad_crc, self._garbage_bytes // self.form)

    def feed(self, data: bytes) -> list[Response]:
        """Add `data`; return the answers that became whole by it.

        Whole answers and nothing else, as a good line brings them, are read here at a fraction of the cost.
        """
        size = self.form
        if self._held or len(data) % size or not data:
            return super().feed(data)
        found: list[Response] = []
        for at in range(0, len(data), size):
            raw = data[at : at + size]
            frame = responses.read_response(raw) if raw[:2] == responses.PREAMBLE and crc5(raw[2:]) == 0 else None
            if frame is None:
                return super().feed(data)  # nothing was counted yet
            found.append(frame)
        self._frames += len(found)
        self._resyncs += self._astray
        self._astray = False
        return found

    def _read(self, buffer: bytes, at: int, silent: bool) -> tuple[Response | Verdict, int]:
        have = len(buffer) - at
        if have >= self.form:
            verdict = _whole(buffer[at : at + self.form])
            if not isinstance(verdict, Verdict):
                return verdict, self.form
        else:
            verdict = Verdict.FALSE_START
        if have < Form.LONG and not silent:
            return Verdict.UNFINISHED, 0
        other = Form.SHORT if self.form is Form.LONG else Form.LONG
        if have >= other and (other is Form.LONG or have < Form.LONG or buffer.startswith(self._preamble, at + other)):
            frame = _whole(buffer[at : at + other])
            if not isinstance(frame, Verdict):
                self._other_form += 1
                return frame, other
        return verdict, 0


def _whole(raw: bytes) -> Response | Verdict:
    """Read 9 or 11 bytes."""
    if not responses.response_is_intact(raw):
        return Verdict.BAD_CRC
    frame = responses.read_response(raw)
    return Verdict.FALSE_START if frame is None else frame
