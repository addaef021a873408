"""Threads that search a job's space and hand over what they find; they change jobs within a tenth of a second.

Each takes a slice of the space that lasts about a twentieth of a second, so that a hit is not held back for long, a new job
gets its turn soon, and nothing is searched twice. Kernels let go of the interpreter, so an event loop runs beside them. A slice
may be of several versions of one header: a kernel that searches them together shares a part of the work between them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from miner.backends.registry import Backend, load
from miner.chunks import MOST_HITS, crowded_chunk, most_hashes
from miner.errors import SettingError
from miner.header import Nonce
from miner.search import FoundVersions, Work, search_versions
from miner.target import Target
from miner.work import Assignment, Roll, WorkUnit, hash_difficulty
from miner.work_queue import WorkQueue

SLICE_S: Final = 0.05
FIRST_SLICE: Final = 1 << 12  # hashes
MOST_GROWTH: Final = 8
MOST_THREADS: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A header of a job that meets its share target: which one, its nonce, and the difficulty of its hash."""

    assignment: Assignment
    roll: Roll
    nonce: Nonce
    difficulty: float

    @property
    def key(self) -> tuple[bytes, int, int, int, bytes]:
        """What tells it apart from others of the same job."""
        return self.roll.extranonce2, self.roll.version, self.roll.time_s, self.nonce, self.assignment.extranonce1


class Hasher(Protocol):
    """What mines for a client: threads of this machine, or devices. It hands shares over as they are found."""

    @property
    def backend(self) -> str:
        """What it is."""
        ...

    @property
    def hashes(self) -> int:
        """How many hashes were computed."""
        ...

    @property
    def hashing_s(self) -> float:
        """How long it has hashed [s]."""
        ...

    def work_on(self, queue: WorkQueue | None, *, abandon: bool) -> None:
        """Go on with another job, or with none; what is under way is ended if `abandon`."""
        ...

    def close(self) -> None:
        """End it; what is found until then is still handed over. Closing twice is nothing."""
        ...


FoundShare = Callable[[Share], None]
Failed = Callable[[BaseException], None]
MakeHasher = Callable[[FoundShare, Failed], Hasher]


class HashThreads:
    """`threads` threads on one backend. `found` and `failed` are called in them, and may block.

    Raises
    ------
    SettingError
        If there are to be fewer than one.
    BackendUnavailableError, BackendSelfTestError
        As `miner.backends.registry.load` does.
    """

    def __init__(self, threads: int, backend: str, found: FoundShare, failed: Failed) -> None:
        if not 1 <= threads <= MOST_THREADS:
            raise SettingError(f"{threads} threads; want 1 to {MOST_THREADS}")
        self._engine = load(backend)
        self._found, self._failed = found, failed
        self._change = threading.Condition()
        self._queue: WorkQueue | None = None
        self._epoch = 0
        self._closed = False
        self._hashes = 0
        self._hashing = _Stopwatch()
        self._threads = [threading.Thread(target=self._run, name=f"hashing-{at}", daemon=True) for at in range(threads)]
        for thread in self._threads:
            thread.start()

    @property
    def backend(self) -> str:
        """The backend's name."""
        return self._engine.name

    @property
    def hashes(self) -> int:
        """How many hashes were computed: nonces, times the versions that each was tried with."""
        with self._change:
            return self._hashes

    @property
    def hashing_s(self) -> float:
        """How long any of the threads has searched [s], all the same how many did; waiting for work does not count."""
        with self._change:
            return self._hashing.seconds()

    def work_on(self, queue: WorkQueue | None, *, abandon: bool) -> None:
        """Go on with another job, or with none; slices under way are ended if `abandon`, or else finished first."""
        with self._change:
            self._queue = queue
            self._epoch += abandon
            self._change.notify_all()

    def close(self) -> None:
        """End the threads and wait for them; what they find until then is still handed over."""
        with self._change:
            self._closed = True
            self._queue = None
            self._epoch += 1
            self._change.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        pace = _Pace(self._engine, len(self._threads))
        try:
            while (taken := self._next_slice(pace)) is not None:
                unit, epoch = taken
                with self._change:
                    started_s = self._hashing.begin()
                result = self._search(unit, epoch)
                hashes = result.scanned * len(unit.rolls)
                with self._change:
                    self._hashes += hashes
                    searched_s = self._hashing.end() - started_s
                pace.learn(hashes, searched_s)
                for roll, hits in zip(unit.rolls, result.hits, strict=True):
                    for hit in hits:
                        difficulty = hash_difficulty(int(hit.hash, 16))
                        self._found(Share(assignment=unit.assignment, roll=roll, nonce=hit.nonce, difficulty=difficulty))
        except BaseException as error:  # a thread that dies quietly would look like bad luck
            self._failed(error)

    def _next_slice(self, pace: _Pace) -> tuple[WorkUnit, int] | None:
        """Wait for work; return a slice of it, or None at the end."""
        while True:
            with self._change:
                while self._queue is None and not self._closed:
                    self._change.wait()
                if self._closed or self._queue is None:
                    return None
                queue, epoch = self._queue, self._epoch
            unit = queue.take(pace.hashes(queue.assignment.target))
            if unit is not None:
                return unit, epoch
            with self._change:  # nothing is left of this job: wait for another
                if self._queue is queue:
                    self._queue = None

    def _search(self, unit: WorkUnit, epoch: int) -> FoundVersions:
        first, *others = unit.templates
        work = Work(template=first, target=unit.assignment.target, start=unit.start, count=unit.count)
        return search_versions(work, others, backend=self._engine.name, cancelled=lambda: self._epoch != epoch)


class _Stopwatch:
    """Time in which at least one of several works; not safe to use from several threads at once.

    Time of each thread on its own would not do: of more threads than processors some hardly get a turn.
    """

    def __init__(self) -> None:
        self._at_work = 0
        self._since_s = 0.0
        self._before_s = 0.0

    def begin(self) -> float:
        """Let one more begin; return the time [s]."""
        now_s = time.perf_counter()
        if not self._at_work:
            self._since_s = now_s
        self._at_work += 1
        return now_s

    def end(self) -> float:
        """Let one end; return the time [s]."""
        now_s = time.perf_counter()
        self._at_work -= 1
        if not self._at_work:
            self._before_s += now_s - self._since_s
        return now_s

    def seconds(self) -> float:
        """Return how long there was work [s] until now."""
        return self._before_s + (time.perf_counter() - self._since_s if self._at_work else 0.0)


class _Pace:
    """How many hashes last about `SLICE_S`, as one thread has learnt."""

    def __init__(self, engine: Backend, threads: int) -> None:
        self._chunk, self._turn = engine.chunk_nonces, crowded_chunk(engine, threads)
        self._hashes = FIRST_SLICE

    def hashes(self, target: Target) -> int:
        whole = self._hashes - self._hashes % self._chunk if self._hashes > self._chunk else self._hashes
        if self._turn < self._chunk:  # threads take turns: a clock that ran while others had theirs tells little
            whole = min(whole, self._turn)
        return min(whole, most_hashes(target, MOST_HITS))

    def learn(self, hashes: int, elapsed_s: float) -> None:
        if hashes and elapsed_s > 0:
            wanted = int(hashes * SLICE_S / elapsed_s)
            self._hashes = max(1, min(wanted, self._hashes * MOST_GROWTH))
