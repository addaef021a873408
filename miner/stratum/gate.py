"""A gate between threads that find shares and a pool that has to judge them: only so many are under way."""

from __future__ import annotations

import threading


class Gate:
    """Lets `most` in at a time; who comes then waits until some have left, or the gate is opened for good."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside = 0
        self._open = False
        self._change = threading.Condition()

    @property
    def is_full(self) -> bool:
        """Whether nobody more is let in."""
        with self._change:
            return self._inside >= self._most

    def enter(self) -> None:
        """Come in, as soon as there is room."""
        with self._change:
            self._change.wait_for(lambda: self._open or self._inside < self._most)
            self._inside += 1

    def leave(self, number: int) -> None:
        """Say that so many have left."""
        with self._change:
            self._inside -= number
            self._change.notify_all()

    def open(self) -> None:
        """Let everybody in from now on."""
        with self._change:
            self._open = True
            self._change.notify_all()
