"""Search that an emulated device does for real: its nonces come from this machine's kernel, at the declared rate or below.

Where the declared rate is more than this machine can do, what is delivered is this machine's: nothing is reported that was not
found. Where it is less, the search waits, so that a nonce comes no sooner than the device would have found it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from miner.backends.registry import Backend
from miner.header import NONCE_SPACE, Nonce
from miner.target import HASH_SPACE, Target
from miner.template import Template

ANSWER_TARGET: Final = Target((HASH_SPACE >> 32) - 1)  # a hash that ends on 32 zero bits
SLICE_S: Final = 0.05
FIRST_NONCES: Final = 1 << 14

Found = Callable[[Nonce], None]


class Finder(Protocol):
    """Searches one piece of work at a time."""

    def begin(self, template: Template, found: Found) -> None:
        """Search all nonces of `template` in place of what is being searched; call `found` with each, from any thread."""
        ...

    def stop(self) -> None:
        """Search nothing."""
        ...

    def delivered_hps(self) -> float:
        """Return the hash rate [H/s] over the last search slices; 0 if nothing was searched yet."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class KernelFinder:
    """Searches by `backend` in a thread of its own, at most at `rate_hps` [H/s]."""

    def __init__(self, backend: Backend, rate_hps: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._backend = backend
        self._rate_hps = rate_hps
        self._clock = clock
        self._change = threading.Condition()
        self._job: tuple[Template, Found] | None = None
        self._number = 0
        self._closed = False
        self._delivered_hps = 0.0
        self._thread = threading.Thread(target=self._run, name="emulated-search", daemon=True)
        self._thread.start()

    def begin(self, template: Template, found: Found) -> None:
        """Search all nonces of `template` in place of what is being searched; call `found` with each, from this thread."""
        self._put((template, found))

    def stop(self) -> None:
        """Search nothing; what is under way ends within a slice, and is not reported."""
        self._put(None)

    def delivered_hps(self) -> float:
        """Return the hash rate [H/s] of the search under way, or of the last one; 0 if nothing was searched yet."""
        return self._delivered_hps

    def close(self) -> None:
        """End the thread and wait for it."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        self._put(None)
        self._thread.join()

    def _put(self, job: tuple[Template, Found] | None) -> None:
        with self._change:
            self._job, self._number = job, self._number + 1
            self._change.notify_all()

    def _run(self) -> None:
        while True:
            with self._change:
                while self._job is None and not self._closed:
                    self._change.wait()
                if self._closed:
                    return
                assert_job, number = self._job, self._number
                self._job = None
            if assert_job is not None:
                self._search(*assert_job, number)

    def _search(self, template: Template, found: Found, number: int) -> None:
        started_s, at, size = self._clock(), 0, FIRST_NONCES
        while at < NONCE_SPACE and self._number == number:
            count = min(size, NONCE_SPACE - at)
            slice_s = self._clock()
            hits = self._backend.scan(template, at, count, ANSWER_TARGET)
            took_s = max(self._clock() - slice_s, 1e-9)
            size = int(min(count * SLICE_S / took_s, self._rate_hps * SLICE_S, 4 * size)) or 1
            for hit in hits:
                if self._wait_until(started_s + (hit.nonce + 1) / self._rate_hps, number):
                    found(hit.nonce)
            at += count
            self._wait_until(started_s + at / self._rate_hps, number)
            self._delivered_hps = at / max(self._clock() - started_s, 1e-9)

    def _wait_until(self, due_s: float, number: int) -> bool:
        """Wait; return whether this search is still wanted then."""
        with self._change:
            while self._number == number and (left_s := due_s - self._clock()) > 0:
                self._change.wait(left_s)
            return self._number == number
