"""Threads that start together: all or none, and an error in one ends the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from miner.bench.together import Start, together
from miner.errors import BenchError


def test_each_has_its_number_and_results_come_in_order() -> None:
    def work(start: Start) -> int:
        start.begin()
        return start.number * 10

    assert together(4, work) == [0, 10, 20, 30]


def test_nobody_begins_before_all_are_there() -> None:
    arrived: list[int] = []

    def work(start: Start) -> int:
        time.sleep(0.02 * start.number)
        arrived.append(start.number)
        start.begin()
        return len(arrived)

    assert together(3, work) == [3, 3, 3]


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_error_in_the_last_one_ends_the_others_at_once_and_is_the_one_that_is_raised(when: str) -> None:
    def work(start: Start) -> None:
        if start.number == 2 and when == "before":
            raise ZeroDivisionError("here")
        start.begin()
        if start.number == 2:
            raise ZeroDivisionError("here")
        start.stopped.wait(30)

    started_s = time.monotonic()
    with pytest.raises(ZeroDivisionError, match="here"):
        together(3, work)
    assert time.monotonic() - started_s < 10


def test_a_processor_that_cannot_be_had_is_a_sentence() -> None:
    with pytest.raises(BenchError, match=r"^(processor 4000 cannot be had \(.+\)|this system holds no thread)"):
        together(2, lambda start: start.begin(), (0, 4000))


def test_threads_that_cannot_be_started_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under a limit of memory or of processes."""
    start: Callable[[threading.Thread], None] = threading.Thread.start
    begun: list[str] = []

    def limited(self: threading.Thread) -> None:
        if self.name.startswith("bench"):
            begun.append(self.name)
            if len(begun) > 3:
                raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(threading.Thread, "start", limited)
    with pytest.raises(BenchError, match=r"^3 of 8 threads could be started \(can't start new thread\); want fewer$"):
        together(8, lambda start: start.begin())
