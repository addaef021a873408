"""Serve emulated devices on their lines, all in one thread, until told to stop."""

from __future__ import annotations

import contextlib
import os
import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from threading import Lock
from typing import Final, Protocol

from hw.emulators.faults import Fault, Faults
from hw.emulators.pty_line import PtyLine

NOISE_S: Final = 0.2  # mean time between stray bytes of a noisy line
BAUD_TOLERANCE: Final = 0.05  # of a speed; an 8N1 frame is read rightly up to half a bit in ten
LONGEST_S: Final = 0.5  # between looks at faults


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorSnapshot:
    """How many pieces of work a device was given, how many nonces it reported, and its declared hash rate [H/s] by now.

    Clock, watts at its input [W], joules [J] and temperature [°C] are None where no model of them is known. A meter's pieces of
    work are the requests that came for it.
    """

    works: int
    answers: int
    declared_hps: float
    clock_mhz: float | None = None
    power_w: float | None = None
    energy_j: float | None = None
    chip_c: float | None = None


class Emulator(Protocol):
    """A device without a port."""

    @property
    def baud(self) -> int:
        """The speed [baud] at which it listens and speaks."""
        ...

    @property
    def faults(self) -> Faults:
        """What is wrong with it."""
        ...

    def snapshot(self, now_s: float) -> EmulatorSnapshot:
        """Return what it did so far, and how it stands."""
        ...

    def feed(self, data: bytes, now_s: float) -> None:
        """Take what the host sent."""
        ...

    def due_s(self) -> float | None:
        """Return when there is something to send, or None."""
        ...

    def poll(self, now_s: float) -> bytes:
        """Return what the device sends by now."""
        ...


@dataclass(slots=True)
class Served:
    """A device and its line, None once that was hung up; `noise_s` is when the next stray byte comes, if any do."""

    emulator: Emulator
    path: str
    line: PtyLine | None
    noise_s: float = 0.0


class EmulatorServer:
    """Carries bytes between devices and their lines. `wake` may be called from any thread, and lets it look again at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, rng: Random | None = None) -> None:
        self._clock = clock
        self._rng = rng or Random(0)
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = os.pipe()
        os.set_blocking(self._waker, False)
        os.set_blocking(self._woken, False)
        self._selector.register(self._waker, selectors.EVENT_READ, None)
        self._served: list[Served] = []
        self._lock = Lock()  # of the devices, which are asked how they stand by other threads
        self._stopped = False

    @property
    def paths(self) -> list[str]:
        """Where hosts find the devices, in the order in which they were added."""
        return [served.path for served in self._served]

    def snapshots(self) -> list[EmulatorSnapshot]:
        """Return what each device did so far, in the same order."""
        with self._lock:
            now_s = self._clock()
            return [served.emulator.snapshot(now_s) for served in self._served]

    def add(self, emulator: Emulator, line: PtyLine) -> None:
        """Serve one more device."""
        served = Served(emulator, line.path, line)
        self._served.append(served)
        self._selector.register(line, selectors.EVENT_READ, served)

    def wake(self) -> None:
        """Look again at once at what there is to send."""
        with contextlib.suppress(OSError):  # it is awake already, or closed
            os.write(self._woken, b"\0")

    def stop(self) -> None:
        """End `run`, from any thread or signal handler."""
        self._stopped = True
        self.wake()

    def run(self, until_s: float | None = None) -> None:
        """Serve until stopped, or until `until_s` [s] on the clock."""
        while not self._stopped and (until_s is None or self._clock() < until_s):
            self._turn(until_s)

    def close(self) -> None:
        """Hang up all lines."""
        for served in self._served:
            if served.line is not None:
                served.line.close()
        self._selector.close()
        os.close(self._waker)
        os.close(self._woken)

    def _turn(self, until_s: float | None) -> None:
        ready = self._selector.select(self._pause_s(until_s))
        with self._lock:
            self._serve(ready)

    def _serve(self, ready: list[tuple[selectors.SelectorKey, int]]) -> None:
        for key, _ in ready:
            if key.data is None:
                os.read(self._waker, 4096)
            elif key.data.line is not None:
                self._take(key.data, key.data.line)
        now_s = self._clock()
        for served in self._served:
            if served.line is None:
                continue
            data = served.emulator.poll(now_s)
            if served.emulator.faults.there(Fault.NOISE, now_s) and served.noise_s <= now_s:
                data = self._rng.randbytes(1) + data
                served.noise_s = now_s + self._rng.expovariate(1 / NOISE_S)
            if data:
                served.line.write(self._heard(served, served.line, data, now_s))
            if served.emulator.faults.there(Fault.HANG_UP, now_s):
                self._selector.unregister(served.line)
                served.line.close()
                served.line = None

    def _take(self, served: Served, line: PtyLine) -> None:
        now_s = self._clock()
        data = line.read()
        if data:
            served.emulator.feed(self._heard(served, line, data, now_s), now_s)

    def _heard(self, served: Served, line: PtyLine, data: bytes, now_s: float) -> bytes:
        """Return what the other end hears: bytes sent at another speed than it listens at arrive mangled."""
        own, others = served.emulator.baud, line.baud
        if abs(own - others) <= BAUD_TOLERANCE * own and not served.emulator.faults.there(Fault.WRONG_BAUD, now_s):
            return data
        return bytes(byte & 0xF0 | 0x0E for byte in data[::2])

    def _pause_s(self, until_s: float | None) -> float:
        """Return how long there is nothing to do but to listen."""
        now_s = self._clock()
        moments = [now_s + LONGEST_S] if until_s is None else [now_s + LONGEST_S, until_s]
        for served in self._served:
            if served.line is not None:
                moments += [at for at in (served.emulator.due_s(), served.emulator.faults.next_s(now_s)) if at is not None]
                if served.emulator.faults.there(Fault.NOISE, now_s):
                    moments.append(served.noise_s)
        return max(0.0, min(moments) - now_s)
