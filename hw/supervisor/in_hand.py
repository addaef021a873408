"""What a device was given, whose nonces may still come; and what it is to be given again, so that no header is left out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from miner.header import Nonce
from miner.work import WorkUnit
from miner.work_queue import WorkQueue

REMEMBERED: Final = 64  # pieces of work whose answers may still come


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A piece of a job; `handed` are the nonces, with version where the device rolled it, that were handed over already."""

    unit: WorkUnit
    queue: WorkQueue
    handed: set[tuple[Nonce, int | None]] = field(default_factory=set)


class InHand:
    """The work of one device, by the numbers under which it was given."""

    def __init__(self) -> None:
        self._given: deque[tuple[int, Piece]] = deque(maxlen=REMEMBERED)
        self._again: deque[Piece] = deque()
        self._holds = self._in_a_row = 1  # pieces that the device holds at once, as far as it has shown

    def gave(self, number: int, piece: Piece, *, room: bool) -> None:
        """Note what the device was given, and whether it had room for more right afterwards."""
        self._given.append((number, piece))
        self._in_a_row = self._in_a_row + 1 if room else 1
        self._holds = max(self._holds, self._in_a_row)

    def refused(self, piece: Piece) -> None:
        """Let a piece be given again at which the device failed before it had it."""
        self._again.appendleft(piece)

    def piece(self, number: int) -> Piece | None:
        """Return what was given under this number, if that is still remembered."""
        return next((piece for given, piece in self._given if given == number), None)

    def dropped(self) -> None:
        """Let what the device had in hand be given again; answers to it that are on their way still count."""
        held = [piece for _, piece in list(self._given)[-self._holds :]]
        self._again = deque(dict.fromkeys([*held, *self._again]))  # what was to be given again and was not yet stays

    def lost(self) -> None:
        """Let it be given again to a device that is closed, whose answers have gone with it."""
        self.dropped()
        self._given.clear()

    def next_again(self, queue: WorkQueue) -> Piece | None:
        """Return what is to be done again of this job, if anything is; what is left of others is worth nothing."""
        while self._again:
            piece = self._again.popleft()
            if piece.queue is queue:
                return piece
        return None
