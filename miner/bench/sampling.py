"""One sample: some threads scan chunk after chunk for a while, and count what they did."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import fmean
from threading import Barrier, Event
from typing import NamedTuple

from miner.backends.registry import Backend
from miner.bench.audit import Counts, added, verified
from miner.bench.feed import Feed
from miner.bench.settings import BenchSettings
from miner.target import Target

Clock = Callable[[], float]
CoreClock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What all threads did together from the first one's start to the last one's end.

    `verified_hits` holds one number for each midstate. `core_clock_hz` is the mean over the threads' cores, measured on each
    right after its work; None without a way to.
    """

    hashes: int
    elapsed_s: float
    verified_hits: Counts
    threads: int
    core_clock_hz: float | None

    @property
    def rate_hps(self) -> float:
        """Hash rate [H/s] of all threads together."""
        return self.hashes / self.elapsed_s

    @property
    def cycles_per_hash(self) -> float | None:
        """Core cycles that one thread spent on a hash."""
        return None if self.core_clock_hz is None else self.core_clock_hz * self.threads / self.rate_hps


@dataclass(frozen=True, slots=True)
class Tools:
    """What a sample takes from outside: a clock [s], and a way to measure the clock [Hz] of the core that asks."""

    clock: Clock
    core_clock: CoreClock | None = None


def take_sample(engine: Backend, feed: Feed, target: Target, settings: BenchSettings, tools: Tools) -> Sample:
    """Let all threads start together and stop with the chunk in which the time runs out, or with Ctrl-C."""
    barrier, stopped = Barrier(settings.threads), Event()

    def work(number: int) -> _Done:
        if settings.cpus is not None:
            os.sched_setaffinity(0, {settings.cpus[number]})
        hashes, hits = 0, [(0,) * settings.midstates]
        barrier.wait()
        started_s = ended_s = tools.clock()
        while ended_s - started_s < settings.seconds and not stopped.is_set():
            chunk = feed.next()
            hits.append(verified(chunk, target, engine.scan_versions(*chunk, target)))
            hashes += chunk.hashes
            ended_s = tools.clock()
        return _Done(hashes, added(hits), started_s, ended_s, tools.core_clock() if tools.core_clock is not None else None)

    with ThreadPoolExecutor(settings.threads, thread_name_prefix="bench") as pool:
        try:
            done = list(pool.map(work, range(settings.threads)))
        except BaseException:
            stopped.set()
            barrier.abort()
            raise
    clocks_hz = [part.core_clock_hz for part in done if part.core_clock_hz is not None]
    return Sample(
        hashes=sum(part.hashes for part in done),
        elapsed_s=max(part.ended_s for part in done) - min(part.started_s for part in done),
        verified_hits=added(part.hits for part in done),
        threads=settings.threads,
        core_clock_hz=fmean(clocks_hz) if clocks_hz else None,
    )


class _Done(NamedTuple):
    """What one thread did."""

    hashes: int
    hits: Counts
    started_s: float
    ended_s: float
    core_clock_hz: float | None
