"""A miner's session without its wire: when what takes effect, and where each share ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from miner.errors import LineTooLongError, MessageError, TlsHelloError
from miner.header import Nonce
from miner.stratum import messages as m
from miner.stratum.client_session import MOST_JOBS, MOST_ODD, ClientSession, Login
from miner.stratum.events import Event, GiveUp, Judged, Leave, Mine, Say
from miner.stratum.hashing import Share
from miner.stratum.share_book import MOST_OPEN
from miner.target import MAX_TARGET, NBits
from miner.work import Assignment, Job, Roll, target_from_difficulty

JOB = Job(
    job_id="j1",
    previous=bytes(32),
    coinbase1=b"a",
    coinbase2=b"b",
    branch=(),
    version=0x20000000,
    nbits=NBits(0x1D00FFFF),
    time_s=1000,
)
AGREED = {"version-rolling": True, "version-rolling.mask": "1fffe000"}
SUBSCRIBED = [[["mining.notify", "s1"]], "0a0b", 4]


def said(events: list[Event], kind: type[m.Message]) -> Any:
    (only,) = (event.message for event in events if isinstance(event, Say) and isinstance(event.message, kind))
    return only


def mined(events: list[Event]) -> Mine:
    (only,) = (event for event in events if isinstance(event, Mine))
    return only


def submits(events: list[Event]) -> list[m.Submit]:
    return [event.message for event in events if isinstance(event, Say) and isinstance(event.message, m.Submit)]


def log_in(session: ClientSession, *, agreed: object = AGREED, subscribed: object = SUBSCRIBED) -> list[Event]:
    """Play the pool's part up to the user being let in; return what the session wants done on the way."""
    opening = session.connected()
    events = opening + session.receive(m.Result(said(opening, m.Configure).id, agreed))
    answer = session.receive(m.Result(said(opening, m.Subscribe).id, subscribed))
    return events + answer + session.receive(m.Result(said(answer, m.Authorize).id, True))


def ready(**login: Any) -> ClientSession:
    session = ClientSession(Login(user="w.1", **login))
    log_in(session)
    return session


def notify(session: ClientSession, *, clean: bool = True, **changes: Any) -> Assignment:
    return mined(session.receive(m.Notify(replace(JOB, **changes), clean))).assignment


def share(assignment: Assignment, nonce: int = 7, version: int | None = None) -> Share:
    roll = Roll(bytes(4), assignment.job.version if version is None else version, assignment.job.time_s)
    return Share(assignment=assignment, roll=roll, nonce=Nonce(nonce), difficulty=2.0)


# Logging in


def test_the_opening_is_configure_subscribe_authorize() -> None:
    session = ClientSession(Login(user="w.1", password="p", agent="me/1", minimum_difficulty=8))
    events = log_in(session)
    told = [event.message for event in events if isinstance(event, Say)]
    assert [type(message) for message in told] == [m.Configure, m.Subscribe, m.Authorize, m.ExtranonceSubscribe]
    assert len({message.id for message in told}) == 4
    assert said(events, m.Configure).version_mask == 0x1FFFE000
    assert said(events, m.Configure).minimum_difficulty == 8
    assert said(events, m.Subscribe) == m.Subscribe(2, "me/1", None)
    assert said(events, m.Authorize) == m.Authorize(3, "w.1", "p")
    assert session.ready


def test_without_version_rolling_none_is_asked_for_nor_submitted() -> None:
    session = ClientSession(Login(user="w", version_mask=0))
    events = log_in(session, agreed={"subscribe-extranonce": True})
    assert "version-rolling" not in said(events, m.Configure).extensions
    assignment = notify(session)
    assert assignment.version_mask == 0
    (submit,) = submits(session.found(share(assignment)))
    assert submit.version_bits is None


@pytest.mark.parametrize("answer", [m.Failure(1, 20, "unknown method"), m.Result(1, {"version-rolling": False}), None])
def test_a_pool_without_extensions_is_mined_at_without(answer: m.Message | None) -> None:
    """Its answer to mining.configure may never come."""
    session = ClientSession(Login(user="w"))
    session.connected()
    if answer is not None:
        session.receive(answer)
    session.receive(m.Result(2, SUBSCRIBED))
    session.receive(m.Result(3, True))
    assert submits(session.found(share(notify(session))))[0].version_bits is None


@pytest.mark.parametrize("answer", [m.Failure(3, 24, "go away"), m.Result(3, False), m.Result(3, 0), m.Result(3, "yes")])
def test_a_user_who_is_not_let_in(answer: m.Message) -> None:
    session = ClientSession(Login(user="w"))
    session.connected()
    session.receive(m.Result(2, SUBSCRIBED))
    (event,) = session.receive(answer)
    assert isinstance(event, GiveUp)
    assert "does not let user 'w' mine" in event.reason


def test_a_subscription_that_is_refused() -> None:
    session = ClientSession(Login(user="w"))
    session.connected()
    (event,) = session.receive(m.Failure(2, 20, "full"))
    assert isinstance(event, Leave)
    assert "full" in event.reason


def test_a_session_that_is_refused_is_begun_anew() -> None:
    session = ready()
    session.found(share(notify(session)))
    session.disconnected()
    again = said(session.connected(), m.Subscribe)
    assert again.session_id == "s1"
    assert said(session.receive(m.Failure(again.id, 20, "who?")), m.Subscribe).session_id is None
    assert (session.book.lost, session.book.open) == (1, 0)


# Work


def test_a_job_is_what_the_pool_said_at_that_moment() -> None:
    """Difficulty and extranonces hold from the next job on, and 1 is the difficulty before any was told."""
    session = ready()
    first = notify(session)
    assert (first.target, first.extranonce1, first.extranonce2_bytes) == (MAX_TARGET, b"\x0a\x0b", 4)
    assert first.version_mask == 0x1FFFE000
    assert session.receive(m.SetDifficulty(0.5)) == session.receive(m.SetExtranonce(b"\xcc", 2)) == []
    second = notify(session, clean=False, job_id="j2")
    assert (second.target, second.extranonce1, second.extranonce2_bytes) == (target_from_difficulty(0.5), b"\xcc", 2)
    assert submits(session.found(share(first)))[0].job_id == "j1"


def test_only_a_clean_job_abandons_what_was_begun() -> None:
    session = ready()
    assert [mined(session.receive(m.Notify(JOB, clean))).abandon for clean in (True, False, True)] == [True, False, True]


def test_difficulty_and_extranonces_are_forgotten_with_the_connection() -> None:
    session = ready()
    session.receive(m.SetDifficulty(64))
    session.receive(m.SetExtranonce(b"\xcc", 2))
    session.disconnected()
    log_in(session)
    assignment = notify(session)
    assert (assignment.target, assignment.extranonce1) == (MAX_TARGET, b"\x0a\x0b")


def test_a_job_before_the_subscription_is_not_mined() -> None:
    session = ClientSession(Login(user="w"))
    session.connected()
    assert session.receive(m.Notify(JOB, True)) == []
    assert session.odd == 1


@pytest.mark.parametrize("difficulty", [0, -1, -0.5, 1e-300, 1e300])
def test_a_difficulty_that_is_none_changes_nothing(difficulty: float) -> None:
    session = ready()
    session.receive(m.SetDifficulty(3))
    assert session.receive(m.SetDifficulty(difficulty)) == []
    assert session.odd == 1
    assert notify(session).target == target_from_difficulty(3)


def test_a_version_mask_holds_at_once() -> None:
    """Taken back, it makes what was rolled outside it void, and the search goes on within it."""
    session = ready()
    assignment = notify(session)
    rolled, kept = share(assignment, version=0x20004000), share(assignment, version=0x20002000)
    again = mined(session.receive(m.SetVersionMask(0x2000)))
    assert (again.assignment, again.abandon) == (replace(assignment, version_mask=0x2000), False)
    assert submits(session.found(rolled)) == []
    assert submits(session.found(kept))[0].version_bits == 0x2000
    assert session.book.stale == 1


def test_a_wider_version_mask_holds_from_the_next_job_on() -> None:
    session = ClientSession(Login(user="w"))
    log_in(session, agreed={"version-rolling": True, "version-rolling.mask": "00002000"})
    notify(session)
    assert session.receive(m.SetVersionMask(0xFFFFFFFF)) == []
    assert notify(session, job_id="j2").version_mask == 0x1FFFE000  # never more than was asked for


def test_a_version_mask_that_was_not_agreed_upon_is_odd() -> None:
    session = ClientSession(Login(user="w", version_mask=0))
    log_in(session, agreed={})
    session.receive(m.SetVersionMask(0x2000))
    assert (session.odd, notify(session).version_mask) == (1, 0)


# Shares


def test_a_share_is_submitted_with_its_version_bits_and_judged() -> None:
    session = ready()
    assignment = notify(session)
    (submit,) = submits(session.found(share(assignment, version=0x20000000 | 0x6000)))
    assert submit == m.Submit(submit.id, "w.1", "j1", bytes(4), 1000, 7, 0x6000)
    (event,) = session.receive(m.Result(submit.id, True))
    assert event == Judged(share(assignment, version=0x20006000), None)
    assert (session.book.accepted, session.book.open) == (1, 0)
    assert session.book.accepted_hashes == pytest.approx(2**32, rel=1e-4)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (m.Failure(0, 21, "Job not found"), 21),
        (m.Failure(0, 22, "Duplicate"), 22),
        (m.Failure(0, -3, "?"), -3),
        (m.Result(0, False), 20),
        (m.Result(0, None), 20),
        (m.Result(0, {"status": "OK"}), 20),
    ],
)
def test_a_share_is_rejected(answer: m.Result | m.Failure, code: int) -> None:
    session = ready()
    (submit,) = submits(session.found(share(notify(session))))
    (event,) = session.receive(replace(answer, id=submit.id))
    assert isinstance(event, Judged)
    assert event.reject == code
    assert (session.book.rejected, session.book.accepted) == ({code: 1}, 0)


def test_answers_find_their_shares_in_any_order_and_only_once() -> None:
    session = ready()
    assignment = notify(session)
    sent = [submits(session.found(share(assignment, nonce)))[0] for nonce in range(5)]
    for submit in reversed(sent):
        (event,) = session.receive(m.Result(submit.id, submit.nonce % 2 == 0))
        assert isinstance(event, Judged)
        assert event.share.nonce == submit.nonce
        assert session.receive(m.Result(submit.id, True)) == []
    assert (session.book.accepted, session.book.rejected[20], session.odd) == (3, 2, 5)


def test_a_share_of_a_void_job_is_not_sent_and_one_of_a_standing_job_is() -> None:
    session = ready()
    first = notify(session)
    second = notify(session, clean=False, job_id="j2")
    assert submits(session.found(share(first)))
    assert submits(session.found(share(second)))
    notify(session, job_id="j3")
    assert submits(session.found(share(second, 8))) == []
    assert (session.book.stale, session.book.found) == (1, 3)


def test_a_job_of_the_same_name_with_other_contents_is_another_job() -> None:
    session = ready()
    first = notify(session)
    notify(session, clean=False, time_s=2000)
    assert submits(session.found(share(first))) == []


def test_the_same_share_is_sent_once() -> None:
    session = ready()
    assignment = notify(session)
    assert submits(session.found(share(assignment)))
    assert submits(session.found(share(assignment))) == []
    assert session.book.repeated == 1


def test_shares_found_before_the_user_is_let_in_wait() -> None:
    session = ClientSession(Login(user="w"))
    opening = session.connected()
    answer = session.receive(m.Result(said(opening, m.Subscribe).id, SUBSCRIBED))
    assignment = notify(session)
    assert submits(session.found(share(assignment))) == []
    assert submits(session.receive(m.Result(said(answer, m.Authorize).id, True)))


# Lost connections


def test_a_session_that_goes_on_loses_no_share_and_counts_none_twice() -> None:
    """One was answered, one sent but not answered, one never sent; the pool had seen the second."""
    session = ready()
    assignment = notify(session)
    answered, unanswered = (submits(session.found(share(assignment, nonce)))[0] for nonce in (1, 2))
    session.receive(m.Result(answered.id, True))
    session.disconnected()
    assert submits(session.found(share(assignment, 3))) == []
    assert submits(log_in(session)) == []
    again = submits(session.receive(m.Notify(JOB, True)))
    assert [submit.nonce for submit in again] == [2, 3]
    assert not {submit.id for submit in again} & {answered.id, unanswered.id}
    session.receive(m.Failure(again[0].id, 22, "Duplicate share"))
    session.receive(m.Result(again[1].id, True))
    assert (session.book.accepted, session.book.rejected.total(), session.book.open) == (3, 0, 0)
    assert submits(session.found(share(assignment, 2))) == []


def test_a_duplicate_that_was_sent_once_is_rejected() -> None:
    session = ready()
    (submit,) = submits(session.found(share(notify(session))))
    session.receive(m.Failure(submit.id, 22, "Duplicate share"))
    assert (session.book.accepted, session.book.rejected[22]) == (0, 1)


def test_another_extranonce_is_another_session() -> None:
    session = ready()
    assignment = notify(session)
    session.found(share(assignment, 1))
    session.disconnected()
    session.found(share(assignment, 2))
    log_in(session, subscribed=[[["mining.notify", "s2"]], "0a0c", 4])
    assert submits(session.receive(m.Notify(JOB, True))) == []
    assert (session.book.lost, session.book.open, session.book.stale) == (2, 0, 0)
    assert submits(session.found(share(assignment, 3))) == []


def test_a_pool_that_began_anew_with_the_same_names_gets_no_old_share() -> None:
    session = ready()
    session.found(share(notify(session)))
    session.disconnected()
    log_in(session)
    assert submits(session.receive(m.Notify(replace(JOB, coinbase1=b"other"), True))) == []
    assert session.book.stale == 1


# What pools say besides


def test_questions_of_a_pool_are_answered() -> None:
    session = ready(agent="me/1")
    assert session.receive(m.GetVersion(5)) == [Say(m.Result(5, "me/1"))]
    assert session.receive(m.Ping(6)) == [Say(m.Result(6, "pong"))]
    assert session.receive(m.ShowMessage("hello", 7)) == [Say(m.Result(7, True))]
    assert session.receive(m.ShowMessage("hello")) == []
    assert session.receive(m.Unknown(8, "mining.dance")) == [Say(m.Failure(8, 20, "unknown method"))]
    assert session.receive(m.Subscribe(9)) == [Say(m.Failure(9, 20, "unknown method"))]
    assert session.receive(m.Unknown(None, "mining.set_goal")) == []
    assert session.receive(m.Reconnect("pool", 3334, 5)) == [Leave("the pool asked for it", "pool", 3334, 5)]


@pytest.mark.parametrize("identity", [None, "1", 77, -1])
def test_answers_to_nothing_are_odd(identity: m.Id) -> None:
    session = ready()
    assert session.receive(m.Result(identity, True)) == []
    assert session.odd == 1


@pytest.mark.parametrize("value", [None, True, [], [[], "0a", "4"], [[], "zz", 4], [[], "00", 1000], {}])
def test_a_subscription_that_is_none_is_odd(value: Any) -> None:
    session = ClientSession(Login(user="w"))
    session.connected()
    assert session.receive(m.Result(2, value)) == []
    assert (session.odd, session.ready) == (1, False)


def test_too_much_nonsense_ends_the_connection() -> None:
    session = ready()
    for _ in range(MOST_ODD - 1):
        assert session.receive(MessageError("no JSON")) == []
    (event,) = session.receive(MessageError("no JSON"))
    assert isinstance(event, Leave)
    session.disconnected()
    session.connected()
    assert session.receive(MessageError("no JSON")) == []


@pytest.mark.parametrize("error", [LineTooLongError("long"), TlsHelloError("tls")])
def test_some_nonsense_ends_it_at_once(error: MessageError) -> None:
    (event,) = ready().receive(error)
    assert isinstance(event, Leave)


def test_what_a_silent_pool_is_sent_is_bounded() -> None:
    session = ready()
    assignment = notify(session)
    for nonce in range(3 * MOST_OPEN):
        session.found(share(assignment, nonce))
    assert (session.book.open, session.book.lost) == (MOST_OPEN, 2 * MOST_OPEN)
    assert len(session._asked) <= MOST_OPEN
    session.disconnected()
    for nonce in range(3 * MOST_OPEN, 6 * MOST_OPEN):
        session.found(share(assignment, nonce))
    assert session.book.open <= MOST_OPEN + 1
    for number in range(3 * MOST_JOBS):
        log_in(session)
        session.receive(m.Notify(replace(JOB, job_id=str(number)), False))
    assert len(session._jobs) == MOST_JOBS


class Life(RuleBasedStateMachine):
    """Anything may happen at any time: each share found ends in one place, and none is sent twice in one connection."""

    def __init__(self) -> None:
        super().__init__()
        self.session = ready()
        self.assignments = [notify(self.session)]
        self.unjudged: list[m.Submit] = []
        self.sent_now: set[tuple[object, ...]] = set()
        self.connected = True
        self.extranonces = 0

    def look(self, events: list[Event]) -> None:
        for submit in submits(events):
            key = submit.job_id, submit.extranonce2, submit.time_s, submit.nonce, submit.version_bits
            assert self.connected
            assert key not in self.sent_now
            self.sent_now.add(key)
            self.unjudged.append(submit)
        self.assignments += [event.assignment for event in events if isinstance(event, Mine)]

    @rule(data=st.data(), nonce=st.integers(0, 5))
    def find(self, data: st.DataObject, nonce: int) -> None:
        self.look(self.session.found(share(data.draw(st.sampled_from(self.assignments)), nonce)))

    @precondition(lambda self: self.connected)
    @rule(clean=st.booleans(), job_id=st.sampled_from(["j1", "j2", "j3"]), time_s=st.integers(1000, 1001))
    def hear_of_a_job(self, clean: bool, job_id: str, time_s: int) -> None:
        if clean:
            self.sent_now.clear()  # a name may come back with a new job
        self.look(self.session.receive(m.Notify(replace(JOB, job_id=job_id, time_s=time_s), clean)))

    @precondition(lambda self: self.connected and self.unjudged)
    @rule(data=st.data(), code=st.sampled_from([None, 21, 22, 23]))
    def judge(self, data: st.DataObject, code: int | None) -> None:
        submit = self.unjudged.pop(data.draw(st.integers(0, len(self.unjudged) - 1)))
        self.look(self.session.receive(m.Result(submit.id, True) if code is None else m.Failure(submit.id, code, "no")))

    @precondition(lambda self: self.connected)
    @rule()
    def lose(self) -> None:
        self.session.disconnected()
        self.connected = False

    @precondition(lambda self: not self.connected)
    @rule(goes_on=st.booleans())
    def come_back(self, goes_on: bool) -> None:
        self.connected = True
        self.unjudged.clear()
        self.sent_now.clear()
        self.extranonces += not goes_on
        self.look(log_in(self.session, subscribed=[[["mining.notify", "s"]], f"{self.extranonces:04x}", 4]))

    @invariant()
    def each_share_is_in_one_place(self) -> None:
        book = self.session.book
        ended = book.accepted + book.rejected.total() + book.stale + book.repeated + book.lost
        assert book.found == ended + book.open


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
