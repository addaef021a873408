"""A miner's side of Stratum without its wire: messages and shares in, things to do out.

When what takes effect: a difficulty and extranonces from the next job on, a version mask at once (BIP 310), a job until one
with `clean` comes. After a lost connection the session is asked for by name; the same extranonce1 means that it goes on.

Of a version the bits are rolled that the pool's mask and our own have in common; a share tells all bits of the pool's mask, for
the pool takes them from it and the others from its job: (job's & ~mask) | (told & mask), BIP 310.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from miner.errors import JobError, LineTooLongError, MessageError, TargetError, TlsHelloError
from miner.stratum import messages as m
from miner.stratum.answers import MINIMUM_DIFFICULTY, SUBSCRIBE_EXTRANONCE, VERSION_ROLLING, Agreement, Subscription
from miner.stratum.client_jobs import ClientJobs
from miner.stratum.events import Event, GiveUp, Judged, Leave, Mine, Say
from miner.stratum.hashing import Share
from miner.stratum.json_line import Json, told
from miner.stratum.patience import Patience
from miner.stratum.share_book import MOST_OPEN, ShareBook
from miner.stratum.sparing import SparingLog
from miner.target import MAX_TARGET
from miner.work import VERSION_ROLLING_MASK, Assignment, target_from_difficulty

MOST_ODD: Final = 50  # lines without sense, not made up for by others, before a connection is given up
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
    """What a miner knows of its pool; it outlives connections. `clock` [s] spares the log a pool that says too much."""

    def __init__(self, login: Login, clock: Callable[[], float] = time.monotonic) -> None:
        self.login = login
        self.book = ShareBook()
        self.jobs = ClientJobs()
        self.odd = 0
        self.welcomed = False
        """Whether any connection so far let the user in."""
        self.sessions_lost = 0
        """How often the pool no longer knew the session."""
        self._words, self._nonsense = SparingLog(_LOG, clock), SparingLog(_LOG, clock)
        self._next_id = 0
        self._subscription: Subscription | None = None
        self._start()

    def _start(self) -> None:
        """Forget what holds for one connection only."""
        self._asked: dict[int, m.Message] = {}
        self._pools_mask: int | None = None
        self.let_in = False
        """Whether the last connection let the user in, also if it is lost since."""
        self._target = MAX_TARGET
        self._extranonces: tuple[bytes, int] | None = None
        self._authorized = False
        self._notified = False
        self._patience = Patience(MOST_ODD)

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
            events = list(self._events(item))
        except (MessageError, TargetError, JobError) as error:
            self.odd += 1
            self._nonsense.say(logging.WARNING, "the pool sent what makes no sense: %s", error)
            if self._patience.bad() or isinstance(error, LineTooLongError | TlsHelloError):
                return [Leave(f"what the pool sends makes no sense: {error}")]
            return []
        self._patience.good()
        return events

    def found(self, share: Share) -> list[Event]:
        """Return how to hand in a share; nothing if its job is void or it was found before."""
        if not self.jobs.stands(share):
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
                self._words.say(logging.INFO, "the pool says: %s", told(text))
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
        why = told(answer.text) if isinstance(answer, m.Failure) else f"it said {told(value)}"
        match question:
            case m.Submit(identity):
                refusal = answer.code if isinstance(answer, m.Failure) else m.Reject.OTHER
                yield from self._judged(identity, None if value is True else refusal, why)
            case m.Subscribe() if failed and question.session_id is not None:
                self._lose_session()
                yield self._ask(self._subscribe())
            case m.Subscribe() if failed:
                yield Leave(f"the pool refused the subscription: {why}")
            case m.Subscribe():
                yield from self._subscribed(value)
            case m.Authorize(_, user) if failed or not (value is True or value is None):  # p2pool lets in with null
                sentence = f"the pool does not let user {told(user)} mine: {why}"
                yield Leave(sentence) if self.welcomed else GiveUp(sentence)  # it did before, so it may again
            case m.Authorize():
                self._authorized = self.let_in = self.welcomed = True
                yield from self._submit_waiting()
            case m.Configure() if not failed:
                self._pools_mask = Agreement.from_json(value).version_mask if self.login.version_mask else None
            case None:
                raise MessageError(f"an answer to nothing that was asked: id {told(answer.id)}")

    def _subscribed(self, value: Json) -> Iterator[Event]:
        try:
            subscription = Subscription.from_json(value)
        except MessageError as error:  # nothing that may still come would be of use without it
            self.odd += 1
            yield Leave(f"the pool gives no extranonce to work with: {error}")
            return
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
            version_mask=self._own_mask,
        )
        if message.clean:
            self.jobs.clear()
        self.jobs.add(assignment)
        self.book.keep_jobs(self.jobs.names)
        self._notified = True
        yield Mine(assignment, message.clean)
        yield from self._submit_waiting()

    def _set_mask(self, mask: int) -> Iterator[Event]:
        if self._pools_mask is None:
            raise MessageError("a version mask, though version rolling was not agreed upon")
        before, self._pools_mask = self._own_mask, mask
        latest = self.jobs.latest
        if before & ~mask and latest is not None:  # what is being searched may have become void
            narrowed = replace(latest, version_mask=self._own_mask)
            self.jobs.add(narrowed)
            yield Mine(narrowed, abandon=False)

    @property
    def _own_mask(self) -> int:
        """The version bits that are rolled: those that the pool lets be rolled, of those that were asked for."""
        return (self._pools_mask or 0) & self.login.version_mask

    def _judged(self, identity: m.Id, reject: int | None, why: str) -> Iterator[Event]:
        judged = self.book.judged(identity, reject) if isinstance(identity, int) else None
        if judged is not None:
            yield Judged(*judged, "" if reject is None else why)

    def _submit_waiting(self) -> Iterator[Event]:
        """Hand in what waits, once the user is let in and the connection's first job says which of it is still valid."""
        while self.ready and self._notified and (share := self.book.next_waiting()) is not None:
            mask, roll = self._pools_mask, share.roll
            rolled = roll.version ^ share.assignment.job.version
            if not self.jobs.stands(share) or rolled & ~(mask or 0):  # the pool would make another header of it
                self.book.drop_stale()
                continue
            identity = self._new_id()
            self.book.sent(identity)
            job_id, bits = share.assignment.job.job_id, None if mask is None else roll.version & mask
            yield self._ask(m.Submit(identity, self.login.user, job_id, roll.extranonce2, roll.time_s, share.nonce, bits))

    def _lose_session(self) -> None:
        self.sessions_lost += 1
        self.book.session_lost()
        self.jobs.clear()
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
