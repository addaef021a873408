"""What an emulated device has yet to send, and when."""

from __future__ import annotations

from typing import Final

LATE_S: Final = 0.005  # after the next work, for an answer that comes late


class Outbox:
    """Bytes on their way out. What the work under way would give later is dropped when the next begins, all else is sent."""

    def __init__(self) -> None:
        self._said: list[tuple[float, bytes]] = []
        self._found: list[tuple[float, bytes]] = []
        self._late = b""

    def say(self, data: bytes, due_s: float) -> None:
        """Send `data` from `due_s` [s] on, whatever work comes meanwhile."""
        self._said.append((due_s, data))

    def report(self, data: bytes, due_s: float, *, late: bool) -> None:
        """Send what the work under way gave from `due_s` [s] on; if it is `late`, only after the next work was given."""
        if late:
            self._late = data
        else:
            self._found.append((due_s, data))

    def next_work(self, now_s: float) -> None:
        """Forget what the work before would have given from now on; an answer that is late comes soon."""
        self._said += [one for one in self._found if one[0] <= now_s]  # it was out before the next work came
        self._found = [(now_s + LATE_S, self._late)] if self._late else []
        self._late = b""

    def due_s(self) -> float | None:
        """Return when there is something to send, or None."""
        return min((due_s for due_s, _ in (*self._said, *self._found)), default=None)

    def take(self, now_s: float) -> bytes:
        """Return what is due by `now_s` [s], in the order in which it fell due, and forget it."""
        due = sorted((one for one in (*self._said, *self._found) if one[0] <= now_s), key=lambda one: one[0])
        self._said = [one for one in self._said if one[0] > now_s]
        self._found = [one for one in self._found if one[0] > now_s]
        return b"".join(data for _, data in due)
