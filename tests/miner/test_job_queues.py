"""A job that comes again goes on where it was left, under whatever terms: no header is handed out twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miner.job_queues import JobQueues
from miner.target import MAX_TARGET, NBits, Target
from miner.work import Assignment, Job, Space
from miner.work_queue import WorkQueue

JOB = Job(
    job_id="j",
    previous=bytes(32),
    coinbase1=b"before",
    coinbase2=b"after",
    branch=(),
    version=0x20000000,
    nbits=NBits(0x1D00FFFF),
    time_s=1231006505,
)
SPACE = Space(nonces=range(5, 12))
MASKS = (0, 0x2000, 0x6000, 0x1C000000)


def assigned(mask: int = 0, target: int = MAX_TARGET, job: Job = JOB, size: int = 2) -> Assignment:
    return Assignment(job=job, extranonce1=b"1234", extranonce2_bytes=size, target=Target(target), version_mask=mask)


def handed_out(queue: WorkQueue, most: int) -> list[tuple[bytes, int]]:
    unit = queue.take(most)
    if unit is None:
        return []
    return [(one.header, nonce) for one in unit.templates for nonce in range(unit.start, unit.start + unit.count)]


@settings(max_examples=200)
@given(
    terms=st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from(MASKS), st.integers(1, 3), st.integers(1, 40)), min_size=2, max_size=30
    ),
    together=st.sampled_from([1, 2, 4]),
)
def test_nothing_is_handed_out_twice_whatever_a_pool_changes(terms: list[tuple[int, int, int, int]], together: int) -> None:
    """Two jobs by turns, other masks, other targets, and so many hashes between."""
    jobs = (JOB, replace(JOB, time_s=JOB.time_s + 100))
    queues = JobQueues(SPACE, together)
    given_out: list[tuple[bytes, int]] = []
    for which, mask, target, most in terms:
        queue = queues.of(assigned(mask, target, jobs[which]))
        assert queue.assignment.target == target
        given_out += handed_out(queue, most)
    assert given_out
    assert len(given_out) == len(set(given_out))


def test_another_difficulty_leaves_no_gap_either() -> None:
    """All 7 nonces of each of 256 headers come, in whatever terms they are asked for."""
    queues, given_out = JobQueues(SPACE), []
    for turn in range(10_000):
        some = handed_out(queues.of(assigned(target=1 + turn, size=1)), 5)
        if not some:
            break
        given_out += some
    assert len(given_out) == len(set(given_out)) == 7 * 256


def test_an_older_queue_and_its_successor_share_one_place() -> None:
    """A thread may still be taking from the one before."""
    old = WorkQueue(assigned(), SPACE)
    new = old.again(assigned(target=77))
    given_out = [*handed_out(old, 3), *handed_out(new, 3), *handed_out(old, 3)]
    assert [nonce for _, nonce in given_out] == [5, 6, 7, 8, 9, 10, 11]


def test_with_other_version_bits_the_queue_before_gives_nothing_more() -> None:
    """Between the two a thread may take from the old one; it would get what the new one hands out as well."""
    old = WorkQueue(assigned(0x2000), SPACE)
    first = handed_out(old, 3)
    new = old.again(assigned(0x6000))
    assert handed_out(old, 3) == []
    assert not {*first} & {*handed_out(new, 300)}
    assert not {*handed_out(old.without_rolling(), 7)} & {*handed_out(new.without_rolling(), 7)}


def test_it_is_known_whether_the_headers_are_the_same() -> None:
    old = WorkQueue(assigned(0x2000), SPACE)
    assert old.again(assigned(0x2000, target=5)).continues(old)
    assert not old.again(assigned(0x6000)).continues(old)
    assert not old.continues(None)


def test_devices_that_roll_versions_themselves_go_on_as_well() -> None:
    queue, given_out = WorkQueue(assigned(0x6000), SPACE), []
    for mask in (0x6000, 0x2000, 0x6000, 0):
        queue = queue.again(assigned(mask))
        given_out += handed_out(queue.without_rolling(), 7)
        given_out += handed_out(queue.without_rolling(), 7)
    assert len(given_out) == len(set(given_out)) == 8 * 7


def test_where_there_is_no_other_extranonce2_versions_begin_again() -> None:
    """With a mask of other bits there is something new among them; standing still would be worse."""
    queue = WorkQueue(assigned(0x2000, size=0), SPACE)
    assert len(handed_out(queue, 7)) == 7
    queue = queue.again(assigned(0x6000, size=0))
    assert len({header for _ in range(9) for header, _ in handed_out(queue, 7)}) == 4


def test_a_job_under_another_name_is_new_work() -> None:
    """A pool that serves a known block wants its nonce found again."""
    queues = JobQueues(SPACE)
    first = handed_out(queues.of(assigned()), 3)
    assert handed_out(queues.of(assigned(job=replace(JOB, job_id="k"))), 3) == first
    assert handed_out(queues.of(assigned()), 3) != first


def test_a_lost_session_forgets_all_jobs() -> None:
    queues = JobQueues(SPACE)
    first = handed_out(queues.of(assigned()), 3)
    queues.forget()
    assert handed_out(queues.of(assigned()), 3) == first


@pytest.mark.parametrize(("most_kept", "new"), [(1, False), (2, True)])
def test_no_more_jobs_are_remembered_than_told(most_kept: int, *, new: bool) -> None:
    queues = JobQueues(SPACE, most_kept=most_kept)
    first = handed_out(queues.of(assigned()), 3)
    handed_out(queues.of(assigned(job=replace(JOB, time_s=1))), 3)
    assert (handed_out(queues.of(assigned()), 3) != first) == new
