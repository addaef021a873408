"""The queues of jobs that may come again: a pool re-sends one with another difficulty, or goes back to the one before.

A job under a new name is new work, though its headers be those of another: a pool may want the same nonce found again, as one
that serves a known block does.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from miner.work import Assignment, Job, Space
from miner.work_queue import WorkQueue

MOST_KEPT: Final = 64  # jobs: half an hour of one every 30 s

_Headers = tuple[Job, bytes, int]  # what decides which headers there are, but for the version bits


class JobQueues:
    """Gives the queue of an assignment; headers that were handed out for the same job are not handed out again.

    It remembers the last `most_kept` jobs.
    """

    def __init__(self, space: Space, together: int = 1, most_kept: int = MOST_KEPT) -> None:
        self._space, self._together, self._most_kept = space, together, most_kept
        self._known: OrderedDict[_Headers, WorkQueue] = OrderedDict()

    def of(self, assignment: Assignment) -> WorkQueue:
        """Return a queue of what is left of the assignment's headers."""
        headers = assignment.job, assignment.extranonce1, assignment.extranonce2_bytes
        known = self._known.pop(headers, None)
        queue = WorkQueue(assignment, self._space, self._together) if known is None else known.again(assignment)
        self._known[headers] = queue
        while len(self._known) > self._most_kept:
            self._known.popitem(last=False)
        return queue

    def forget(self) -> None:
        """Forget all jobs: a pool that does not know the session any more has lost what was found in it, too."""
        self._known.clear()
