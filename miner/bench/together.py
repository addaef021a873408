"""Threads that start together, and end together when one of them cannot go on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError, Event
from typing import NamedTuple, TypeVar

from miner.errors import BenchError

T = TypeVar("T")


class Start(NamedTuple):
    """What each thread is given: its number, what to call when it is ready to begin, and whether it is to stop early."""

    number: int
    begin: Callable[[], object]
    stopped: Event


def together(threads: int, work: Callable[[Start], T], cpus: Sequence[int] | None = None) -> list[T]:
    """Let `work` run in so many threads, which wait for each other where they begin; return what each gives, in order.

    With `cpus` each thread is held to a logical processor of its own. Where one fails, or Ctrl-C comes, the others are told
    to stop, and the error is raised when they have.

    Raises
    ------
    BenchError
        If so many threads cannot be started, or a thread cannot be held to its processor.
    """
    barrier, stopped = Barrier(threads), Event()

    def end() -> None:
        stopped.set()
        barrier.abort()

    def one(number: int) -> T:
        try:
            if cpus is not None:
                _hold_to(cpus[number])
            return work(Start(number, barrier.wait, stopped))
        except BaseException:
            end()
            raise

    with ThreadPoolExecutor(threads, thread_name_prefix="bench") as pool:
        try:
            return _results(_begun(pool, one, threads))
        except BaseException:
            end()
            raise


def _begun(pool: ThreadPoolExecutor, one: Callable[[int], T], threads: int) -> list[Future[T]]:
    parts: list[Future[T]] = []
    try:
        for number in range(threads):
            parts.append(pool.submit(one, number))
    except (RuntimeError, MemoryError) as error:
        raise BenchError(f"{len(parts)} of {threads} threads could be started ({error}); want fewer") from None
    return parts


def _results(parts: Sequence[Future[T]]) -> list[T]:
    """Wait for all; raise the error that came first to a thread, and not that others no longer had anybody to wait for."""
    errors = [error for part in parts if (error := part.exception()) is not None]
    for error in errors:
        if not isinstance(error, BrokenBarrierError):
            raise error
    return [part.result() for part in parts]


def _hold_to(cpu: int) -> None:
    try:
        os.sched_setaffinity(0, {cpu})
    except AttributeError:
        raise BenchError("this system holds no thread to a processor; want no --affinity") from None
    except OSError as error:
        raise BenchError(f"processor {cpu} cannot be had ({error.strerror}); want one that this process may use") from None
