"""The processors of this machine as a mining device: a kernel of the mining floor."""

from __future__ import annotations

import queue
from collections import deque
from typing import Final

from hw.device import DeviceState, DeviceWork, Solution, Telemetry
from hw.drivers.errors import PortError, SettingError
from hw.errors import SearchError
from hw.finder import ANSWER_TARGET, KernelFinder
from miner.backends.registry import load
from miner.share import Hit
from miner.target import Target

HELD: Final = 2  # pieces of work: one under way, and one so that it never waits


class ComputeDevice:
    """One thread of a backend; `hw.metered` adds a meter."""

    def __init__(self, backend: str = "auto", *, place: str = "cpu0") -> None:
        self._backend, self._place = backend, place
        self._loaded = ""
        self._finder: KernelFinder | None = None
        self._works: deque[DeviceWork] = deque()  # the first is under way
        self._found: queue.SimpleQueue[tuple[DeviceWork, Hit]] = queue.SimpleQueue()
        self._curtailed = False
        self._nonces = 0
        self._hashes = 0  # of finders that were closed

    @property
    def name(self) -> str:
        """Its backend and which one it is."""
        return f"{self._loaded or self._backend} at {self._place}"

    def open(self) -> None:
        """Load the backend.

        Raises
        ------
        BackendUnavailableError, BackendSelfTestError
            As `miner.backends.registry.load` does.
        """
        self.close()
        engine = load(self._backend)
        self._loaded = engine.name
        self._finder = KernelFinder(engine)
        self._curtailed = False

    def submit(self, work: DeviceWork) -> None:
        """Give it work, after what it has."""
        self._next()
        self._take(work)

    def replace(self, work: DeviceWork) -> None:
        """Give it work in place of all that it has; nothing of that is reported any more."""
        finder = self._opened()
        self._works.clear()
        finder.stop()
        self._take(work)

    def wants_work(self) -> bool:
        """Return whether it holds fewer than two pieces."""
        if self._finder is None or self._curtailed:
            return False
        self._next()
        return len(self._works) < HELD

    def poll(self, timeout_s: float) -> list[Solution]:
        """Return what it found, waiting up to `timeout_s` [s] for the first; raise SearchError if the search has ended."""
        if (failure := self._opened().failure) is not None:
            raise SearchError(f"{self.name}: the search ended: {type(failure).__name__}: {failure}")
        self._next()
        solutions: list[Solution] = []
        while True:
            try:
                work, hit = self._found.get(timeout=0 if solutions else max(0.0, timeout_s))
            except queue.Empty:
                return solutions
            value = int(hit.hash, 16)
            self._nonces += value <= ANSWER_TARGET
            if value <= work.target:
                solutions.append(Solution(work=work, hit=hit))

    def telemetry(self) -> Telemetry:
        """Return what it did so far."""
        return Telemetry(
            state=self._state(),
            hashes=self._hashes + (self._finder.hashes if self._finder is not None else 0),
            nonces=self._nonces,
            hardware_errors=0,
        )

    def set_frequency(self, frequency_mhz: float) -> None:
        """Refuse: the machine's clock is not ours to set."""
        raise SettingError(f"{self.name}: the clock of this machine is not hashwatt's to set; {frequency_mhz:g} MHz refused")

    def set_power_target(self, power_w: float) -> None:
        """Refuse: the machine's limits are not ours to set."""
        raise SettingError(f"{self.name}: the limits of this machine are not hashwatt's to set; {power_w:g} W refused")

    def curtail(self) -> None:
        """Stop within a slice of the search; work is forgotten."""
        finder = self._opened()
        self._works.clear()
        finder.stop()
        self._curtailed = True

    def resume(self) -> None:
        """Take work again."""
        self._curtailed = False

    def close(self) -> None:
        """End the search; closing twice is nothing."""
        if self._finder is not None:
            self._finder.close()
            self._hashes += self._finder.hashes
        self._finder = None
        self._works.clear()

    def _state(self) -> DeviceState:
        if self._finder is None:
            return DeviceState.CLOSED
        if self._curtailed:
            return DeviceState.CURTAILED
        return DeviceState.HASHING if self._finder.busy else DeviceState.IDLE

    def _opened(self) -> KernelFinder:
        if self._finder is None:
            raise PortError(f"{self.name}: not open; open it first")
        return self._finder

    def _take(self, work: DeviceWork) -> None:
        self._opened()
        if self._curtailed:
            raise SettingError(f"{self.name} is curtailed; resume it first")
        self._works.append(work)
        if len(self._works) == 1:
            self._begin(self._opened(), work)

    def _next(self) -> None:
        """Go on to the work that waits, if that under way is searched through."""
        finder = self._opened()
        if self._works and not finder.busy:
            self._works.popleft()
            if self._works:
                self._begin(finder, self._works[0])

    def _begin(self, finder: KernelFinder, work: DeviceWork) -> None:
        target = Target(max(work.target, ANSWER_TARGET))
        finder.begin([work.template], lambda _, hit: self._found.put((work, hit)), target)
