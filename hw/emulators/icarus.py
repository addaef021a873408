"""An emulated Icarus, without a port: bytes and the time go in, bytes and the next moment of interest come out.

New work pre-empts. The device stops at its first nonce, or in silence when the sweep is over. Work with a known answer is
answered when the declared hash rate would have found it; all other work is searched for real.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hw.drivers.icarus.commands import COMMAND_BYTES, Clock, clock_of, looks_like_command
from hw.drivers.icarus.family import SWEEP, IcarusProfile
from hw.drivers.icarus.frames import BAUD, WORK_BYTES, decode_work, encode_nonce, place_in_sweep
from hw.emulators.answers import key_of, known_answers
from hw.emulators.faults import STUCK_NONCE, STUCK_S, Fault, Faults
from hw.emulators.outbox import Outbox
from hw.emulators.serving import EmulatorSnapshot
from hw.finder import Finder
from miner.header import Nonce, message_word
from miner.share import Hit

GAP_S: Final = 0.1  # a frame that stays unfinished so long is none: the line has no other framing


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How a device is emulated: what it is, at which hash rate [H/s], with which faults."""

    profile: IcarusProfile
    rate_hps: float
    faults: Faults = field(default_factory=Faults)


class IcarusEmulator:
    """A device of this family. `wake` is called, from the finder's thread, when a search has found something."""

    baud: Final = BAUD

    def __init__(self, setting: Setting, finder: Finder, wake: Callable[[], None] = lambda: None) -> None:
        self._setting = setting
        self._known = known_answers(setting.profile.parts)
        self._finder = finder
        self._wake = wake
        self._kept, self._last_s = b"", 0.0
        self._outbox = Outbox()
        self._found: queue.SimpleQueue[tuple[int, Nonce]] = queue.SimpleQueue()
        self._open = False  # whether the work under way was not answered yet
        self._rate_hps = setting.rate_hps
        self._works = 0
        self._answers = 0

    @property
    def faults(self) -> Faults:
        """What is wrong with it."""
        return self._setting.faults

    def snapshot(self, now_s: float) -> EmulatorSnapshot:
        """Return what it did so far, and its rate."""
        return EmulatorSnapshot(works=self._works, answers=self._answers, declared_hps=self._rate_hps)

    def feed(self, data: bytes, now_s: float) -> None:
        """Take what the host sent."""
        if self._kept and now_s - self._last_s > GAP_S:
            self._kept = b""
        self._last_s = now_s
        self._kept += data
        while self._command() or len(self._kept) >= WORK_BYTES:
            if self._command():
                self._clock(clock_of(self._kept[:COMMAND_BYTES]))
                self._kept = self._kept[COMMAND_BYTES:]
            else:
                frame, self._kept = self._kept[:WORK_BYTES], self._kept[WORK_BYTES:]
                self._begin(frame, now_s)

    def due_s(self) -> float | None:
        """Return when there is something to send that is known by now, or None."""
        return self._outbox.due_s()

    def poll(self, now_s: float) -> bytes:
        """Return what the device sends by now."""
        while not self._found.empty():
            number, nonce = self._found.get_nowait()
            if number == self._works and self._open and not self._belongs_to_the_dead(nonce, now_s):
                self._finder.stop()
                self._answer(nonce, now_s, now_s)
        return self._outbox.take(now_s)

    def _command(self) -> bool:
        """Tell whether a command comes next: on devices that know them, and if it is not just what work looks like."""
        clocked = self._setting.profile.clock_mhz is not None
        return clocked and len(self._kept) != WORK_BYTES and looks_like_command(self._kept)

    def _clock(self, clock: Clock | None) -> None:
        """Hash as fast as a clock lets the device."""
        profile = self._setting.profile
        if clock is not None:
            self._rate_hps = self._setting.rate_hps * profile.rate_at(clock.mhz) / profile.hashrate_hps

    def _begin(self, frame: bytes, now_s: float) -> None:
        """Drop what is under way and begin this work."""
        self._finder.stop()
        self._works += 1
        self._open = True
        self._outbox.next_work(now_s)
        if self.faults.there(Fault.HANG, now_s):
            return
        if self.faults.there(Fault.STUCK_NONCE, now_s):
            self._answer(STUCK_NONCE, now_s, now_s + STUCK_S)
            return
        template, number = decode_work(frame), self._works
        nonce = self._known.get(key_of(template))
        if nonce is not None and not self._belongs_to_the_dead(nonce, now_s):
            self._answer(nonce, now_s, now_s + (place_in_sweep(nonce, self._setting.profile.parts) + 1) / self._rate_hps)
            return

        def found(_: int, hit: Hit) -> None:
            self._found.put((number, hit.nonce))
            self._wake()

        self._finder.begin([template], found)

    def _belongs_to_the_dead(self, nonce: Nonce, now_s: float) -> bool:
        """Tell whether the dead chip would have searched this nonce: the upper half of the range is its."""
        return self.faults.there(Fault.DEAD_CHIP, now_s) and message_word(nonce) >= SWEEP // 2

    def _answer(self, nonce: Nonce, now_s: float, due_s: float) -> None:
        self._open = False
        self._answers += 1
        data = encode_nonce(nonce, bytes(self._setting.profile.status_bytes))
        if self.faults.there(Fault.SURPLUS_BYTE, now_s):
            data += b"\x00"
        self._outbox.report(data, due_s, late=self.faults.there(Fault.LATE_NONCE, now_s))
