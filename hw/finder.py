"""Search that a device of this program does for real: nonces come from this machine's kernel, at a declared rate or below.

Where the declared rate is more than this machine can do, what is delivered is this machine's: nothing is reported that was not
found. Where it is less, the search waits, so that a nonce comes no sooner than the device would have found it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, Protocol

from miner.backends.registry import Backend
from miner.chunks import most_hashes
from miner.header import NONCE_SPACE, Nonce, message_word
from miner.share import Hit
from miner.target import HASH_SPACE, Target
from miner.template import Template

ANSWER_TARGET: Final = Target((HASH_SPACE >> 32) - 1)  # a hash that ends on 32 zero bits, as devices report them
SLICE_S: Final = 0.05
FIRST_NONCES: Final = 1 << 14
MOST_GROWTH: Final = 4

_LOG = logging.getLogger(__name__)

Found = Callable[[int, Hit], None]  # which template, from 0, and its hit


class Finder(Protocol):
    """Searches one piece of work at a time."""

    def begin(self, templates: Sequence[Template], found: Found, target: Target = ANSWER_TARGET) -> None:
        """Search all nonces of `templates`, which share their tail, in place of what is being searched.

        `found` is called with each hit, from any thread.
        """
        ...

    def stop(self) -> None:
        """Search nothing."""
        ...

    def close(self) -> None:
        """End it."""
        ...


@dataclass(frozen=True, slots=True)
class _Job:
    """A search: its number, what is searched, whom to tell, and how easy a hit is."""

    number: int
    templates: Sequence[Template]
    found: Found
    target: Target


class KernelFinder:
    """Searches by `backend` in a thread of its own, at most at `rate_hps` [H/s]; `clock` gives seconds.

    Nonces are tried in their order; or in that of the message's words, if told so and the backend can. Then `parts` of the
    words, which are equal, are searched at the same time, each from its beginning on, as by the chips of a device that share
    them.
    """

    def __init__(
        self,
        backend: Backend,
        rate_hps: float = inf,
        clock: Callable[[], float] = time.monotonic,
        *,
        by_word: bool = False,
        parts: int = 1,
    ) -> None:
        self._backend, self._rate_hps, self._clock = backend, rate_hps, clock
        self._words = backend.words if by_word else None
        self._parts = 1 if self._words is None else parts
        self._share = NONCE_SPACE // self._parts  # nonces of a part
        self._change = threading.Condition()
        self._job: _Job | None = None
        self._number = 0
        self._busy = self._closed = False
        self._failure: Exception | None = None
        self._hashes = 0
        self._searched_s = 0.0
        self._thread = threading.Thread(target=self._run, name="device-search", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether it has something to search."""
        with self._change:
            return self._busy or self._job is not None

    @property
    def hashes(self) -> int:
        """How many hashes were computed in all."""
        with self._change:
            return self._hashes

    @property
    def failure(self) -> Exception | None:
        """What ended a search, and all searching with it, or None."""
        with self._change:
            return self._failure

    def delivered_hps(self) -> float:
        """Return the hash rate [H/s] over all searches, with waits for a lower declared rate; 0 if there was none yet."""
        with self._change:
            return self._hashes / self._searched_s if self._searched_s > 0 else 0.0

    def begin(self, templates: Sequence[Template], found: Found, target: Target = ANSWER_TARGET) -> None:
        """Search all nonces of `templates` in place of what is being searched; call `found` with each hit, from its thread."""
        with self._change:
            self._number += 1
            self._job = _Job(self._number, templates, found, target)
            self._change.notify_all()

    def stop(self) -> None:
        """Search nothing; what is under way ends within a slice, and is not reported."""
        with self._change:
            self._number += 1
            self._job = None
            self._change.notify_all()

    def close(self) -> None:
        """End the thread and wait for it."""
        with self._change:
            self._closed = True
        self.stop()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._change:
                self._busy = False
                while self._job is None and not self._closed:
                    self._change.wait()
                job, self._job = self._job, None
                if self._closed or job is None:
                    return
                self._busy = True
            try:
                self._search(job)
            except Exception as error:  # whatever it is, who waits for nonces must hear of it
                _LOG.error("the search ended: %s: %s", type(error).__name__, error)
                with self._change:
                    self._failure, self._busy = error, False
                return

    def _search(self, job: _Job) -> None:
        at, size = 0, FIRST_NONCES
        width = len(job.templates) * self._parts  # hashes of a step
        most = max(1, most_hashes(job.target) // width)
        started_s = told_s = self._clock()
        while at < self._share and self._number == job.number:
            count = min(size, most, self._share - at)
            slice_s = self._clock()
            found = self._scan(job, at, count)
            took_s = max(self._clock() - slice_s, 1e-9)
            size = max(1, int(min(count * SLICE_S / took_s, self._rate_hps * SLICE_S / width, MOST_GROWTH * count)))
            hits = [(self._turn(hit.nonce), place, hit) for place, some in enumerate(found) for hit in some]
            for turn, place, hit in sorted(hits, key=lambda one: one[:2]):
                if self._waited(started_s + (turn + 1) * len(job.templates) / self._rate_hps, job):
                    job.found(place, hit)
            at += count
            self._waited(started_s + at * width / self._rate_hps, job)
            with self._change:
                self._hashes += count * width
                self._searched_s += self._clock() - told_s
                told_s = self._clock()

    def _scan(self, job: _Job, at: int, count: int) -> list[list[Hit]]:
        if self._words is None:
            return self._backend.scan_versions(job.templates, at, count, job.target)
        begins = [part * self._share + at for part in range(self._parts)]
        return [
            [hit for begin in begins for hit in self._words(template, begin, count, job.target)] for template in job.templates
        ]

    def _turn(self, nonce: Nonce) -> int:
        """Return how many nonces are tried before this one, all parts taking turns."""
        if self._words is None:
            return nonce
        part, place = divmod(message_word(nonce), self._share)
        return place * self._parts + part

    def _waited(self, due_s: float, job: _Job) -> bool:
        """Wait; return whether this search is still wanted then."""
        with self._change:
            while self._number == job.number and (left_s := due_s - self._clock()) > 0:
                self._change.wait(left_s)
            return self._number == job.number
