"""The gate between hashing threads and a pool that must judge what they find."""

from __future__ import annotations

import threading

from miner.stratum.gate import Gate


def test_only_so_many_are_inside_until_some_leave() -> None:
    gate, inside, come_in = Gate(3), threading.Semaphore(0), threading.Semaphore(0)

    def visitor() -> None:
        come_in.acquire()
        gate.enter()
        inside.release()

    threads = [threading.Thread(target=visitor) for _ in range(8)]
    for thread in threads:
        thread.start()
        come_in.release()
    for _ in range(3):
        assert inside.acquire(timeout=5)
    assert gate.is_full
    assert not inside.acquire(timeout=0.05)
    gate.leave(2)
    for _ in range(2):
        assert inside.acquire(timeout=5)
    assert not inside.acquire(timeout=0.05)
    gate.open()
    for _ in range(3):
        assert inside.acquire(timeout=5)
    for thread in threads:
        thread.join(5)
    gate.leave(6)
    assert not gate.is_full
