"""Hashing threads: every hit of a space found once, jobs changed within a tenth of a second, nothing lost that still counts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from miner.errors import BackendUnavailableError, SettingError
from miner.search import Work, search, search_versions
from miner.stratum import hashing
from miner.stratum.hashing import MOST_HITS, HashThreads, Share
from miner.stratum.jobs import SyntheticJobs
from miner.target import Target, expected_hashes
from miner.template import HeaderTemplate
from miner.work import Assignment, Space, target_from_difficulty
from miner.work_queue import WorkQueue

SOURCE = SyntheticJobs(3)
JOB = SOURCE.next_job("j", 1.7e9, new_block=True).job


def assigned(difficulty: float, **changes: Any) -> Assignment:
    usual = {"extranonce1": bytes(4), "extranonce2_bytes": 4, "target": target_from_difficulty(difficulty)}
    return Assignment(job=JOB, **{**usual, **changes})


class Shares:
    """Collects what threads find and how they fail."""

    def __init__(self) -> None:
        self.found: list[Share] = []
        self.failed: list[BaseException] = []
        self.more = threading.Condition()

    def add(self, share: Share) -> None:
        with self.more:
            self.found.append(share)
            self.more.notify_all()

    def wait_for(self, done: Callable[[], bool], timeout_s: float = 10) -> bool:
        with self.more:
            return self.more.wait_for(done, timeout_s)


@contextmanager
def hashing_with(threads: int, backend: str = "auto") -> Iterator[tuple[HashThreads, Shares]]:
    shares = Shares()
    running = HashThreads(threads, backend, shares.add, shares.failed.append)
    try:
        yield running, shares
    finally:
        running.close()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("hashing")] == []


def until(done: Callable[[], bool], timeout_s: float = 10) -> bool:
    end_s = time.monotonic() + timeout_s
    while not done() and time.monotonic() < end_s:
        time.sleep(0.002)
    return done()


@pytest.mark.parametrize("together", [1, 2, 4])
@pytest.mark.parametrize(("backend", "threads", "nonces"), [("auto", 3, 1 << 20), ("reference", 2, 1 << 12)])
def test_every_hit_of_a_space_is_found_once(backend: str, threads: int, nonces: int, together: int) -> None:
    """Two times and four versions of it, one by one or together, against a plain search of each header."""
    difficulty = nonces / 2**32 / 20
    given = assigned(difficulty, extranonce2_bytes=0, version_mask=0x5000)
    space = Space(nonces=range(1000, 1000 + nonces), time_roll_s=1)
    with hashing_with(threads, backend) as (running, shares):
        running.work_on(WorkQueue(given, space, together), abandon=True)
        assert until(lambda: running.hashes == 8 * nonces, 30)
    wanted = []
    queue = WorkQueue(given, space)
    while unit := queue.take(1 << 32):
        (roll,), (template,) = unit.rolls, unit.templates
        plain = Work(template=template, target=given.target, start=unit.start, count=unit.count)
        wanted += [(roll, hit.nonce) for hit in search(plain, first_only=False, threads=2).hits]
    assert sorted((share.roll.version, share.roll.time_s, share.nonce) for share in shares.found) == sorted(
        (roll.version, roll.time_s, nonce) for roll, nonce in wanted
    )
    assert len(wanted) > 20
    assert all(share.difficulty >= difficulty for share in shares.found)
    assert running.hashes == 8 * nonces
    assert shares.failed == []


@pytest.mark.parametrize("together", [1, 4])
@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_a_clean_job_gets_its_turn_within_a_tenth_of_a_second(backend: str, together: int) -> None:
    """From the moment it is known to its first share, where one nonce in a thousand is a share; the best of five counts."""
    with hashing_with(2, backend) as (running, shares):
        waits_s = [wait_for_first_share_s(running, shares, number, together) for number in range(5)]
    assert min(waits_s) < 0.1, waits_s


def wait_for_first_share_s(running: HashThreads, shares: Shares, number: int, together: int) -> float:
    running.work_on(WorkQueue(assigned(1e6, version_mask=0x6000), together=together), abandon=True)
    before = running.hashes
    assert until(lambda: running.hashes > before)
    time.sleep(0.06)
    easy = assigned(1000 / 2**32, extranonce1=number.to_bytes(4), version_mask=0x6000)
    began_s = time.perf_counter()
    running.work_on(WorkQueue(easy, together=together), abandon=True)
    assert shares.wait_for(lambda: bool(shares.found) and shares.found[-1].assignment == easy)
    return time.perf_counter() - began_s


def test_a_slice_under_way_is_finished_if_its_job_still_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search is held up until the next job has come; its hits are handed over all the same."""
    old, new = assigned(1e-6), assigned(1e6, extranonce1=b"new!")
    begun, go_on = threading.Event(), threading.Event()

    def held_up(work: Work, others: list[Any], **options: Any) -> Any:
        if work.target == old.target:
            begun.set()
            assert go_on.wait(10)
            assert not options["cancelled"]()
        return search_versions(work, others, **options)

    monkeypatch.setattr(hashing, "search_versions", held_up)
    with hashing_with(1) as (running, shares):
        queue = WorkQueue(old, Space(nonces=range(1 << 12)))
        running.work_on(queue, abandon=True)
        assert begun.wait(10)
        running.work_on(WorkQueue(new), abandon=False)
        go_on.set()
        assert until(lambda: running.hashes > 1 << 12)
    header = HeaderTemplate(old.header(WorkQueue(old).take(1).rolls[0]))  # type: ignore[union-attr]
    plain = search(Work(template=header, target=old.target, count=1 << 12), backend="reference", first_only=False)
    assert [share.nonce for share in shares.found] == [hit.nonce for hit in plain.hits]


def test_a_void_slice_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def watching(work: Work, others: list[Any], **options: Any) -> Any:
        asked.append(options["cancelled"])
        return search_versions(work, others, **options)

    monkeypatch.setattr(hashing, "search_versions", watching)
    with hashing_with(1) as (running, _):
        running.work_on(WorkQueue(assigned(1e6)), abandon=True)
        assert until(lambda: len(asked) > 3)
        running.work_on(None, abandon=True)
        assert all(cancelled() for cancelled in asked)


def test_without_work_nothing_is_hashed_and_an_exhausted_job_waits_for_the_next() -> None:
    with hashing_with(2) as (running, _):
        time.sleep(0.02)
        assert running.hashes == 0
        small = assigned(1e6, extranonce2_bytes=0)
        running.work_on(WorkQueue(small, Space(nonces=range(1000))), abandon=True)
        assert until(lambda: running.hashes == 1000)
        running.work_on(WorkQueue(small, Space(nonces=range(1000, 1500))), abandon=False)
        assert until(lambda: running.hashes == 1500)
        running.work_on(None, abandon=False)


def test_the_time_spent_hashing_leaves_waiting_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two threads one searches and one has nothing to do: there was hashing while it did, and not after."""
    ready, go_on = threading.Event(), threading.Event()

    def held_up(work: Work, others: list[Any], **options: Any) -> Any:
        ready.set()
        assert go_on.wait(10)
        return search_versions(work, others, **options)

    monkeypatch.setattr(hashing, "search_versions", held_up)
    with hashing_with(2) as (running, _):
        time.sleep(0.1)
        assert running.hashing_s == 0
        running.work_on(WorkQueue(assigned(1e6, extranonce2_bytes=0), Space(nonces=range(100))), abandon=True)
        assert ready.wait(10)
        began_s = time.perf_counter()
        time.sleep(0.2)
        go_on.set()
        assert until(lambda: running.hashes == 100)
        searched_s = time.perf_counter() - began_s
        time.sleep(0.2)
        assert 0.2 <= running.hashing_s <= searched_s + 0.1


@pytest.mark.parametrize("threads", [1, 2, 64])
def test_the_rate_is_that_of_the_clock_on_the_wall_however_many_threads_there_are(threads: int) -> None:
    """Of 64 threads on two processors some hardly get a turn; their idleness must not count as speed."""
    with hashing_with(threads) as (running, _):
        began_s = time.perf_counter()
        running.work_on(WorkQueue(assigned(1e6)), abandon=True)
        time.sleep(0.5)
        hashes, hashing_s = running.hashes, running.hashing_s
        elapsed_s = time.perf_counter() - began_s
    assert hashes > 0
    assert elapsed_s - 0.2 < hashing_s <= elapsed_s


def test_an_easy_target_does_not_give_a_million_shares_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool may say 2^-31; a slice then holds as few nonces as give some dozens of shares."""
    counts = []

    def counting(work: Work, others: list[Any], **options: Any) -> Any:
        counts.append(work.count * (1 + len(others)))
        return search_versions(work, others, **options)

    monkeypatch.setattr(hashing, "search_versions", counting)
    easiest = Target((1 << 256) - 1)
    with hashing_with(2) as (running, shares):
        running.work_on(WorkQueue(assigned(1, target=easiest, version_mask=0x6000), together=4), abandon=True)
        assert shares.wait_for(lambda: len(shares.found) > 500)
    assert max(counts) <= MOST_HITS * expected_hashes(easiest)


def test_a_kernel_that_fails_is_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        raise MemoryError("no room")

    monkeypatch.setattr(hashing, "search_versions", failing)
    with hashing_with(2) as (running, shares):
        running.work_on(WorkQueue(assigned(1)), abandon=True)
        assert until(lambda: len(shares.failed) == 2)
    assert [str(error) for error in shares.failed] == ["no room"] * 2


@pytest.mark.parametrize("threads", [0, -1, 1025])
def test_a_number_of_threads_that_cannot_be(threads: int) -> None:
    with pytest.raises(SettingError, match=f"{threads} threads"):
        HashThreads(threads, "auto", print, print)


def test_a_backend_that_does_not_exist() -> None:
    with pytest.raises(BackendUnavailableError, match="fpga"):
        HashThreads(1, "fpga", print, print)


def test_shares_are_told_apart() -> None:
    with hashing_with(1) as (running, shares):
        running.work_on(WorkQueue(assigned(1e-6), Space(nonces=range(1 << 16))), abandon=True)
        assert shares.wait_for(lambda: len(shares.found) > 5)
    keys = {share.key for share in shares.found}
    assert len(keys) == len(shares.found)
    one = shares.found[0]
    assert replace(one, nonce=one.nonce + 1).key not in keys or len(keys) > 1
