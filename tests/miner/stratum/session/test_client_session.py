"""A miner's session without its wire: logging in, when what takes effect, and what pools say besides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from miner.errors import LineTooLongError, MessageError, TlsHelloError
from miner.stratum import messages as m
from miner.stratum.client_session import MOST_ODD, ClientSession, Login
from miner.stratum.events import GiveUp, Leave, Say
from miner.target import MAX_TARGET
from miner.work import target_from_difficulty

if TYPE_CHECKING:
    from tests.miner.stratum.session.conftest import PoolSide

# Logging in


def test_the_opening_is_configure_subscribe_authorize(pool: PoolSide) -> None:
    session = ClientSession(Login(user="w.1", password="p", agent="me/1", minimum_difficulty=8))
    events = pool.log_in(session)
    told = [event.message for event in events if isinstance(event, Say)]
    assert [type(message) for message in told] == [m.Configure, m.Subscribe, m.Authorize, m.ExtranonceSubscribe]
    assert len({message.id for message in told}) == 4
    assert pool.said(events, m.Configure).version_mask == 0x1FFFE000
    assert pool.said(events, m.Configure).minimum_difficulty == 8
    assert pool.said(events, m.Subscribe) == m.Subscribe(2, "me/1", None)
    assert pool.said(events, m.Authorize) == m.Authorize(3, "w.1", "p")
    assert session.ready


def test_without_version_rolling_none_is_asked_for_nor_submitted(pool: PoolSide) -> None:
    session = ClientSession(Login(user="w", version_mask=0))
    events = pool.log_in(session, agreed={"subscribe-extranonce": True})
    assert "version-rolling" not in pool.said(events, m.Configure).extensions
    assignment = pool.notify(session)
    assert assignment.version_mask == 0
    (submit,) = pool.submits(session.found(pool.share(assignment)))
    assert submit.version_bits is None


@pytest.mark.parametrize("answer", [m.Failure(1, 20, "unknown method"), m.Result(1, {"version-rolling": False}), None])
def test_a_pool_without_extensions_is_mined_at_without(pool: PoolSide, answer: m.Message | None) -> None:
    """Its answer to mining.configure may never come."""
    session = ClientSession(Login(user="w"))
    session.connected()
    if answer is not None:
        session.receive(answer)
    session.receive(m.Result(2, pool.SUBSCRIBED))
    session.receive(m.Result(3, True))
    assert pool.submits(session.found(pool.share(pool.notify(session))))[0].version_bits is None


@pytest.mark.parametrize("answer", [m.Failure(3, 24, "go away"), m.Result(3, False), m.Result(3, 0), m.Result(3, "yes")])
def test_a_user_who_is_not_let_in(pool: PoolSide, answer: m.Message) -> None:
    session = ClientSession(Login(user="w"))
    session.connected()
    session.receive(m.Result(2, pool.SUBSCRIBED))
    (event,) = session.receive(answer)
    assert isinstance(event, GiveUp)
    assert "does not let user 'w' mine" in event.reason


def test_a_subscription_that_is_refused() -> None:
    session = ClientSession(Login(user="w"))
    session.connected()
    (event,) = session.receive(m.Failure(2, 20, "full"))
    assert isinstance(event, Leave)
    assert "full" in event.reason


def test_a_session_that_is_refused_is_begun_anew(pool: PoolSide) -> None:
    session = pool.ready()
    session.found(pool.share(pool.notify(session)))
    session.disconnected()
    again = pool.said(session.connected(), m.Subscribe)
    assert again.session_id == "s1"
    assert pool.said(session.receive(m.Failure(again.id, 20, "who?")), m.Subscribe).session_id is None
    assert (session.book.lost, session.book.open) == (1, 0)


# Work


def test_a_job_is_what_the_pool_said_at_that_moment(pool: PoolSide) -> None:
    """Difficulty and extranonces hold from the next job on, and 1 is the difficulty before any was told."""
    session = pool.ready()
    first = pool.notify(session)
    assert (first.target, first.extranonce1, first.extranonce2_bytes) == (MAX_TARGET, b"\x0a\x0b", 4)
    assert first.version_mask == 0x1FFFE000
    assert session.receive(m.SetDifficulty(0.5)) == session.receive(m.SetExtranonce(b"\xcc", 2)) == []
    second = pool.notify(session, clean=False, job_id="j2")
    assert (second.target, second.extranonce1, second.extranonce2_bytes) == (target_from_difficulty(0.5), b"\xcc", 2)
    assert pool.submits(session.found(pool.share(first)))[0].job_id == "j1"


def test_only_a_clean_job_abandons_what_was_begun(pool: PoolSide) -> None:
    session = pool.ready()
    assert [pool.mined(session.receive(m.Notify(pool.JOB, clean))).abandon for clean in (True, False, True)] == [
        True,
        False,
        True,
    ]


def test_difficulty_and_extranonces_are_forgotten_with_the_connection(pool: PoolSide) -> None:
    session = pool.ready()
    session.receive(m.SetDifficulty(64))
    session.receive(m.SetExtranonce(b"\xcc", 2))
    session.disconnected()
    pool.log_in(session)
    assignment = pool.notify(session)
    assert (assignment.target, assignment.extranonce1) == (MAX_TARGET, b"\x0a\x0b")


def test_a_job_before_the_subscription_is_not_mined(pool: PoolSide) -> None:
    session = ClientSession(Login(user="w"))
    session.connected()
    assert session.receive(m.Notify(pool.JOB, True)) == []
    assert session.odd == 1


@pytest.mark.parametrize("difficulty", [0, -1, -0.5, 1e-300, 1e300])
def test_a_difficulty_that_is_none_changes_nothing(pool: PoolSide, difficulty: float) -> None:
    session = pool.ready()
    session.receive(m.SetDifficulty(3))
    assert session.receive(m.SetDifficulty(difficulty)) == []
    assert session.odd == 1
    assert pool.notify(session).target == target_from_difficulty(3)


def test_a_version_mask_holds_at_once(pool: PoolSide) -> None:
    """Taken back, it makes what was rolled outside it void, and the search goes on within it."""
    session = pool.ready()
    assignment = pool.notify(session)
    rolled, kept = pool.share(assignment, version=0x20004000), pool.share(assignment, version=0x20002000)
    again = pool.mined(session.receive(m.SetVersionMask(0x2000)))
    assert (again.assignment, again.abandon) == (replace(assignment, version_mask=0x2000), False)
    assert pool.submits(session.found(rolled)) == []
    assert pool.submits(session.found(kept))[0].version_bits == 0x2000
    assert session.book.stale == 1


def test_a_wider_version_mask_holds_from_the_next_job_on(pool: PoolSide) -> None:
    session = ClientSession(Login(user="w"))
    pool.log_in(session, agreed={"version-rolling": True, "version-rolling.mask": "00002000"})
    pool.notify(session)
    assert session.receive(m.SetVersionMask(0xFFFFFFFF)) == []
    assert pool.notify(session, job_id="j2").version_mask == 0x1FFFE000  # never more than was asked for


def test_a_version_mask_that_was_not_agreed_upon_is_odd(pool: PoolSide) -> None:
    session = ClientSession(Login(user="w", version_mask=0))
    pool.log_in(session, agreed={})
    session.receive(m.SetVersionMask(0x2000))
    assert (session.odd, pool.notify(session).version_mask) == (1, 0)


# What pools say besides


def test_questions_of_a_pool_are_answered(pool: PoolSide) -> None:
    session = pool.ready(agent="me/1")
    assert session.receive(m.GetVersion(5)) == [Say(m.Result(5, "me/1"))]
    assert session.receive(m.Ping(6)) == [Say(m.Result(6, "pong"))]
    assert session.receive(m.ShowMessage("hello", 7)) == [Say(m.Result(7, True))]
    assert session.receive(m.ShowMessage("hello")) == []
    assert session.receive(m.Unknown(8, "mining.dance")) == [Say(m.Failure(8, 20, "unknown method"))]
    assert session.receive(m.Subscribe(9)) == [Say(m.Failure(9, 20, "unknown method"))]
    assert session.receive(m.Unknown(None, "mining.set_goal")) == []
    assert session.receive(m.Reconnect("pool", 3334, 5)) == [Leave("the pool asked for it", "pool", 3334, 5)]


@pytest.mark.parametrize("identity", [None, "1", 77, -1])
def test_answers_to_nothing_are_odd(pool: PoolSide, identity: m.Id) -> None:
    session = pool.ready()
    assert session.receive(m.Result(identity, True)) == []
    assert session.odd == 1


@pytest.mark.parametrize("value", [None, True, [], [[], "0a", "4"], [[], "zz", 4], [[], "00", 1000], {}])
def test_a_pool_whose_subscription_is_none_is_left_at_once(value: Any) -> None:
    session = ClientSession(Login(user="w"))
    session.connected()
    (event,) = session.receive(m.Result(2, value))
    assert isinstance(event, Leave)
    assert (session.odd, session.ready) == (1, False)


def test_too_much_nonsense_ends_the_connection(pool: PoolSide) -> None:
    session = pool.ready()
    for _ in range(MOST_ODD - 1):
        assert session.receive(MessageError("no JSON")) == []
    (event,) = session.receive(MessageError("no JSON"))
    assert isinstance(event, Leave)
    session.disconnected()
    session.connected()
    assert session.receive(MessageError("no JSON")) == []


@pytest.mark.parametrize("error", [LineTooLongError("long"), TlsHelloError("tls")])
def test_some_nonsense_ends_it_at_once(pool: PoolSide, error: MessageError) -> None:
    (event,) = pool.ready().receive(error)
    assert isinstance(event, Leave)
