"""The jobs that a miner may hand in shares of, as they were given out to it; only so many, whatever the pool sends."""

from __future__ import annotations

import logging
from typing import Final

from miner.stratum.hashing import Share
from miner.work import Assignment

MOST_JOBS: Final = 64
_LOG = logging.getLogger(__name__)


class ClientJobs:
    """Jobs by their names, the oldest first; `dropped` counts those that were let go of though no clean job had come."""

    def __init__(self) -> None:
        self.dropped = 0
        self._jobs: dict[str, Assignment] = {}

    @property
    def names(self) -> set[str]:
        """The names of all of them."""
        return set(self._jobs)

    @property
    def latest(self) -> Assignment | None:
        """The one that came last."""
        return next(reversed(self._jobs.values()), None)

    def clear(self) -> None:
        """Let go of all of them: they are void."""
        self._jobs.clear()

    def add(self, assignment: Assignment) -> None:
        """Take up a job, in the place of one of the same name; the oldest goes if there are too many."""
        self._jobs.pop(assignment.job.job_id, None)
        self._jobs[assignment.job.job_id] = assignment
        if len(self._jobs) > MOST_JOBS:
            del self._jobs[next(iter(self._jobs))]
            self.dropped += 1
            if self.dropped == 1:
                _LOG.warning("the pool keeps more than %d jobs valid at once: what is found of older ones is lost", MOST_JOBS)

    def stands(self, share: Share) -> bool:
        """Tell whether the job of a share may still be handed in."""
        live, given = self._jobs.get(share.assignment.job.job_id), share.assignment
        return live is not None and (live.job, live.extranonce1, live.extranonce2_bytes) == (
            given.job,
            given.extranonce1,
            given.extranonce2_bytes,
        )
