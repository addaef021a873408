"""Run an ensemble on a pool of processes: batches out, replicates back in order, nothing lost on Ctrl-C."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, suppress
from multiprocessing import connection
from multiprocessing.process import BaseProcess

from gridsim.ensemble import run_batch
from gridsim.result import Replicate
from gridsim.scenario import Scenario

BATCHES_PER_WORKER = 4  # enough to keep the last one from idling, few enough to cost nothing


class Ensemble:
    """The replicates of one scenario and seed as they come in.

    Start it, do something else in this process meanwhile, then `collect`; `in_order` tells at any time what has arrived.
    """

    def __init__(self, scenario: Scenario, seed: int, replicates: int, pool: ProcessPoolExecutor, workers: int) -> None:
        batches = _batches(replicates, workers * BATCHES_PER_WORKER)
        with interrupts_held_back():
            self._batches: list[Future[list[Replicate]]] = [pool.submit(run_batch, scenario, seed, batch) for batch in batches]
        end_with_worker(pool)

    def collect(self, progress: Callable[[int], None]) -> list[Replicate]:
        """Wait for all batches, telling `progress` how many replicates are in; return them in order of index."""
        pending = set(self._batches)
        while pending:
            finished, pending = wait(pending, return_when=FIRST_COMPLETED)
            for batch in finished:
                batch.result()  # or raise what went wrong in it
            progress(len(self.in_order()))
        return self.in_order()

    def in_order(self) -> list[Replicate]:
        """Return what has arrived so far, in order of index."""
        arrived = (batch for batch in self._batches if batch.done() and not batch.cancelled() and batch.exception() is None)
        return [replicate for batch in arrived for replicate in batch.result()]


@contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Give a pool of fresh processes (no inherited threads or locks) that leaves Ctrl-C to its parent."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)
    try:
        yield pool
    except BaseException:
        _end_now(pool)
        raise
    pool.shutdown(wait=True)


def _end_now(pool: ProcessPoolExecutor) -> None:
    """End the workers whatever they do, and wait until they have ended."""
    _terminate(pool)
    pool.shutdown(wait=True, cancel_futures=True)


def _terminate(pool: ProcessPoolExecutor) -> None:
    """End the workers, and whoever in this process waits for them.

    The pool's own thread would wait for ever for the rest of a result whose sender has ended, since this process holds a
    writing end of that pipe as well. And before Python 3.11.5 a thread that still writes tasks would wait for a reader.
    """
    for process in _processes(pool):
        process.terminate()
    for queue, end in ((pool._result_queue, "_writer"), (pool._call_queue, "_reader")):  # type: ignore[attr-defined]  # noqa: SLF001
        with suppress(OSError, AttributeError):  # the pool's own thread may just be closing it, or has dropped it
            getattr(queue, end).close()


def _processes(pool: ProcessPoolExecutor) -> list[BaseProcess]:
    return list((getattr(pool, "_processes", None) or {}).values())  # a pool that works in this process has none


def end_with_worker(pool: ProcessPoolExecutor) -> None:
    """Once a worker of `pool`, which was given all its work, ends before that is done, end the others.

    It may hold the lock that they wait for, or have left a result half told; without this nobody would ever notice.
    """
    workers = _processes(pool)
    if not workers:
        return

    def watch() -> None:
        ended = connection.wait([worker.sentinel for worker in workers])
        for worker in workers:
            if worker.sentinel in ended:
                worker.join()  # its sentinel ends a moment before it does, and before it has an exit code
        if any(worker.exitcode for worker in workers):
            _terminate(pool)

    threading.Thread(target=watch, name="end-with-worker", daemon=True).start()


def default_workers() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Let Ctrl-C wait while workers start: they inherit that, and so are deaf to it before their first line of Python."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """Leave Ctrl-C to the parent, and do not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _batches(replicates: int, count: int) -> list[range]:
    """Cut 0..replicates into at most `count` neighbouring ranges of nearly equal length."""
    size = -(-replicates // count)
    return [range(start, min(start + size, replicates)) for start in range(0, replicates, size)]
