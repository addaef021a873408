"""The pool without its wire: every share judged exactly, and every message answered as the field's programs expect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from miner.errors import LineTooLongError, MessageError, SettingError, TargetError, TlsHelloError
from miner.stratum import messages as m
from miner.stratum import share_check
from miner.stratum.jobs import ServedJob, SyntheticJobs
from miner.stratum.miner_session import MOST_ERRORS, MinerSession
from miner.stratum.pool_core import MOST_SEATS, PoolCore, PoolSettings
from miner.stratum.share_check import JobBook
from miner.stratum.tally import RATE_WINDOW_S, Outcome, Tally
from miner.target import MAX_TARGET, Target
from miner.work import Assignment, Job, swap_words

GENESIS_NONCE = 0x7C2BAC1D
EASY = 1 / (1 << 31)  # every other hash is a share

MakeCore = Callable[..., PoolCore]
MakeShare = Callable[..., m.Submit]
LogIn = Callable[..., MinerSession]
Said = Callable[[list[m.Message]], object]


# Logging in


@pytest.mark.usefixtures("numbered_sessions")
def test_nothing_is_said_before_the_answer_to_subscribe_and_work_comes_with_the_user(genesis_core: MakeCore) -> None:
    core = genesis_core()
    session = MinerSession(core)
    answer = session.receive(m.Subscribe("a", "bfgminer/5.5.0"))
    assert answer == [
        m.Result("a", [[["mining.set_difficulty", "00000000"], ["mining.notify", "00000000"]], "00000000", 4]),
    ]
    assert session.receive(m.Authorize("auth", "w.1", "x")) == [
        m.Result("auth", True),
        m.SetDifficulty(2536),
        m.Notify(core.current.job, True),
    ]
    assert session.receive(m.Authorize(3, "w.2")) == [m.Result(3, True)]


def test_who_names_a_user_first_gets_work_with_the_subscription(genesis_core: MakeCore, said: Said) -> None:
    session = MinerSession(genesis_core())
    assert session.receive(m.Authorize(1, "w.1")) == [m.Result(1, True)]
    assert [type(message) for message in session.receive(m.Subscribe(2))] == [m.Result, m.SetDifficulty, m.Notify]
    assert said(session.receive(m.Subscribe(3))) == 20


def test_a_user_who_is_not_let_in(said: Said, time_class: type[Any]) -> None:
    core = PoolCore(
        SyntheticJobs(),
        PoolSettings(),
        clock=time_class(),
        unix_clock=lambda: 0,
        authorizer=lambda user, password: (user, password) == ("w", "secret"),
    )
    session = MinerSession(core)
    assert said(session.receive(m.Authorize(1, "w", "x"))) == 24
    assert said(session.receive(m.Authorize(1, "", ""))) == 24
    assert said(session.receive(m.Authorize(1, "w", "secret"))) is True
    assert (core.snapshot().logins_refused, core.snapshot().unauthorized, core.snapshot().rejected) == (2, 0, 0)


def test_only_so_many_users_a_connection(genesis_core: MakeCore, said: Said) -> None:
    session = MinerSession(genesis_core())
    assert [said(session.receive(m.Authorize(1, str(at)))) for at in range(70)] == [True] * 64 + [24] * 6


def test_what_is_told_of_a_job_is_what_the_field_writes(genesis_core: MakeCore) -> None:
    job = genesis_core().current.job
    assert swap_words(job.previous) == bytes(32)
    assert (job.version, job.nbits, job.time_s, job.branch) == (1, 0x1D00FFFF, 0x495FAB29, ())


# The rest of what miners ask


def test_other_questions_have_answers(genesis_core: MakeCore, easy_core: MakeCore, logged_in: LogIn, said: Said) -> None:
    core = genesis_core()
    session = logged_in(core)
    assert said(session.receive(m.ExtranonceSubscribe("xnsub"))) is True
    assert said(session.receive(m.Ping(1))) == "pong"
    assert said(session.receive(m.GetTransactions("txlist", core.current.job.job_id))) == []
    assert said(session.receive(m.GetTransactions(1, "zz"))) == 21
    assert said(session.receive(m.Unknown(1, "mining.dance"))) == 20
    assert session.receive(m.Unknown(None, "mining.capabilities")) == []
    assert session.receive(m.Result(5, "cgminer/4.9")) == []
    assert session.receive(m.Failure(5, 20, "what?")) == []
    assert session.receive(m.SetDifficulty(1)) == []
    assert said(session.receive(m.GetVersion(3))) == 20
    other = logged_in(easy_core())
    assert said(other.receive(m.GetTransactions(1, other._core.current.job.job_id))) == 20


def test_lines_that_are_none_are_counted_and_answered_where_somebody_asked(genesis_core: MakeCore, said: Said) -> None:
    core = genesis_core()
    session = MinerSession(core)
    assert session.receive(MessageError("no JSON")) == []
    assert said(session.receive(MessageError("mining.submit: parameter 5", 7))) == 20
    assert core.snapshot().malformed == 2
    assert not session.hopeless
    for _ in range(MOST_ERRORS - 2):
        session.receive(MessageError("no JSON"))
    assert session.hopeless


def test_a_bad_line_now_and_then_is_borne_for_ever(genesis_core: MakeCore) -> None:
    session = MinerSession(genesis_core())
    for _ in range(5 * MOST_ERRORS):
        session.receive(MessageError("no JSON"))
        for _ in range(100):
            session.receive(m.Ping(1))
    assert not session.hopeless


@pytest.mark.parametrize("error", [TlsHelloError("tls"), LineTooLongError("long")])
def test_some_lines_end_a_connection_at_once(genesis_core: MakeCore, error: MessageError) -> None:
    session = MinerSession(genesis_core())
    session.receive(error)
    assert session.hopeless


# Sessions that go on


@pytest.mark.usefixtures("numbered_sessions")
def test_a_session_is_taken_up_with_its_extranonce_and_its_jobs(
    easy_core: MakeCore, logged_in: LogIn, said: Said, share: MakeShare
) -> None:
    core = easy_core()
    logged_in(core)
    session = logged_in(core)
    mine = next(one for at in range(99) if said(session.receive(one := share(core, session, at, extranonce2=b"abcd"))) is True)
    session.close()
    back = MinerSession(core)
    answer = said(back.receive(m.Subscribe(1, "x", "00000001")))
    assert answer == [[["mining.set_difficulty", "00000001"], ["mining.notify", "00000001"]], "00000001", 4]
    *_, notify = back.receive(m.Authorize(2, "w.1"))
    assert notify == m.Notify(core.current.job, False)
    assert said(back.receive(mine)) == 22


@pytest.mark.usefixtures("numbered_sessions")
def test_a_session_in_use_or_unknown_is_not_taken_up(easy_core: MakeCore, logged_in: LogIn, said: Said) -> None:
    core = easy_core()
    logged_in(core)
    for name in ("00000000", "nonsense", ""):
        answer = said(MinerSession(core).receive(m.Subscribe(1, "x", name)))
        assert isinstance(answer, list)
        assert answer[1] != "00000000"


@pytest.mark.usefixtures("numbered_sessions")
def test_a_session_taken_up_after_a_new_block_starts_clean(easy_core: MakeCore, logged_in: LogIn) -> None:
    core = easy_core()
    session = logged_in(core)
    session.close()
    core.renew(new_block=True)
    back = MinerSession(core)
    back.receive(m.Subscribe(1, "x", "00000000"))
    assert back.receive(m.Authorize(2, "w"))[-1] == m.Notify(core.current.job, True)


def test_who_only_subscribed_takes_no_seat_from_who_mined(easy_core: MakeCore, logged_in: LogIn, said: Said) -> None:
    """Nor can the name of a session be guessed: it is the only thing that is asked for to take it over."""
    core = easy_core()
    away = logged_in(core)
    name = away._seat.session_id
    away.close()
    for _ in range(2 * MOST_SEATS):
        idle = MinerSession(core)
        idle.receive(m.Subscribe(1))
        idle.close()
    others = [logged_in(core)._seat.session_id for _ in range(100)]
    assert len({name, *others}) == 101
    assert all(len(one) == 16 for one in others)
    assert said(MinerSession(core).receive(m.Subscribe(1, "x", name)))[1] == "00000000"


# Bounds


def test_a_job_may_be_handed_in_until_a_clean_one_comes(
    easy_core: MakeCore, logged_in: LogIn, share: MakeShare, said: Said
) -> None:
    """The first of a block's twenty is as good as the last."""
    core = easy_core()
    session = logged_in(core)
    early = [share(core, session, nonce) for nonce in range(40)]
    for _ in range(core.settings.jobs_per_block - 1):
        core.renew(new_block=False)
        assert not core.current.clean
        session.next_job()
    assert {said(session.receive(one)) for one in early} == {True, 23}
    core.renew(new_block=False)
    assert core.current.clean
    session.next_job()
    assert {said(session.receive(one)) for one in early} == {21}


def test_what_is_remembered_is_bounded(
    easy_core: MakeCore, logged_in: LogIn, share: MakeShare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(share_check, "MOST_SHARES", 20)
    core = easy_core(jobs_per_block=150)
    session = logged_in(core)
    for _ in range(3 * MOST_SEATS):
        MinerSession(core).receive(m.Subscribe(1))
        core.leave_seat(core.take_seat(None))
    assert len(core._empty_seats) == MOST_SEATS
    for _ in range(100):
        core.renew(new_block=False)
        session.next_job()
    assert len(core.book._live) == len(core.book._seen) == 101
    assert len(session._seat.terms) == 101
    for nonce in range(200):
        session.receive(share(core, session, nonce))
        if core.wants_new_block:
            break
    assert sum(map(len, core.book._seen.values())) == 20
    core.renew(new_block=False)
    assert core.current.clean
    assert sum(map(len, core.book._seen.values())) == 0


def test_a_block_without_a_target_is_never_found() -> None:
    book = JobBook(100)
    job = Job(job_id="a", previous=bytes(32), coinbase1=b"", coinbase2=b"", branch=(), version=1, nbits=0, time_s=0)  # type: ignore[arg-type]
    book.add(ServedJob(job=job, clean=True))
    terms = Assignment(job=job, extranonce1=b"", extranonce2_bytes=0, target=Target((1 << 256) - 1))
    verdict = book.judge(m.Submit(1, "w", "a", b"", 0, 0), terms, 0)
    assert (verdict.outcome, verdict.is_block) == (Outcome.ACCEPTED, False)


def test_the_hash_rate_is_that_of_the_last_ten_minutes() -> None:
    """Ten shares of difficulty 1 a second for an hour: ten times 2^32 hashes a second, nearly."""
    tally = Tally(0.0)
    for second in range(3600):
        for _ in range(10):
            tally.accept(MAX_TARGET, 1.0, second, is_block=False)
    assert tally.hash_rate_hps(3600) == pytest.approx(10 * 2**32, rel=0.02)
    assert len(tally._recent) <= RATE_WINDOW_S / 10 + 1
    assert tally.hash_rate_hps(3600 + 300) == pytest.approx(5 * 2**32, rel=0.05)
    assert tally.hash_rate_hps(10_000) == 0
    assert Tally(5.0).hash_rate_hps(5.0) == 0


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"difficulty": float("nan")}, TargetError),
        ({"difficulty": 0}, TargetError),
        ({"difficulty": -1}, TargetError),
        ({"difficulty": 1, "lowest_difficulty": 0}, TargetError),
        ({"difficulty": 1, "highest_difficulty": float("inf")}, TargetError),
        ({"difficulty": 1, "lowest_difficulty": 2}, SettingError),
        ({"difficulty": 3, "highest_difficulty": 2}, SettingError),
        ({"interval_s": 0}, SettingError),
        ({"interval_s": float("nan")}, SettingError),
        ({"interval_s": float("inf")}, SettingError),
        ({"shares_per_minute": 0}, SettingError),
        ({"shares_per_minute": float("nan")}, SettingError),
        ({"jobs_per_block": 0}, SettingError),
        ({"jobs_per_block": 1001}, SettingError),
        ({"time_window_s": -1}, SettingError),
        ({"version_mask": 1 << 32}, SettingError),
    ],
)
def test_settings_that_cannot_be(changes: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        PoolSettings(**changes)
