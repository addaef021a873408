"""BIP 310 at both ends: what a miner submits gives, by the pool's formula, the header whose hash it found."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from miner.stratum import messages as m
from miner.stratum.client_session import ClientSession, Login
from miner.stratum.miner_session import MinerSession
from miner.stratum.pool_core import PoolCore

if TYPE_CHECKING:
    from tests.miner.stratum.session.conftest import PoolSide

JOB_VERSION = 0x20000000


def by_the_pool(mask: int, bits: int) -> int:
    """Return a header's version as BIP 310 has it: (job_version & ~last_mask) | (version_bits & last_mask)."""
    return (JOB_VERSION & ~mask) | (bits & mask)


@pytest.mark.parametrize("mask", [0x1FFFE000, 0xFFFFFFFF, 0x3FFFE000, 0x20002000, 0x2000, 0xE0000000, 0])
@pytest.mark.parametrize("later", [True, False], ids=["told-later", "agreed"])
def test_the_bits_that_are_told_give_the_header_that_was_found(pool: PoolSide, mask: int, later: bool) -> None:
    session = ClientSession(Login(user="w"))
    first = 0x1FFFE000 if later else mask
    pool.log_in(session, agreed={"version-rolling": True, "version-rolling.mask": f"{first:08x}"})
    if later:
        session.receive(m.SetVersionMask(mask))
    assignment = pool.notify(session)
    assert assignment.version_mask == mask & 0x1FFFE000  # never more than was asked for
    lowest = assignment.version_mask & -assignment.version_mask
    for nonce, version in enumerate((JOB_VERSION, JOB_VERSION | lowest, JOB_VERSION | assignment.version_mask)):
        (submit,) = pool.submits(session.found(pool.share(assignment, nonce, version=version))) or (None,)
        if submit is not None:
            assert submit.version_bits & ~mask == 0
            assert by_the_pool(mask, submit.version_bits) == version


def test_a_wider_mask_in_the_middle_of_a_job(pool: PoolSide) -> None:
    """What is found after it is told by it, also of a job that was given out before."""
    session = pool.ready()
    assignment = pool.notify(session)
    session.receive(m.SetVersionMask(0xFFFFFFFF))
    (submit,) = pool.submits(session.found(pool.share(assignment, version=0x20006000)))
    assert by_the_pool(0xFFFFFFFF, submit.version_bits) == 0x20006000


MakeShare = Callable[..., m.Submit]


@pytest.mark.parametrize("mask", [0xFFFFFFFF, 0x3FFFE000, 0x2000])
def test_our_pool_makes_the_same_header_of_them(
    easy_core: Callable[..., PoolCore], logged_in: Callable[..., MinerSession], share: MakeShare, mask: int
) -> None:
    """By the mask it told last, and by that of the job for what was under way meanwhile; never by any other."""
    core = easy_core()
    session = logged_in(core, mask=0x1FFFE000)

    def verdicts(bits: int) -> list[Any]:
        answers = [session.receive(share(core, session, nonce, version_bits=bits)) for nonce in range(64)]
        return [only.value if isinstance(only, m.Result) else only.code for (only,) in answers]

    session.allow_versions(mask)
    version = core.current.job.version | 0x2000
    core_verdicts = verdicts(version & mask)
    assert core_verdicts == [True if lands(core, version, nonce) else 23 for nonce in range(64)]
    under_way = version ^ 0x6000  # another header, told by the mask of before
    told = verdicts(under_way & 0x1FFFE000)
    assert [told[nonce] for nonce in range(64) if lands(core, under_way, nonce)] == [True] * sum(
        lands(core, under_way, nonce) for nonce in range(64)
    )


def lands(core: PoolCore, version: int, nonce: int) -> bool:
    """Tell, without the pool, whether this header of the current job is a share."""
    from miner.header import Nonce, double_sha256, hash_value
    from miner.work import Assignment, Roll, target_from_difficulty

    target = target_from_difficulty(core.settings.difficulty)
    given = Assignment(job=core.current.job, extranonce1=bytes(4), extranonce2_bytes=4, target=target)
    roll = Roll(bytes(4), version, core.current.job.time_s)
    return hash_value(double_sha256(given.header(roll, Nonce(nonce)))) <= target
