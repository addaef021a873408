"""One sample: some threads scan chunk after chunk for a while, and count what they did."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from miner.backends.registry import KINDS, Backend
from miner.bench.audit import Counts, added, verified
from miner.bench.feed import Feed
from miner.bench.settings import BenchSettings
from miner.bench.together import Start, together
from miner.target import Target

Clock = Callable[[], float]
CoreClock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What all threads did together from the first one's start to the last one's end.

    `verified_hits` holds one number for each midstate. `core_clock_hz` is the mean over the threads' cores, measured on each
    right after its work, and `processor_s` [s] what processors gave to all threads; `waited_s` [s] is what they lacked, since
    other work had the processors meanwhile. All three are None where that is not known, or somebody else does the work.
    """

    hashes: int
    elapsed_s: float
    verified_hits: Counts
    threads: int
    core_clock_hz: float | None = None
    processor_s: float | None = None
    waited_s: float | None = None

    @property
    def rate_hps(self) -> float:
        """Hash rate [H/s] of all threads together."""
        return self.hashes / self.elapsed_s

    @property
    def cycles_per_hash(self) -> float | None:
        """Core cycles that a hash took, on whichever core; time in which a thread had to wait for one is no cycle."""
        if self.core_clock_hz is None or self.processor_s is None:
            return None
        return self.core_clock_hz * self.processor_s / self.hashes

    @property
    def processor_share(self) -> float | None:
        """Which part of the time a thread had a processor: 1 on a machine that does nothing else."""
        if self.processor_s is None or self.waited_s is None:
            return None
        return self.processor_s / (self.processor_s + self.waited_s)


@dataclass(frozen=True, slots=True)
class Tools:
    """What a sample takes from outside: three clocks.

    One tells the time [s], one measures the clock [Hz] of the core that asks, one the processor time [s] of the asking thread.
    """

    clock: Clock
    core_clock: CoreClock | None = None
    processor_clock: Clock = time.thread_time


def take_sample(engine: Backend, feed: Feed, target: Target, settings: BenchSettings, tools: Tools) -> Sample:
    """Let all threads start together and stop with the chunk in which the time runs out, or with Ctrl-C.

    Raises
    ------
    BenchError
        If so many threads, or one on each of the processors asked for, cannot be had.
    """
    on_gpu = KINDS.get(engine.name) == "GPU"

    def work(start: Start) -> _Done:
        hashes, hits = 0, [(0,) * settings.midstates]
        start.begin()
        started_s = ended_s = tools.clock()
        processor_from_s = processor_to_s = tools.processor_clock()  # within the other clock's two readings
        while ended_s - started_s < settings.seconds and not start.stopped.is_set():
            chunk = feed.next()
            hits.append(verified(chunk, target, engine.scan_versions(*chunk, target)))
            hashes += chunk.hashes
            processor_to_s = tools.processor_clock()
            ended_s = tools.clock()
        clock_hz = None if on_gpu or tools.core_clock is None else tools.core_clock()
        return _Done(hashes, added(hits), started_s, ended_s, processor_to_s - processor_from_s, clock_hz)

    done = together(settings.threads, work, settings.cpus)
    clocks_hz = [part.core_clock_hz for part in done if part.core_clock_hz is not None]
    processor_s = sum(part.processor_s for part in done)
    return Sample(
        hashes=sum(part.hashes for part in done),
        elapsed_s=max(part.ended_s for part in done) - min(part.started_s for part in done),
        verified_hits=added(part.hits for part in done),
        threads=settings.threads,
        core_clock_hz=fmean(clocks_hz) if clocks_hz else None,
        processor_s=None if on_gpu else processor_s,
        waited_s=None if on_gpu else max(0.0, sum(part.ended_s - part.started_s for part in done) - processor_s),
    )


class _Done(NamedTuple):
    """What one thread did."""

    hashes: int
    hits: Counts
    started_s: float
    ended_s: float
    processor_s: float
    core_clock_hz: float | None
