"""A miner's side of Stratum without its wire: messages and shares in, things to do out.

When what takes effect: a difficulty and extranonces from the next job on, a version mask at once (BIP 310), a job until one
with `clean` comes. After a lost connection the session is asked for by name; the same extranonce1 means that it goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from miner.errors import JobError, LineTooLongError, MessageError, TargetError, TlsHelloError
from miner.stratum import messages as m
from miner.stratum.answers import MINIMUM_DIFFICULTY, SUBSCRIBE_EXTRANONCE, VERSION_ROLLING, Agreement, Subscription
from miner.stratum.events import Event, GiveUp, Judged, Leave, Mine, Say
from miner.stratum.hashing import Share
from miner.stratum.json_line import told
from miner.stratum.share_book import MOST_OPEN, ShareBook
from miner.target import MAX_TARGET
from miner.work import VERSION_ROLLING_MASK, Assignment, target_from_difficulty

MOST_JOBS: Final = 64
MOST_ODD: Final = 50  # lines without sense before a connection is given up
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who mines, and what it asks for; `version_mask` 0 asks for no version rolling."""

    user: str
    password: str = "x"
    agent: str = "hashwatt"
    version_mask: int = VERSION_ROLLING_MASK
    minimum_difficulty: float | None = None


class ClientSession:
    """What a miner knows of its pool; it outlives connections."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self.book = ShareBook()
        self.odd = 0
        self._next_id = 0
        self._subscription: Subscription | None = None
        self._jobs: dict[str, Assignment] = {}
        self._start()

    def _start(self) -> None:
        """Forget what holds for one connection only."""
        self._asked: dict[int, m.Message] = {}
        self._agreed_mask: int | None = None
        self._target = MAX_TARGET
        self._extranonces: tuple[bytes, int] | None = None
        self._authorized = False
        self._notified = False
        self._odd_now = 0

    @property
    def ready(self) -> bool:
        """Whether the pool has let the user in."""
        return self._authorized and self._extranonces is not None

    def connected(self) -> list[Event]:
        """Begin a connection; return what to say first."""
        self._start()
        wanted = [SUBSCRIBE_EXTRANONCE]
        if self.login.version_mask:
            wanted.append(VERSION_ROLLING)
        if self.login.minimum_difficulty is not None:
            wanted.append(MINIMUM_DIFFICULTY)
        configure = m.Configure(
            self._new_id(),
            tuple(wanted),
            version_mask=self.login.version_mask or None,
            min_bit_count=0 if self.login.version_mask else None,
            minimum_difficulty=self.login.minimum_difficulty,
        )
        return [self._ask(configure), self._ask(self._subscribe())]

    def disconnected(self) -> None:
        """End a connection; shares without an answer wait for the next."""
        self._authorized = False
        self.book.connection_lost()

    def receive(self, item: m.Message | MessageError) -> list[Event]:
        """Return what a message from the pool asks for.

        What makes no sense is logged, and too much of it ends the connection.
        """
        try:
            if isinstance(item, MessageError):
                raise item
            return list(self._events(item))
        except (MessageError, TargetError, JobError) as error:
            self.odd += 1
            self._odd_now += 1
            _LOG.warning("the pool sent what makes no sense: %s", error)
            if isinstance(error, LineTooLongError | TlsHelloError) or self._odd_now >= MOST_ODD:
                return [Leave(f"what the pool sends makes no sense: {error}")]
            return []

    def found(self, share: Share) -> list[Event]:
        """Return how to hand in a share; nothing if its job is void or it was found before."""
        if not self._stands(share):
            self.book.refuse_stale()
            return []
        self.book.take(share)
        return list(self._submit_waiting())

    def _events(self, message: m.Message) -> Iterator[Event]:
        match message:
            case m.Result() | m.Failure():
                yield from self._answer(message)
            case m.Notify():
                yield from self._notify(message)
            case m.SetDifficulty(difficulty):
                self._target = target_from_difficulty(difficulty)
            case m.SetExtranonce(extranonce1, size):
                self._extranonces = (extranonce1, size)
            case m.SetVersionMask(mask):
                yield from self._set_mask(mask)
            case m.Reconnect(host, port, wait_s):
                yield Leave("the pool asked for it", host, port, wait_s)
            case m.ShowMessage(text, identity):
                _LOG.info("the pool says: %s", told(text))
                yield from self._reply(m.Result(identity, True))
            case m.GetVersion(identity):
                yield from self._reply(m.Result(identity, self.login.agent))
            case m.Ping(identity):
                yield from self._reply(m.Result(identity, "pong"))
            case _:
                identity = message.id
                yield from self._reply(m.Failure(identity, m.Reject.OTHER, "unknown method"))

    def _answer(self, answer: m.Result | m.Failure) -> Iterator[Event]:
        question = self._asked.pop(answer.id, None) if isinstance(answer.id, int) else None
        failed = isinstance(answer, m.Failure)
        value = None if isinstance(answer, m.Failure) else answer.value
        why = answer.text if isinstance(answer, m.Failure) else f"it said {told(value)}"
        match question:
            case m.Submit(identity):
                yield from self._judged(answer, identity)
            case m.Subscribe() if failed and question.session_id is not None:
                self._lose_session()
                yield self._ask(self._subscribe())
            case m.Subscribe() if failed:
                yield Leave(f"the pool refused the subscription: {told(why)}")
            case m.Subscribe():
                yield from self._subscribed(Subscription.from_json(value))
            case m.Authorize(_, user) if failed or not (value is True or value is None):  # p2pool lets in with null
                yield GiveUp(f"the pool does not let user {told(user)} mine: {told(why)}")
            case m.Authorize():
                self._authorized = True
                yield from self._submit_waiting()
            case m.Configure() if not failed:
                agreed = Agreement.from_json(value).version_mask
                self._agreed_mask = None if agreed is None else agreed & self.login.version_mask
            case None:
                raise MessageError(f"an answer to nothing that was asked: id {told(answer.id)}")

    def _subscribed(self, subscription: Subscription) -> Iterator[Event]:
        before = self._subscription
        if before is not None and before.extranonce1 != subscription.extranonce1:
            self._lose_session()
        self._subscription = subscription
        self._extranonces = (subscription.extranonce1, subscription.extranonce2_bytes)
        yield self._ask(m.Authorize(self._new_id(), self.login.user, self.login.password))
        yield self._ask(m.ExtranonceSubscribe(self._new_id()))

    def _notify(self, message: m.Notify) -> Iterator[Event]:
        if self._extranonces is None:
            raise MessageError("a job before the answer to mining.subscribe, so its coinbase is not known")
        extranonce1, size = self._extranonces
        assignment = Assignment(
            job=message.job,
            extranonce1=extranonce1,
            extranonce2_bytes=size,
            target=self._target,
            version_mask=self._agreed_mask or 0,
        )
        if message.clean:
            self._jobs.clear()
        self._jobs.pop(message.job.job_id, None)
        self._jobs[message.job.job_id] = assignment
        while len(self._jobs) > MOST_JOBS:
            del self._jobs[next(iter(self._jobs))]
        self.book.keep_jobs(set(self._jobs))
        self._notified = True
        yield Mine(assignment, message.clean)
        yield from self._submit_waiting()

    def _set_mask(self, mask: int) -> Iterator[Event]:
        if self._agreed_mask is None:
            raise MessageError("a version mask, though version rolling was not agreed upon")
        taken_back = self._agreed_mask & ~mask
        self._agreed_mask = mask & self.login.version_mask
        if taken_back and self._jobs:  # what is being searched may have become void
            job_id, assignment = next(reversed(self._jobs.items()))
            self._jobs[job_id] = replace(assignment, version_mask=self._agreed_mask)
            yield Mine(self._jobs[job_id], abandon=False)

    def _judged(self, answer: m.Result | m.Failure, identity: m.Id) -> Iterator[Event]:
        reject: int | None = m.Reject.OTHER
        if isinstance(answer, m.Failure):
            reject, text = answer.code, answer.text
        elif answer.value is True:
            reject, text = None, ""
        else:
            text = f"it said {told(answer.value)}"
        judged = self.book.judged(identity, reject) if isinstance(identity, int) else None
        if judged is not None:
            yield Judged(*judged, text)

    def _submit_waiting(self) -> Iterator[Event]:
        """Hand in what waits, once the user is let in and the connection's first job says which of it is still valid."""
        while self.ready and self._notified and (share := self.book.next_waiting()) is not None:
            mask, roll = self._agreed_mask, share.roll
            rolled = roll.version ^ share.assignment.job.version
            if not self._stands(share) or rolled & ~(mask or 0):  # BIP 310: the pool takes other bits from its own job
                self.book.drop_stale()
                continue
            identity = self._new_id()
            self.book.sent(identity)
            job_id, bits = share.assignment.job.job_id, None if mask is None else roll.version & mask
            yield self._ask(m.Submit(identity, self.login.user, job_id, roll.extranonce2, roll.time_s, share.nonce, bits))

    def _stands(self, share: Share) -> bool:
        """Tell whether the job of a share may still be handed in."""
        live, given = self._jobs.get(share.assignment.job.job_id), share.assignment
        return live is not None and (live.job, live.extranonce1, live.extranonce2_bytes) == (
            given.job,
            given.extranonce1,
            given.extranonce2_bytes,
        )

    def _lose_session(self) -> None:
        self.book.session_lost()
        self._jobs.clear()
        self._subscription = None

    def _subscribe(self) -> m.Subscribe:
        name = self._subscription.session_id if self._subscription else None
        return m.Subscribe(self._new_id(), self.login.agent, name)

    def _reply(self, reply: m.Result | m.Failure) -> Iterator[Event]:
        if reply.id is not None:
            yield Say(reply)

    def _ask(self, question: m.Configure | m.Subscribe | m.Authorize | m.ExtranonceSubscribe | m.Submit) -> Say:
        if isinstance(question.id, int):
            self._asked[question.id] = question
            while len(self._asked) > MOST_OPEN:
                del self._asked[next(iter(self._asked))]
        return Say(question)

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id
