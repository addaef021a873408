"""Where devices' threads find the job of the moment, a header of it that nobody had, and whether all is over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from miner.header import NONCE_SPACE
from miner.work import WorkUnit
from miner.work_queue import WorkQueue


@dataclass(frozen=True, slots=True)
class Posted:
    """The job, if there is one, the number of its last replacement, and whether all is over."""

    queue: WorkQueue | None
    epoch: int
    closed: bool


class JobBoard:
    """Shared by all threads; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._change = threading.Condition()
        self._posted = Posted(None, 0, closed=False)
        self._own = WeakKeyDictionary[WorkQueue, WorkQueue]()

    def post(self, queue: WorkQueue | None, *, abandon: bool) -> None:
        """Go on with another job, or with none; with `abandon` what devices have is to be replaced at once."""
        with self._change:
            self._posted = Posted(queue, self._posted.epoch + abandon, self._posted.closed)

    def close(self) -> None:
        """Say that all is over, also to who waits."""
        with self._change:
            self._posted = Posted(None, self._posted.epoch, closed=True)
            self._change.notify_all()

    def read(self) -> Posted:
        """Return what is posted now."""
        with self._change:
            return self._posted

    def take(self, queue: WorkQueue) -> WorkUnit | None:
        """Return a header of a job that nobody had, versions apart, or None if nothing is left.

        Versions are left to the devices: some roll them by themselves.
        """
        with self._change:
            own = self._own.get(queue)
            if own is None:
                own = self._own[queue] = queue.without_rolling()
        return own.take(NONCE_SPACE)

    def wait(self, for_s: float) -> None:
        """Wait, but no longer than to the end."""
        until_s = self.clock() + for_s
        with self._change:
            while not self._posted.closed and (left_s := until_s - self.clock()) > 0:
                self._change.wait(left_s)
