"""A sample counts the work done and the time it took, on however many threads, and each nonce once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import count as counting
from math import inf, nan

import pytest

from miner.backends import reference
from miner.backends.registry import Backend
from miner.bench.feed import BENCH_HEIGHT, Feed
from miner.bench.sampling import Sample, Tools, take_sample
from miner.bench.settings import BenchSettings
from miner.errors import BenchError
from miner.share import Hit
from miner.target import Target
from miner.template import Template
from miner.vectors import header_at

EASY = Target((1 << 248) - 1)


def ticking(step_s: float) -> Callable[[], float]:
    """A clock that moves by `step_s` [s] whenever somebody looks."""
    ticks: Iterator[int] = counting()
    return lambda: next(ticks) * step_s


def feed(chunk_nonces: int) -> Feed:
    return Feed(chunk_nonces, first_header=0)


def nothing(template: Template, start: int, count: int, target: Target) -> list[Hit]:
    return []


def settings(seconds: float, threads: int = 1, cpus: tuple[int, ...] | None = None) -> BenchSettings:
    return BenchSettings(seconds=seconds, threads=threads, cpus=cpus)


def test_hashes_are_counted_from_the_chunks_done() -> None:
    """Looks of a quarter of a second: one at the start, one after each chunk; half a second is two chunks."""
    sample = take_sample(Backend("fake", nothing, 1000), feed(1000), EASY, settings(0.5), Tools(ticking(0.25)))
    assert (sample.hashes, sample.elapsed_s, sample.rate_hps) == (2000, 0.5, 4000.0)
    assert (sample.core_clock_hz, sample.cycles_per_hash) == (None, None)


def test_cycles_are_those_that_a_processor_gave_and_not_those_that_passed() -> None:
    """A thread that had its core for half of the time."""
    tools = Tools(ticking(0.25), lambda: 3e9, ticking(0.125))
    sample = take_sample(Backend("fake", nothing, 1000), feed(1000), EASY, settings(0.5), tools)
    assert (sample.processor_s, sample.waited_s, sample.processor_share) == (0.25, 0.25, 0.5)
    assert sample.cycles_per_hash == 3e9 * 0.25 / 2000


def test_a_gpu_has_no_cycles_of_a_core() -> None:
    """Its thread waits; what the core's clock is meanwhile is nobody's rate."""
    tools = Tools(ticking(0.25), lambda: 3e9, ticking(0.25))
    sample = take_sample(Backend("cupy", nothing, 1000), feed(1000), EASY, settings(0.5), tools)
    assert (sample.core_clock_hz, sample.processor_s, sample.processor_share, sample.cycles_per_hash) == (None,) * 4


def test_a_thread_that_shares_its_core_does_not_make_hashes_dearer() -> None:
    """Four threads on one core each have it for a quarter of the time; a hash takes as many cycles as with one thread."""
    cpu = min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    engine = Backend("fake", lambda *work: reference.scan(*work), 1 << 12)
    cycles, shares = [], []
    for threads in (1, 4):
        cpus = (cpu,) * threads if hasattr(os, "sched_setaffinity") else None
        wanted = settings(0.4, threads=threads, cpus=cpus)
        sample = take_sample(engine, feed(1 << 12), EASY, wanted, Tools(time.perf_counter, lambda: 3e9))
        assert sample.cycles_per_hash is not None
        assert sample.processor_share is not None
        cycles.append(sample.cycles_per_hash)
        shares.append(sample.processor_share)
    assert cycles[1] < 2 * cycles[0]
    assert shares[1] < 0.5


def test_a_rate_is_over_the_time_it_took_and_not_over_the_time_asked_for() -> None:
    """A chunk of 7 s in a sample of 2 s: 1,000 hashes in 7 s."""
    sample = take_sample(Backend("fake", nothing, 1000), feed(1000), EASY, settings(2.0), Tools(ticking(7.0)))
    assert sample.rate_hps == 1000 / 7


def test_cycles_are_those_of_each_thread() -> None:
    """Two threads on cores of 3 GHz at 100 MH/s together: 60 cycles a hash, not 30."""
    sample = Sample(
        hashes=100_000_000, elapsed_s=1.0, verified_hits=(0,), threads=2, core_clock_hz=3e9, processor_s=2.0, waited_s=0.0
    )
    assert (sample.cycles_per_hash, sample.processor_share) == (60.0, 1.0)


def test_threads_share_the_work_and_do_none_of_it_twice() -> None:
    lock, done = threading.Lock(), []

    def scan(template: Template, start: int, count: int, target: Target) -> list[Hit]:
        with lock:
            done.append((template.tail, start))
        time.sleep(0.002)
        return []

    size = 1 << 31  # two chunks a header, so that headers change as well
    sample = take_sample(Backend("fake", scan, size), feed(size), EASY, settings(0.2, threads=4), Tools(time.perf_counter))
    assert len(done) == len(set(done)) == sample.hashes // size > 40
    assert {start for _, start in done} == {0, size}


def test_hits_are_hashed_again_and_counted_once() -> None:
    """Told twice, told wrongly, or from outside the range: only true hits inside count, each once."""

    def lying(template: Template, start: int, count: int, target: Target) -> list[Hit]:
        honest = reference.scan(template, start, count, target)
        outside = reference.scan(template, start + count, 1000, target)
        return [*honest, *honest, Hit(honest[0].nonce, "00" * 32), *outside]

    sample = take_sample(Backend("fake", lying, 4096), feed(4096), EASY, settings(1.0), Tools(ticking(1.0)))
    raw = header_at(BENCH_HEIGHT).to_bytes()[:76]
    hashed = (sha256(sha256(raw + nonce.to_bytes(4, "little")).digest()).digest() for nonce in range(4096))
    assert sample.verified_hits[0] == sum(digest[31] == 0 for digest in hashed) > 5


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system holds no thread to a processor")
def test_each_thread_is_held_to_its_processor_and_the_others_are_not() -> None:
    before, seen = os.sched_getaffinity(0), set()

    def scan(template: Template, start: int, count: int, target: Target) -> list[Hit]:
        seen.add(frozenset(os.sched_getaffinity(0)))
        return []

    cpus = tuple(sorted(before))[:2]
    take_sample(
        Backend("fake", scan, 1000), feed(1000), EASY, settings(0.1, threads=len(cpus), cpus=cpus), Tools(time.perf_counter)
    )
    assert seen == {frozenset({cpu}) for cpu in cpus}
    assert os.sched_getaffinity(0) == before


def test_ctrl_c_ends_a_long_sample_at_once_and_leaves_no_thread() -> None:
    timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    started_s = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        take_sample(
            Backend("fake", reference.scan, 4096), feed(4096), EASY, settings(60.0, threads=2), Tools(time.perf_counter)
        )
    assert time.monotonic() - started_s < 5
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("bench")] == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"seconds": nan}, "--seconds: a sample of nan s"),
        ({"seconds": inf}, "--seconds: a sample of inf s"),
        ({"seconds": -1.0}, "want 0.05 to 3600 s"),
        ({"repeat": 0}, "--repeat: 0 samples; want 1 to 10000"),
        ({"warmup": -1}, "--warmup: -1 warm-up samples; want 0"),
        ({"threads": 0}, "--threads: 0 threads; want 1"),
        ({"threads": 3, "cpus": (0, 1)}, "3 threads for 2 processors"),
    ],
)
def test_settings_that_cannot_be_measured_are_refused(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(BenchError, match=told):
        BenchSettings(**wrong)  # type: ignore[arg-type]
