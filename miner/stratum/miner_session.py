"""One miner at a pool, without its wire: messages in, messages out.

A job is sent once the miner has subscribed and a user is let in, and never a line before the answer to mining.subscribe:
bfgminer takes the first line it reads for that answer. A request without an id gets no answer.
"""

from __future__ import annotations

import logging
from fractions import Fraction
from typing import Final

from miner.errors import LineTooLongError, MessageError, TargetError, TlsHelloError
from miner.stratum import messages as m
from miner.stratum.answers import MINIMUM_DIFFICULTY, SUBSCRIBE_EXTRANONCE, VERSION_ROLLING, Agreement, Subscription
from miner.stratum.building import short_number
from miner.stratum.patience import Patience
from miner.stratum.pool_core import PoolCore, Seat
from miner.stratum.tally import REJECTS, Outcome
from miner.target import MAX_TARGET
from miner.work import Assignment, target_from_difficulty

MOST_ERRORS: Final = 20  # lines without sense, not made up for by others, before the connection is given up
MOST_USERS: Final = 64
_LOG = logging.getLogger(__name__)

Answer = list[m.Message]


class MinerSession:
    """What a pool knows of one connection, and how it answers."""

    def __init__(self, core: PoolCore) -> None:
        self._core = core
        self._seat: Seat | None = None
        self._users: set[str] = set()
        self._mask: int | None = None
        self._pace = Pace(core)
        self._told_difficulty: float | None = None
        self._patience = Patience(MOST_ERRORS)
        self.hopeless = False
        """Whether nothing sensible is to be expected any more, and the connection should be closed."""

    @property
    def is_mining(self) -> bool:
        """Whether the miner has subscribed and a user was let in, so that it gets jobs."""
        return self._seat is not None and bool(self._users)

    @property
    def has_subscribed(self) -> bool:
        """Whether it has said something sensible, at least."""
        return self._seat is not None

    def receive(self, item: m.Message | MessageError) -> Answer:
        """Return what to send back for a message, or for a line that is none."""
        if isinstance(item, MessageError):
            return self._refuse_line(item)
        self._patience.good()
        answer = self._answer(item)
        return [reply for reply in answer if not (isinstance(reply, m.Result | m.Failure) and reply.id is None)]

    def next_job(self) -> Answer:
        """Return what tells a miner that gets jobs of the current one."""
        if not self.is_mining or self._seat is None:
            return []
        book, served = self._core.book, self._core.current
        terms = {job_id: given for job_id, given in self._seat.terms.items() if job_id in book}
        # A fresh miner has nothing to keep; one that came back keeps what is still valid.
        clean = served.clean if self._told_difficulty is not None else not terms
        difficulty = short_number(self._pace.adjusted())  # as the miner reads it, so that both mean the same target
        earlier = terms.get(served.job.job_id)
        target = target_from_difficulty(difficulty)
        terms[served.job.job_id] = Assignment(
            job=served.job,
            extranonce1=self._seat.extranonce1,
            extranonce2_bytes=self._core.source.extranonce2_bytes,
            target=target if earlier is None else max(target, earlier.target),
            version_mask=self._mask or 0,
        )
        self._seat.terms = terms
        told = [] if difficulty == self._told_difficulty else [m.SetDifficulty(difficulty)]
        self._told_difficulty = difficulty
        return [*told, m.Notify(served.job, clean)]

    def allow_versions(self, mask: int) -> Answer:
        """Return what tells the miner that it may roll the bits of `mask` from now on, if it rolls versions at all."""
        if self._mask is None:
            return []
        self._mask = mask
        return [m.SetVersionMask(mask)]

    def close(self) -> None:
        """Keep the seat for a miner that comes back, if it was ever given a job."""
        if self._seat is not None and self._seat.terms:
            self._core.leave_seat(self._seat)

    def _answer(self, message: m.Message) -> Answer:
        match message:
            case m.Submit():
                return [self._submit(message)]
            case m.Configure():
                return [m.Result(message.id, self._configure(message).to_json(message.extensions))]
            case m.Subscribe():
                return self._subscribe(message)
            case m.Authorize():
                return self._authorize(message)
            case m.SuggestDifficulty(identity, difficulty):
                return [self._suggest(identity, difficulty)]
            case m.SuggestTarget(identity, target):
                return [self._suggest(identity, Fraction(MAX_TARGET, target) if target else 0)]
            case m.ExtranonceSubscribe(identity):
                return [m.Result(identity, True)]
            case m.GetTransactions(identity, job_id):
                return [self._transactions(identity, job_id)]
            case m.Ping(identity):
                return [m.Result(identity, "pong")]
            case m.Result() | m.Failure():
                return []
            case m.Unknown(identity, method):
                return [m.Failure(identity, m.Reject.OTHER, f"unknown method {method:.60}")]
            case _:
                return [m.Failure(getattr(message, "id", None), m.Reject.OTHER, "that is for a pool to say")]

    def _refuse_line(self, error: MessageError) -> Answer:
        self._core.tally.add(Outcome.MALFORMED)
        too_much = self._patience.bad()
        self.hopeless = too_much or isinstance(error, TlsHelloError | LineTooLongError)
        _LOG.debug("a line that is no message: %s", error)
        return [] if error.request_id is None else [m.Failure(error.request_id, m.Reject.OTHER, str(error))]

    def _subscribe(self, message: m.Subscribe) -> Answer:
        if self._seat is not None:
            return [m.Failure(message.id, m.Reject.OTHER, "subscribed already")]
        self._seat = self._core.take_seat(message.session_id)
        answer = Subscription(self._seat.extranonce1, self._core.source.extranonce2_bytes, self._seat.session_id)
        return [m.Result(message.id, answer.to_json()), *self.next_job()]

    def _authorize(self, message: m.Authorize) -> Answer:
        known = message.user in self._users
        allowed = message.user and (known or len(self._users) < MOST_USERS)
        if not (allowed and self._core.authorizer(message.user, message.password)):
            self._core.connections.logins_refused += 1
            return [m.Failure(message.id, m.Reject.UNAUTHORIZED, "Unauthorized worker")]
        first = not self._users
        self._users.add(message.user)
        return [m.Result(message.id, True), *(self.next_job() if first else [])]

    def _configure(self, message: m.Configure) -> Agreement:
        wanted = set(message.extensions)
        if VERSION_ROLLING in wanted:
            offered = 0xFFFFFFFF if message.version_mask is None else message.version_mask
            self._mask = self._core.settings.version_mask & offered
        granted = MINIMUM_DIFFICULTY in wanted and self._pace.hold_above(message.minimum_difficulty)
        return Agreement(
            version_mask=self._mask if VERSION_ROLLING in wanted else None,
            minimum_difficulty=granted,
            subscribe_extranonce=SUBSCRIBE_EXTRANONCE in wanted,
        )

    def _suggest(self, identity: m.Id, difficulty: float | Fraction) -> m.Result | m.Failure:
        try:
            self._pace.wish(difficulty)
        except TargetError as error:
            return m.Failure(identity, m.Reject.OTHER, str(error))
        return m.Result(identity, True)

    def _transactions(self, identity: m.Id, job_id: str) -> m.Result | m.Failure:
        served = self._core.book.get(job_id)
        if served is None:
            return m.Failure(identity, *REJECTS[Outcome.STALE])
        if served.transactions is None:
            return m.Failure(identity, m.Reject.OTHER, "the transactions of this job are not known")
        return m.Result(identity, list(served.transactions))

    def _submit(self, share: m.Submit) -> m.Result | m.Failure:
        core = self._core
        if self._seat is None:
            return self._reject(share, Outcome.NOT_SUBSCRIBED)
        if share.user not in self._users:
            return self._reject(share, Outcome.UNAUTHORIZED)
        terms = self._seat.terms.get(share.job_id)
        verdict = core.book.judge(share, terms, self._mask or 0)
        if terms is None or verdict.outcome is not Outcome.ACCEPTED:
            return self._reject(share, verdict.outcome, verdict.reason)
        self._pace.shares += 1
        core.tally.accept(terms.target, verdict.difficulty, core.clock(), is_block=verdict.is_block)
        core.wants_new_block = core.wants_new_block or verdict.is_block or core.book.is_full
        return m.Result(share.id, True)

    def _reject(self, share: m.Submit, outcome: Outcome, reason: str = "") -> m.Failure:
        self._core.tally.add(outcome)
        code, words = REJECTS[outcome]
        return m.Failure(share.id, code, f"{words} ({reason})" if reason else words)


class Pace:
    """The share difficulty of one miner: as set, as wished for, or moved so that shares come at the rate aimed at."""

    SHORTEST_S: Final = 10.0
    MOST_STEP: Final = 4

    def __init__(self, core: PoolCore) -> None:
        self._settings, self._clock = core.settings, core.clock
        self._difficulty = Fraction(core.settings.difficulty)
        self._lowest = Fraction(core.settings.lowest)
        self._since_s = core.clock()
        self.shares = 0

    def wish(self, difficulty: float | Fraction) -> None:
        """Take up a miner's wish as far as the pool's limits go; raise TargetError if it is no difficulty."""
        target_from_difficulty(difficulty)
        self._difficulty = self._limited(Fraction(difficulty))

    def hold_above(self, difficulty: float | None) -> bool:
        """Promise never to go below `difficulty`, if the pool's limits allow that; 0 takes the promise back."""
        lowest = Fraction(difficulty or 0)
        if difficulty is None or lowest > self._settings.highest:
            return False
        self._lowest = max(lowest, Fraction(self._settings.lowest))
        self._difficulty = self._limited(self._difficulty)
        return True

    def adjusted(self) -> Fraction:
        """Return the difficulty for the next job, by a factor of at most 4 from the last."""
        aim, spent_s = self._settings.shares_per_minute, self._clock() - self._since_s
        if aim is None or spent_s < self.SHORTEST_S:
            return self._difficulty
        factor = self.shares * 60 / spent_s / aim
        self._since_s, self.shares = self._clock(), 0
        if not 0.7 <= factor <= 1.5:  # closer than chance allows to tell
            step = min(max(factor, 1 / self.MOST_STEP), self.MOST_STEP)
            self._difficulty = self._limited(Fraction(float(self._difficulty) * step))
        return self._difficulty

    def _limited(self, difficulty: Fraction) -> Fraction:
        return min(max(difficulty, self._lowest), Fraction(self._settings.highest))
