"""Answers in every form that pools were seen to give: yes is yes, and anything else is a no that counts."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from miner.errors import MessageError
from miner.stratum import messages as m
from miner.stratum.client_jobs import MOST_JOBS
from miner.stratum.client_session import MOST_ODD, ClientSession, Login
from miner.stratum.events import GiveUp, Judged, Leave
from miner.stratum.parsing import parse_message
from miner.stratum.share_book import MOST_CODES

if TYPE_CHECKING:
    from tests.miner.stratum.session.conftest import PoolSide

NO: list[tuple[str, int, str]] = [
    ('[null, "x"]', 20, "x"),
    ('["21", "Job not found"]', 21, "Job not found"),
    ("[21]", 21, ""),
    ('["x"]', 20, "x"),
    ('["x", "y"]', 20, "y"),
    ("[20, 5]", 20, "[20, 5]"),
    ('[1e3, "y"]', 1000, "y"),
    ('[21.5, "y"]', 20, "y"),
    ('[99999999999, "y"]', 20, "y"),
    ('{"message": "no"}', 20, "no"),
    ('{"code": 24, "message": "no"}', 24, "no"),
    ('{"code": 24}', 24, ""),
    ('{"msg": "x"}', 20, "{'msg': 'x'}"),
    ("true", 20, "True"),
    ("21", 21, ""),
    ('"21"', 21, "21"),
    ('"no"', 20, "no"),
    ('"' + "x" * 3000 + '"', 20, "x" * 1024),
    ('[21, "' + "x" * 3000 + '"]', 21, "x" * 1024),
]
YES = ["null", "false", "[]", '""', "{}", "0"]


@pytest.mark.parametrize(("error", "code", "text"), NO)
def test_an_error_in_any_form_is_a_refusal(pool: PoolSide, error: str, code: int, text: str) -> None:
    session = pool.ready()
    (submit,) = pool.submits(session.found(pool.share(pool.notify(session))))
    answer = parse_message(f'{{"id": {submit.id}, "result": null, "error": {error}}}'.encode())
    assert answer == m.Failure(submit.id, code, text)
    (event,) = session.receive(answer)
    assert isinstance(event, Judged)
    assert (event.reject, session.book.open, session.odd) == (code, 0, 0)


@pytest.mark.parametrize("error", YES)
def test_what_is_empty_or_false_is_no_error(pool: PoolSide, error: str) -> None:
    session = pool.ready()
    (submit,) = pool.submits(session.found(pool.share(pool.notify(session))))
    session.receive(parse_message(f'{{"id": {submit.id}, "result": true, "error": {error}}}'.encode()))
    assert (session.book.accepted, session.odd) == (1, 0)


@pytest.mark.parametrize("error", [error for error, _, _ in NO])
def test_a_subscription_or_a_user_refused_in_any_form_is_refused(pool: PoolSide, error: str) -> None:
    session = ClientSession(Login(user="w"))
    session.connected()
    (event,) = session.receive(parse_message(f'{{"id": 2, "result": null, "error": {error}}}'.encode()))
    assert isinstance(event, Leave)
    session.connected()
    session.receive(m.Result(4, pool.SUBSCRIBED))
    (event,) = session.receive(parse_message(f'{{"id": 5, "result": true, "error": {error}}}'.encode()))
    assert isinstance(event, GiveUp)


def test_words_of_the_pool_are_quoted_once(pool: PoolSide) -> None:
    session = ClientSession(Login(user="w"))
    session.connected()
    session.receive(m.Result(2, pool.SUBSCRIBED))
    (event,) = session.receive(m.Result(3, "true"))
    assert event == GiveUp("the pool does not let user 'w' mine: it said 'true'")


def test_a_user_who_was_let_in_before_may_be_so_again(pool: PoolSide) -> None:
    session = pool.ready()
    session.disconnected()
    opening = session.connected()
    answer = session.receive(m.Result(pool.said(opening, m.Subscribe).id, pool.SUBSCRIBED))
    (event,) = session.receive(m.Result(pool.said(answer, m.Authorize).id, False))
    assert event == Leave("the pool does not let user 'w.1' mine: it said False")
    assert not session.let_in


@pytest.mark.parametrize("answer", [None, [[], "00", 200], [[], "00", -1], [[], None, 4]])
def test_a_set_up_that_is_refused_for_good_is_left_at_once(answer: Any) -> None:
    session = ClientSession(Login(user="w"))
    session.connected()
    (event,) = session.receive(m.Result(2, answer))
    assert isinstance(event, Leave)
    assert event.reason.startswith("the pool gives no extranonce to work with")


# What a pool cannot fill


def test_what_the_pool_says_is_logged_sparingly(pool: PoolSide, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    session = pool.ready()
    for number in range(10_000):
        session.receive(m.ShowMessage(f"hello {number}"))
        if number % 200 == 0:
            session.receive(MessageError("no JSON"))
    assert len(caplog.records) == 20
    assert sum("left out" in record.getMessage() for record in caplog.records) == 2


def test_a_bad_line_now_and_then_ends_no_connection(pool: PoolSide) -> None:
    session = pool.ready()
    for _ in range(3 * MOST_ODD):
        assert session.receive(MessageError("no JSON")) == []
        for _ in range(100):
            session.receive(m.SetDifficulty(1))
    assert session.odd == 3 * MOST_ODD


def test_numbers_of_rejections_are_bounded(pool: PoolSide) -> None:
    session = pool.ready()
    assignment = pool.notify(session)
    for number in range(500):
        (submit,) = pool.submits(session.found(pool.share(assignment, number)))
        session.receive(m.Failure(submit.id, 1000 + number, "no"))
    assert len(session.book.rejected) == MOST_CODES + 1
    assert session.book.rejected.total() == 500
    assert session.book.rejected[20] == 500 - MOST_CODES


def test_shares_are_remembered_of_all_jobs_together(pool: PoolSide, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest job's are forgotten first; a repeated one of the last job is known still."""
    monkeypatch.setattr("miner.stratum.share_book.MOST_KNOWN", 100)
    session = pool.ready()
    for number in range(10):
        assignment = pool.notify(session, clean=False, job_id=str(number))
        for nonce in range(30):
            session.found(pool.share(assignment, nonce))
        assert sum(map(len, session.book._known.values())) <= 100
        assert session.book._known_total == sum(map(len, session.book._known.values()))
    session.found(pool.share(assignment, 29))
    assert session.book.repeated == 1
    big = pool.notify(session, job_id="big")
    for nonce in range(250):
        session.found(pool.share(big, nonce))
    assert sum(map(len, session.book._known.values())) <= 100


def test_jobs_that_are_let_go_of_are_counted_and_told_of_once(pool: PoolSide, caplog: pytest.LogCaptureFixture) -> None:
    session = pool.ready()
    first = pool.notify(session)
    for number in range(MOST_JOBS + 9):
        pool.notify(session, clean=False, job_id=f"n{number}")
    assert session.jobs.dropped == 10
    assert len(caplog.records) == 1
    assert pool.submits(session.found(pool.share(first))) == []
    assert session.book.stale == 1
