"""Workers that end while they tell a result: whoever waits for the rest of it is told, and waits no longer."""

from __future__ import annotations

import time
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import psutil
import pytest

from reports.ensemble import end_with_worker, interrupts_held_back, worker_pool

BYTES = 200_000_000  # a result that takes a fifth of a second and more to tell
BEGUN_BYTES = 20_000_000


def half_told(pool: ProcessPoolExecutor) -> Future[bytes]:
    """Let a worker tell a long result; return when that has begun, and is far from its end."""
    with interrupts_held_back():
        pool.submit(int).result(timeout=60)
    this = psutil.Process()
    before_bytes = this.memory_info().rss
    telling = pool.submit(bytes, BYTES)
    while this.memory_info().rss < before_bytes + BEGUN_BYTES and not telling.done():
        time.sleep(0.001)
    return telling


def test_ctrl_c_does_not_wait_for_the_rest() -> None:
    with pytest.raises(KeyboardInterrupt), worker_pool(1) as pool:  # noqa: PT012 - all of it belongs to the pool
        telling = half_told(pool)
        assert not telling.done()
        raise KeyboardInterrupt
    assert isinstance(telling.exception(timeout=0), BrokenProcessPool)


def test_a_worker_that_is_killed_leaves_nobody_waiting() -> None:
    with worker_pool(1) as pool:
        telling = half_told(pool)
        end_with_worker(pool)
        [worker] = [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]
        assert not telling.done()
        worker.kill()
        assert isinstance(telling.exception(timeout=20), BrokenProcessPool)
