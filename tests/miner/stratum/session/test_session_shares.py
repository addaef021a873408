"""A miner's session without its wire: where each share ends, whatever becomes of the connection."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from miner.stratum import messages as m
from miner.stratum.client_jobs import MOST_JOBS
from miner.stratum.client_session import ClientSession, Login
from miner.stratum.events import Judged
from miner.stratum.share_book import MOST_OPEN

if TYPE_CHECKING:
    from tests.miner.stratum.session.conftest import PoolSide

# Shares


def test_a_share_is_submitted_with_its_version_bits_and_judged(pool: PoolSide) -> None:
    session = pool.ready()
    assignment = pool.notify(session)
    (submit,) = pool.submits(session.found(pool.share(assignment, version=0x20000000 | 0x6000)))
    assert submit == m.Submit(submit.id, "w.1", "j1", bytes(4), 1000, 7, 0x6000)
    (event,) = session.receive(m.Result(submit.id, True))
    assert event == Judged(pool.share(assignment, version=0x20006000), None)
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
def test_a_share_is_rejected(pool: PoolSide, answer: m.Result | m.Failure, code: int) -> None:
    session = pool.ready()
    (submit,) = pool.submits(session.found(pool.share(pool.notify(session))))
    (event,) = session.receive(replace(answer, id=submit.id))
    assert isinstance(event, Judged)
    assert event.reject == code
    assert (session.book.rejected, session.book.accepted) == ({code: 1}, 0)


def test_answers_find_their_shares_in_any_order_and_only_once(pool: PoolSide) -> None:
    session = pool.ready()
    assignment = pool.notify(session)
    sent = [pool.submits(session.found(pool.share(assignment, nonce)))[0] for nonce in range(5)]
    for submit in reversed(sent):
        (event,) = session.receive(m.Result(submit.id, submit.nonce % 2 == 0))
        assert isinstance(event, Judged)
        assert event.share.nonce == submit.nonce
        assert session.receive(m.Result(submit.id, True)) == []
    assert (session.book.accepted, session.book.rejected[20], session.odd) == (3, 2, 5)


def test_a_share_of_a_void_job_is_not_sent_and_one_of_a_standing_job_is(pool: PoolSide) -> None:
    session = pool.ready()
    first = pool.notify(session)
    second = pool.notify(session, clean=False, job_id="j2")
    assert pool.submits(session.found(pool.share(first)))
    assert pool.submits(session.found(pool.share(second)))
    pool.notify(session, job_id="j3")
    assert pool.submits(session.found(pool.share(second, 8))) == []
    assert (session.book.stale, session.book.found) == (1, 3)


def test_a_job_of_the_same_name_with_other_contents_is_another_job(pool: PoolSide) -> None:
    session = pool.ready()
    first = pool.notify(session)
    pool.notify(session, clean=False, time_s=2000)
    assert pool.submits(session.found(pool.share(first))) == []


def test_the_same_share_is_sent_once(pool: PoolSide) -> None:
    session = pool.ready()
    assignment = pool.notify(session)
    assert pool.submits(session.found(pool.share(assignment)))
    assert pool.submits(session.found(pool.share(assignment))) == []
    assert session.book.repeated == 1


def test_shares_found_before_the_user_is_let_in_wait(pool: PoolSide) -> None:
    session = ClientSession(Login(user="w"))
    opening = session.connected()
    answer = session.receive(m.Result(pool.said(opening, m.Subscribe).id, pool.SUBSCRIBED))
    assignment = pool.notify(session)
    assert pool.submits(session.found(pool.share(assignment))) == []
    assert pool.submits(session.receive(m.Result(pool.said(answer, m.Authorize).id, True)))


# Lost connections


def test_a_session_that_goes_on_loses_no_share_and_counts_none_twice(pool: PoolSide) -> None:
    """One was answered, one sent but not answered, one never sent; the pool had seen the second."""
    session = pool.ready()
    assignment = pool.notify(session)
    answered, unanswered = (pool.submits(session.found(pool.share(assignment, nonce)))[0] for nonce in (1, 2))
    session.receive(m.Result(answered.id, True))
    session.disconnected()
    assert pool.submits(session.found(pool.share(assignment, 3))) == []
    assert pool.submits(pool.log_in(session)) == []
    again = pool.submits(session.receive(m.Notify(pool.JOB, True)))
    assert [submit.nonce for submit in again] == [2, 3]
    assert not {submit.id for submit in again} & {answered.id, unanswered.id}
    session.receive(m.Failure(again[0].id, 22, "Duplicate share"))
    session.receive(m.Result(again[1].id, True))
    assert (session.book.accepted, session.book.rejected.total(), session.book.open) == (3, 0, 0)
    assert pool.submits(session.found(pool.share(assignment, 2))) == []


def test_a_duplicate_that_was_sent_once_is_rejected(pool: PoolSide) -> None:
    session = pool.ready()
    (submit,) = pool.submits(session.found(pool.share(pool.notify(session))))
    session.receive(m.Failure(submit.id, 22, "Duplicate share"))
    assert (session.book.accepted, session.book.rejected[22]) == (0, 1)


def test_another_extranonce_is_another_session(pool: PoolSide) -> None:
    session = pool.ready()
    assignment = pool.notify(session)
    session.found(pool.share(assignment, 1))
    session.disconnected()
    session.found(pool.share(assignment, 2))
    pool.log_in(session, subscribed=[[["mining.notify", "s2"]], "0a0c", 4])
    assert pool.submits(session.receive(m.Notify(pool.JOB, True))) == []
    assert (session.book.lost, session.book.open, session.book.stale) == (2, 0, 0)
    assert pool.submits(session.found(pool.share(assignment, 3))) == []


def test_a_pool_that_began_anew_with_the_same_names_gets_no_old_share(pool: PoolSide) -> None:
    session = pool.ready()
    session.found(pool.share(pool.notify(session)))
    session.disconnected()
    pool.log_in(session)
    assert pool.submits(session.receive(m.Notify(replace(pool.JOB, coinbase1=b"other"), True))) == []
    assert session.book.stale == 1


def test_what_a_silent_pool_is_sent_is_bounded(pool: PoolSide) -> None:
    session = pool.ready()
    assignment = pool.notify(session)
    for nonce in range(3 * MOST_OPEN):
        session.found(pool.share(assignment, nonce))
    assert (session.book.open, session.book.lost) == (MOST_OPEN, 2 * MOST_OPEN)
    assert len(session._asked) <= MOST_OPEN
    session.disconnected()
    for nonce in range(3 * MOST_OPEN, 6 * MOST_OPEN):
        session.found(pool.share(assignment, nonce))
    assert session.book.open <= MOST_OPEN + 1
    for number in range(3 * MOST_JOBS):
        pool.log_in(session)
        session.receive(m.Notify(replace(pool.JOB, job_id=str(number)), False))
    assert len(session.jobs.names) == MOST_JOBS
