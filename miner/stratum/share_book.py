"""A miner's shares from the moment they are found until the pool has judged them, over lost connections too.

Each share ends in exactly one place: accepted, rejected, stale (its job was void before it was sent), repeated (found before)
or lost (the pool never said, and the session cannot be taken up again). What was sent but not answered when a connection
broke is sent once more in the same session, for it may never have arrived; if the pool then knows it already, it was accepted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from miner.stratum.hashing import Share
from miner.stratum.messages import Reject
from miner.target import expected_hashes

MOST_OPEN: Final = 1_000  # shares waiting to be sent, and as many waiting for their answer
MOST_KNOWN: Final = 100_000  # shares remembered of all jobs; beyond, a repeated one is left to the pool to refuse
MOST_CODES: Final = 32  # numbers of rejections that are told apart; a pool may make up a new one each time


@dataclass(slots=True)
class _Sent:
    share: Share
    again: bool


class ShareBook:
    """What became of each share; bounded, however many are found and however silent the pool."""

    def __init__(self) -> None:
        self.accepted = 0
        self.rejected: Counter[int] = Counter()
        self.stale = 0
        self.repeated = 0
        self.lost = 0
        self.found = 0
        self.accepted_hashes = 0.0
        self.best_difficulty = 0.0
        self._waiting: list[_Sent] = []
        self._sent: dict[int, _Sent] = {}
        self._known: dict[str, set[tuple[bytes, int, int, int, bytes]]] = {}
        self._known_total = 0

    @property
    def open(self) -> int:
        """How many shares are neither judged nor given up."""
        return len(self._waiting) + len(self._sent)

    def take(self, share: Share) -> bool:
        """Take up a share that was found, to be sent; return whether it is new."""
        self.found += 1
        if not self._remember(share):
            self.repeated += 1
            return False
        self._waiting.append(_Sent(share, False))
        if len(self._waiting) > MOST_OPEN:
            del self._waiting[0]
            self.lost += 1
        return True

    def refuse_stale(self) -> None:
        """Count a share whose job was void when it was found."""
        self.found += 1
        self.stale += 1

    def next_waiting(self) -> Share | None:
        """Return the share to be sent next."""
        return self._waiting[0].share if self._waiting else None

    def drop_stale(self) -> None:
        """Give up the share to be sent next, for its job is void."""
        del self._waiting[0]
        self.stale += 1

    def sent(self, identity: int) -> None:
        """Note that the share to be sent next went out under this request id."""
        self._sent[identity] = self._waiting.pop(0)
        if len(self._sent) > MOST_OPEN:
            del self._sent[next(iter(self._sent))]
            self.lost += 1

    def judged(self, identity: int, reject: int | None) -> tuple[Share, int | None] | None:
        """Note the pool's word on a share, None where it was accepted; return the share and what that word means.

        None if the share was given up.
        """
        sent = self._sent.pop(identity, None)
        if sent is None:
            return None
        if sent.again and reject == Reject.DUPLICATE:
            reject = None  # it had arrived the first time, and only the answer was lost
        if reject is None:
            self.accepted += 1
            self.accepted_hashes += expected_hashes(sent.share.assignment.target)
            self.best_difficulty = max(self.best_difficulty, sent.share.difficulty)
        else:
            if reject not in self.rejected and len(self.rejected) >= MOST_CODES:
                reject = Reject.OTHER
            self.rejected[reject] += 1
        return sent.share, reject

    def connection_lost(self) -> None:
        """Let what was sent but not answered wait again, before what was never sent."""
        unanswered = [_Sent(sent.share, True) for sent in self._sent.values()]
        self._sent.clear()
        self._waiting[:0] = unanswered

    def session_lost(self) -> None:
        """Give up everything that is open: the pool no longer knows what it belongs to."""
        self.lost += self.open
        self._waiting.clear()
        self._sent.clear()
        self.keep_jobs(set())

    def keep_jobs(self, job_ids: set[str]) -> None:
        """Forget which shares of other jobs were found."""
        self._known = {job_id: known for job_id, known in self._known.items() if job_id in job_ids}
        self._known_total = sum(map(len, self._known.values()))

    def _remember(self, share: Share) -> bool:
        """Return whether a share was never found before; from now on it was. The oldest job's are forgotten if need be."""
        job_id = share.assignment.job.job_id
        if share.key in self._known.get(job_id, ()):
            return False
        if self._known_total >= MOST_KNOWN:
            self._known_total -= len(self._known.pop(next(iter(self._known))))
        self._known.setdefault(job_id, set()).add(share.key)
        self._known_total += 1
        return True
