"""The pool judges every share exactly: by job, time, version and difficulty in force, to the last of 256 bits."""

from __future__ import annotations

import random
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from miner.stratum import messages as m
from miner.stratum.known_jobs import Split
from miner.stratum.miner_session import MinerSession
from miner.stratum.pool_core import PoolCore
from miner.target import MAX_TARGET, expected_hashes
from miner.work import target_from_difficulty

GENESIS_NONCE = 0x7C2BAC1D
EASY = 1 / (1 << 31)  # every other hash is a share

MakeCore = Callable[..., PoolCore]
MakeShare = Callable[..., m.Submit]
LogIn = Callable[..., MinerSession]
Said = Callable[[list[m.Message]], object]


def twice(raw: bytes) -> bytes:
    return sha256(sha256(raw).digest()).digest()


# Shares


def test_the_genuine_nonce_of_block_0_is_a_share_and_a_block(
    genesis_core: MakeCore, logged_in: LogIn, genesis_share: MakeShare, said: Said
) -> None:
    core = genesis_core()
    session = logged_in(core)
    assert said(session.receive(genesis_share(core))) is True
    snapshot = core.snapshot()
    assert (snapshot.accepted, snapshot.rejected, snapshot.blocks) == (1, 0, 1)
    assert int(snapshot.best_difficulty) == 2536
    assert snapshot.hashes == expected_hashes(target_from_difficulty(2536))
    assert core.wants_new_block


def test_the_same_share_as_bfgminer_sends_it(
    genesis_core: MakeCore, logged_in: LogIn, genesis_share: MakeShare, said: Said
) -> None:
    core = genesis_core(Split.VALUE)
    assert said(logged_in(core).receive(genesis_share(core, extranonce2=bytes.fromhex("01000000")))) is True


def test_the_same_share_as_piaxe_sends_it(
    genesis_core: MakeCore, logged_in: LogIn, genesis_share: MakeShare, said: Said
) -> None:
    """With an empty extranonce2 and version bits of zero, though it never asked for version rolling."""
    core = genesis_core(Split.FIXED)
    assert said(logged_in(core).receive(genesis_share(core, extranonce2=b"", version_bits=0))) is True


@pytest.mark.parametrize(
    ("changes", "code", "counter"),
    [
        ({"nonce": GENESIS_NONCE - 1}, 23, "low_difficulty"),
        ({"nonce": int.from_bytes(GENESIS_NONCE.to_bytes(4, "big"), "little")}, 23, "low_difficulty"),
        ({"extranonce2": b"\x01\0\0\0"}, 23, "low_difficulty"),
        ({"time_s": 0x495FAB2A}, 23, "low_difficulty"),
        ({"extranonce2": b""}, 20, "malformed"),
        ({"extranonce2": bytes(5)}, 20, "malformed"),
        ({"time_s": 0x495FAB28}, 20, "out_of_range"),
        ({"time_s": 0x495FAB29 + 7001}, 20, "out_of_range"),
        ({"version_bits": 0x2000}, 20, "out_of_range"),
        ({"job_id": "zz"}, 21, "stale"),
        ({"user": "w.2"}, 24, "unauthorized"),
        ({"user": ""}, 24, "unauthorized"),
    ],
)
def test_what_is_no_share(
    genesis_core: MakeCore,
    logged_in: LogIn,
    genesis_share: MakeShare,
    said: Said,
    changes: dict[str, Any],
    code: int,
    counter: str,
) -> None:
    core = genesis_core()
    session = logged_in(core)
    assert said(session.receive(genesis_share(core, **changes))) == code
    snapshot = core.snapshot()
    assert (getattr(snapshot, counter), snapshot.rejected, snapshot.accepted) == (1, 1, 0)
    assert said(session.receive(genesis_share(core))) is True


def test_a_share_before_subscribing(genesis_core: MakeCore, genesis_share: MakeShare, said: Said) -> None:
    core = genesis_core()
    assert said(MinerSession(core).receive(genesis_share(core))) == 25
    assert core.snapshot().not_subscribed == 1


def test_a_difficulty_higher_by_one_takes_the_share_away(
    genesis_core: MakeCore, logged_in: LogIn, genesis_share: MakeShare, said: Said
) -> None:
    core = genesis_core(difficulty=2537)
    assert said(logged_in(core).receive(genesis_share(core))) == 23


def test_a_duplicate_is_one_from_another_connection_and_under_another_job_too(
    easy_core: MakeCore, logged_in: LogIn, said: Said, share: MakeShare
) -> None:
    core = easy_core()
    first = logged_in(core)
    shares = [share(core, first, nonce) for nonce in range(40)]
    answers = [said(first.receive(one)) for one in shares]
    again = [said(first.receive(one)) for one in shares]
    assert set(answers) == {True, 23}
    assert again == [22 if answer is True else 23 for answer in answers]


def test_each_share_is_judged_like_hashlib_would(easy_core: MakeCore, logged_in: LogIn, said: Said) -> None:
    """Headers written down from the message as the wiki says, 1000 of them with everything rolled."""
    core = easy_core(difficulty=1 / (1 << 30))
    session = logged_in(core, mask=0x1FFFE000)
    job, draw = core.current.job, random.Random(7)
    target = (0xFFFF << 208) * (1 << 30)
    for number in range(1000):
        extranonce2, bits = draw.randbytes(4), draw.getrandbits(16) << 13
        time_s, nonce = job.time_s + draw.randint(0, 7000), draw.getrandbits(32)
        root = twice(job.coinbase1 + bytes(4) + extranonce2 + job.coinbase2)
        for one in job.branch:
            root = twice(root + one)
        words = [(job.version & ~0x1FFFE000 | bits).to_bytes(4, "little"), job.previous, root]
        words += [word.to_bytes(4, "little") for word in (time_s, job.nbits, nonce)]
        is_share = int.from_bytes(twice(b"".join(words)), "little") <= target
        submitted = m.Submit(number, "w.1", job.job_id, extranonce2, time_s, nonce, bits)
        assert said(session.receive(submitted)) == (True if is_share else 23)
    assert 150 < core.snapshot().accepted < 350  # a quarter, by more than 7 standard deviations
    assert core.snapshot().accepted + core.snapshot().low_difficulty == 1000


def test_jobs_stand_until_a_clean_one_comes(easy_core: MakeCore, logged_in: LogIn, said: Said) -> None:
    core = easy_core(jobs_per_block=3)
    session = logged_in(core)
    first = core.current.job
    for stands in (True, True, True, False):
        one = next(
            submit
            for nonce in range(10**6)
            if (submit := m.Submit(1, "w.1", first.job_id, nonce.to_bytes(4), first.time_s, 0))
            and said(session.receive(submit)) != 23
        )
        assert said(session.receive(one)) == (22 if stands else 21)
        core.renew(new_block=False)
        (notify,) = session.next_job()
        assert notify == m.Notify(core.current.job, core.current.clean)


def test_a_job_that_was_never_sent_to_a_miner_is_stale_for_it(easy_core: MakeCore, logged_in: LogIn, said: Said) -> None:
    core = easy_core()
    session = logged_in(core)
    job = core.renew(new_block=False).job
    assert said(session.receive(m.Submit(1, "w.1", job.job_id, bytes(4), job.time_s, 0))) == 21


# Difficulty


def test_a_difficulty_holds_for_the_jobs_that_were_sent_under_it(
    genesis_core: MakeCore, logged_in: LogIn, genesis_share: MakeShare, said: Said
) -> None:
    """Lowered by a wish: the old job keeps the old one, and the wish is told with the next."""
    core = genesis_core(difficulty=10**6, lowest_difficulty=1)
    session = logged_in(core)
    assert said(session.receive(m.SuggestDifficulty(3, 2536))) is True
    assert said(session.receive(genesis_share(core))) == 23
    core.renew(new_block=False)
    assert session.next_job() == [m.SetDifficulty(2536), m.Notify(core.current.job, True)]
    assert said(session.receive(genesis_share(core))) is True


@pytest.mark.parametrize(
    ("wish", "answer", "told"),
    [(5, True, 5), (0.001, True, 1), (10**9, True, 1000), (0, 20, 64), (-1, 20, 64), (5e-324, 20, 64)],
)
def test_wishes_are_kept_within_the_limits(easy_core: MakeCore, said: Said, wish: float, answer: object, told: float) -> None:
    core = easy_core(difficulty=64, lowest_difficulty=1, highest_difficulty=1000)
    session = MinerSession(core)
    assert said(session.receive(m.SuggestDifficulty(1, wish))) == answer
    session.receive(m.Subscribe(2))
    assert session.receive(m.Authorize(3, "w"))[1] == m.SetDifficulty(told)


def test_a_wish_may_be_a_target_and_want_no_answer(easy_core: MakeCore, said: Said) -> None:
    core = easy_core(difficulty=64, lowest_difficulty=1)
    session = MinerSession(core)
    assert session.receive(m.SuggestTarget(None, MAX_TARGET // 2)) == []
    assert said(session.receive(m.SuggestTarget(1, 0))) == 20
    session.receive(m.Subscribe(2))
    assert session.receive(m.Authorize(3, "w"))[1] == m.SetDifficulty(2)


def test_the_target_is_that_of_the_number_told(easy_core: MakeCore, logged_in: LogIn) -> None:
    """A difficulty that no float holds is told rounded, and judged as told."""
    core = easy_core(difficulty=1 / 3)
    session = logged_in(core)
    terms = session._seat.terms[core.current.job.job_id]
    assert terms.target == target_from_difficulty(session._told_difficulty)


def test_shares_come_at_the_rate_aimed_at(easy_core: MakeCore, logged_in: LogIn, time_class: type[Any]) -> None:
    """Far too many: four times as hard at each job, until the highest; none at all: back again."""
    clock = time_class()
    core = easy_core(clock, difficulty=1, lowest_difficulty=1, highest_difficulty=10, shares_per_minute=6)
    session = logged_in(core)
    told = []
    for shares in (100, 100, 0, 0, 2):
        clock.now_s += 20
        session._pace.shares = shares
        core.renew(new_block=False)
        told += [message.difficulty for message in session.next_job() if isinstance(message, m.SetDifficulty)]
    assert told == [4, 10, 2.5, 1]


# Configure


def test_version_rolling_is_agreed_upon_by_both_masks(easy_core: MakeCore, logged_in: LogIn, said: Said) -> None:
    core = easy_core(version_mask=0x1FFFE000)
    session = MinerSession(core)
    asked = m.Configure(1, ("version-rolling", "info", "subscribe-extranonce", "minimum-difficulty"), version_mask=0x0000FFFF)
    assert said(session.receive(asked)) == {
        "version-rolling": True,
        "version-rolling.mask": "0000e000",
        "info": False,
        "subscribe-extranonce": True,
        "minimum-difficulty": False,
    }
    assert session.allow_versions(0x2000) == [m.SetVersionMask(0x2000)]
    assert logged_in(core).allow_versions(0x2000) == []


def test_bits_outside_the_last_mask_are_refused(
    genesis_core: MakeCore, logged_in: LogIn, genesis_share: MakeShare, said: Said
) -> None:
    core = genesis_core()
    session = logged_in(core, mask=0x1FFFE000)
    assert said(session.receive(genesis_share(core, version_bits=0x20000000))) == 20
    assert said(session.receive(genesis_share(core, version_bits=0x2000))) == 23
    session.allow_versions(0)
    assert said(session.receive(genesis_share(core, version_bits=0x2000))) == 23  # it was under way
    core.renew(new_block=False)
    session.next_job()
    assert said(session.receive(genesis_share(core, version_bits=0x2000))) == 20
    assert said(session.receive(genesis_share(core, version_bits=0))) is True


def test_a_mask_agreed_upon_after_the_job_holds_for_it(
    genesis_core: MakeCore, logged_in: LogIn, genesis_share: MakeShare, said: Said
) -> None:
    core = genesis_core()
    session = logged_in(core)
    assert said(session.receive(genesis_share(core, version_bits=0x2000))) == 20
    session.receive(m.Configure(3, ("version-rolling",)))
    assert said(session.receive(genesis_share(core, version_bits=0x2000))) == 23


@pytest.mark.parametrize(("lowest", "granted", "told"), [(500, True, 500), (5, True, 64), (2000, False, 64), (None, False, 64)])
def test_a_minimum_difficulty(easy_core: MakeCore, said: Said, lowest: float | None, granted: bool, told: float) -> None:
    core = easy_core(difficulty=64, lowest_difficulty=1, highest_difficulty=1000)
    session = MinerSession(core)
    answer = said(session.receive(m.Configure(1, ("minimum-difficulty",), minimum_difficulty=lowest)))
    assert answer == {"minimum-difficulty": granted}
    session.receive(m.Subscribe(2))
    assert session.receive(m.Authorize(3, "w"))[1] == m.SetDifficulty(told)
