"""Find answers in the bytes that a device sends: the proof of work itself is the frame.

The line has no framing, so a byte too many or too few would shift all that follows. But four bytes that are an answer prove it
by their hash, and four others do so once in four billion times: every place of what came is tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from hw.drivers.icarus.frames import NONCE_BYTES, decode_nonce
from hw.finder import ANSWER_TARGET
from miner.header import Nonce
from miner.share import Hit
from miner.template import Template

GAP_S: Final = 0.05  # the bytes of one answer come within this; at 115200 baud five take 0.4 ms
MOST_BYTES: Final = 64  # kept while nothing in them is an answer

Asked = TypeVar("Asked")


class AnswerReader:
    """Collects what a device sends; `answer_bytes` is the length of an answer with its status."""

    def __init__(self, answer_bytes: int) -> None:
        self._answer_bytes = answer_bytes
        self._kept = b""
        self.wrong_answers = 0
        self.stray_bytes = 0

    @property
    def held_bytes(self) -> int:
        """How many bytes are kept that are no answer yet."""
        return len(self._kept)

    def silence(self) -> None:
        """Give up what is kept: `GAP_S` went by in which more was waited for in vain."""
        self._give_up(self._kept)
        self._kept = b""

    def feed(self, data: bytes, asked: Sequence[tuple[Asked, Template]]) -> Iterator[tuple[Asked, Hit]]:
        """Add `data`; yield each answer to one of the templates asked, the first that it fits, with what was asked by it."""
        self._kept += data
        at = 0
        while at + self._answer_bytes <= len(self._kept):
            answer = _answered(decode_nonce(self._kept[at : at + NONCE_BYTES]), asked)
            if answer is None:
                at += 1
                continue
            self._give_up(self._kept[:at])
            self._kept = self._kept[at + self._answer_bytes :]
            at = 0
            yield answer
        if len(self._kept) > MOST_BYTES:
            self.silence()

    def _give_up(self, data: bytes) -> None:
        """Count what is no answer to anything: whole wrong ones as such, the rest as stray bytes."""
        wrong, stray = divmod(len(data), self._answer_bytes)
        self.wrong_answers += wrong
        self.stray_bytes += stray


def _answered(nonce: Nonce, asked: Sequence[tuple[Asked, Template]]) -> tuple[Asked, Hit] | None:
    for what, template in asked:
        hit = template.check(nonce, ANSWER_TARGET)
        if hit is not None:
            return what, hit
    return None
