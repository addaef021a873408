"""What became of the shares a pool was handed: counts, and the hash rate that the accepted ones prove."""

from __future__ import annotations

from collections import Counter, deque
from enum import StrEnum
from typing import Final

from miner.stratum.messages import Reject
from miner.target import Target, expected_hashes

RATE_WINDOW_S: Final = 600.0
_BUCKET_S: Final = 10.0


class Outcome(StrEnum):
    """What becomes of a share; `MALFORMED` also of a line that is no message."""

    ACCEPTED = "accepted"
    STALE = "stale"
    DUPLICATE = "duplicate"
    LOW_DIFFICULTY = "low-difficulty"
    MALFORMED = "malformed"
    OUT_OF_RANGE = "out-of-range"
    UNAUTHORIZED = "unauthorized"
    NOT_SUBSCRIBED = "not-subscribed"


REJECTS: Final = {
    Outcome.STALE: (Reject.JOB_NOT_FOUND, "Job not found"),
    Outcome.DUPLICATE: (Reject.DUPLICATE, "Duplicate share"),
    Outcome.LOW_DIFFICULTY: (Reject.LOW_DIFFICULTY, "Low difficulty share"),
    Outcome.MALFORMED: (Reject.OTHER, "Malformed share"),
    Outcome.OUT_OF_RANGE: (Reject.OTHER, "Out of range"),
    Outcome.UNAUTHORIZED: (Reject.UNAUTHORIZED, "Unauthorized worker"),
    Outcome.NOT_SUBSCRIBED: (Reject.NOT_SUBSCRIBED, "Not subscribed"),
}
"""The number and the words with which a pool refuses, as the field has them."""


class Tally:
    """Counts outcomes, in bounded memory; moments are seconds of a clock that only goes forward."""

    def __init__(self, began_s: float) -> None:
        self._began_s = began_s
        self._counts: Counter[Outcome] = Counter()
        self._recent: deque[tuple[int, float]] = deque()
        self.hashes = 0.0
        self.blocks = 0
        self.best_difficulty = 0.0

    def add(self, outcome: Outcome) -> None:
        """Count what is no accepted share."""
        self._counts[outcome] += 1

    def accept(self, target: Target, difficulty: float, now_s: float, *, is_block: bool) -> None:
        """Count a share that was asked to meet `target`, whose hash has `difficulty`."""
        self._counts[Outcome.ACCEPTED] += 1
        self.blocks += is_block
        self.best_difficulty = max(self.best_difficulty, difficulty)
        proven = expected_hashes(target)
        self.hashes += proven
        bucket = int(now_s // _BUCKET_S)
        if self._recent and self._recent[-1][0] == bucket:
            proven += self._recent.pop()[1]
        self._recent.append((bucket, proven))
        self._forget(now_s)

    def count(self, outcome: Outcome) -> int:
        """Return how often `outcome` was counted."""
        return self._counts[outcome]

    def hash_rate_hps(self, now_s: float) -> float:
        """Return the hash rate [H/s] that the accepted shares of the last ten minutes imply; 0 before the first."""
        self._forget(now_s)
        span_s = min(now_s - self._began_s, RATE_WINDOW_S)
        return sum(hashes for _, hashes in self._recent) / span_s if span_s > 0 else 0.0

    def _forget(self, now_s: float) -> None:
        oldest = int((now_s - RATE_WINDOW_S) // _BUCKET_S)
        while self._recent and self._recent[0][0] <= oldest:
            self._recent.popleft()
