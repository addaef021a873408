"""What mining at a pool costs: hashes of client and pool together against those of a plain search on as many threads."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import Any

import psutil
import pytest

import miner.search
from miner.backends.registry import Backend
from miner.search import Work, search
from miner.stratum.address import PoolAddress
from miner.stratum.client import StratumClient
from miner.stratum.client_session import Login
from miner.stratum.client_settings import ClientSettings
from miner.stratum.hashing import HashThreads
from miner.stratum.jobs import SyntheticJobs
from miner.stratum.pool import StratumPool
from miner.stratum.pool_core import PoolCore, PoolSettings
from miner.template import HeaderTemplate
from miner.vectors import header_at
from miner.work import target_from_difficulty

PAIRS = 20
SAMPLE_S = 5.0
DIFFICULTY = 1 / 512  # about ten shares a second from two fast threads
MOST_LOSS = 0.02
MOST_FOREIGN = 0.03  # of the machine's processors, taken by other programs during a sample
CORES = os.cpu_count() or 1


@dataclass
class Sample:
    """What a stretch of hashing gave and took.

    `kernel_s` and `cpu_s` are processor time in the kernel and of the whole process, pool included; `idle_s` is what
    threads spent without a slice to search, together; `foreign` is the share of the machine that others took.
    """

    hashes: int = 0
    wall_s: float = 0.0
    kernel_s: float = 0.0
    cpu_s: float = 0.0
    idle_s: float = 0.0
    foreign: float = 0.0

    @property
    def per_wall_s(self) -> float:
        return self.hashes / self.wall_s

    def useful(self, threads: int) -> float:
        """Return the share of time in which the kernel ran: both parts of a quotient suffer alike from other programs."""
        return self.kernel_s / self.cpu_s * (1 - self.idle_s / (threads * self.wall_s))


@dataclass
class Watch:
    """How long scans took of their threads' processor time, and how long threads waited for a slice, each."""

    scans_s: list[float] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)

    @contextmanager
    def measured(self) -> Iterator[Sample]:
        sample, busy_s = Sample(), machine_s()
        self.scans_s.clear()
        self.waits_s.clear()
        began_s, cpu_s = time.perf_counter(), time.process_time()
        yield sample
        sample.wall_s, sample.cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
        sample.kernel_s, sample.idle_s = sum(self.scans_s), sum(self.waits_s)
        sample.foreign = (machine_s() - busy_s - sample.cpu_s) / (sample.wall_s * CORES)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch, next_slice, load = Watch(), HashThreads._next_slice, miner.search.load

    def timed_slice(self: HashThreads, pace: Any) -> Any:
        began_s = time.perf_counter()
        taken = next_slice(self, pace)
        watch.waits_s.append(time.perf_counter() - began_s)
        return taken

    def timed_load(name: str) -> Backend:
        engine = load(name)

        def scan(*arguments: Any) -> Any:
            began_s = time.thread_time()
            hits = engine.scan(*arguments)
            watch.scans_s.append(time.thread_time() - began_s)
            return hits

        return engine._replace(scan=scan)

    monkeypatch.setattr(HashThreads, "_next_slice", timed_slice)
    monkeypatch.setattr(miner.search, "load", timed_load)
    return watch


def machine_s() -> float:
    """Return how long all processors were busy since the machine started."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0) - getattr(times, "guest", 0)


def plain(threads: int, watch: Watch, seconds: float = SAMPLE_S) -> Sample:
    """Search one header without a pool."""
    work = Work(template=HeaderTemplate(header_at(125552).to_bytes()), target=target_from_difficulty(DIFFICULTY))
    end_s = time.perf_counter() + seconds
    with watch.measured() as sample:
        sample.hashes = search(work, first_only=False, threads=threads, cancelled=lambda: time.perf_counter() >= end_s).scanned
    return sample


def pooled(threads: int, watch: Watch, seconds: float = SAMPLE_S) -> Sample:
    """Mine at a pool in this process, with a new job every second and every third of a new block."""

    async def play() -> Sample:
        settings = PoolSettings(difficulty=DIFFICULTY, interval_s=1.0, jobs_per_block=3)
        core = PoolCore(SyntheticJobs(), settings, clock=time.monotonic, unix_clock=time.time)
        async with StratumPool(core) as pool:
            address = PoolAddress(*await pool.listen("127.0.0.1", 0))
            client = StratumClient(address, Login(user="w"), ClientSettings(threads=threads))
            mining = asyncio.create_task(client.run())
            while client.snapshot().hashes < 10_000_000:
                await asyncio.sleep(0.01)
            before = client.snapshot().hashes
            with watch.measured() as sample:
                await asyncio.sleep(seconds)
                sample.hashes = client.snapshot().hashes - before
            client.stop()
            await mining
            assert client.snapshot().accepted == pool.snapshot().accepted > 0
            return sample

    return asyncio.run(play())


def bootstrap(values: list[float], draws: int = 10_000) -> tuple[float, float]:
    """Return a 95 % interval of the median, by drawing the values anew."""
    draw = Random(1)
    medians = sorted(median(draw.choices(values, k=len(values))) for _ in range(draws))
    return medians[draws * 25 // 1000], medians[draws * 975 // 1000]


@pytest.mark.slow
@pytest.mark.parametrize("threads", sorted({1, CORES}))
def test_mining_at_a_pool_costs_less_than_two_percent(threads: int, watch: Watch, capsys: pytest.CaptureFixture[str]) -> None:
    """Pairs lie side by side, in changing order. By the wall clock, if the machine was ours; else by useful time."""
    plain(threads, watch, 0.5)
    pooled(threads, watch, 0.5)
    pairs = []
    for number in range(PAIRS):
        if number % 2:
            at_pool, alone = pooled(threads, watch), plain(threads, watch)
        else:
            alone, at_pool = plain(threads, watch), pooled(threads, watch)
        pairs.append((at_pool, alone))
    by_use = [1 - at_pool.useful(threads) / alone.useful(threads) for at_pool, alone in pairs]
    quiet = [pair for pair in pairs if max(sample.foreign for sample in pair) <= MOST_FOREIGN]
    by_wall = [1 - at_pool.per_wall_s / alone.per_wall_s for at_pool, alone in quiet]
    told = (
        f"\nloss at a pool, {threads} threads: {summary(by_wall)} undisturbed by the wall clock; {summary(by_use)} by useful "
        f"time; alone {median(alone.per_wall_s for _, alone in pairs) / 1e6:.1f} MH/s\n"
    )
    with capsys.disabled():
        sys.stdout.write(told)
    assert median(by_wall if len(by_wall) >= PAIRS // 2 else by_use) < MOST_LOSS, told


def summary(losses: list[float]) -> str:
    if len(losses) < 2:
        return f"{len(losses)} pairs"
    low, high = bootstrap(losses)
    return f"median {median(losses):.2%} [95 %: {low:.2%} to {high:.2%}] of {len(losses)} pairs"
