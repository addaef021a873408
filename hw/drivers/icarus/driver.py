"""Icarus and its kin on a serial port: probed by known work, then one piece of work at a time.

The device says nothing but nonces. It stops at the first it finds, or in silence after the last; so the host gives it new work
after an answer, and when a whole sweep must be over.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from hw.device import DeviceState, DeviceWork, Solution, Telemetry
from hw.drivers.errors import PortError, ProbeError, SettingError
from hw.drivers.icarus.answers import GAP_S, AnswerReader
from hw.drivers.icarus.commands import nearest_clock, set_clock
from hw.drivers.icarus.family import SWEEP, IcarusProfile
from hw.drivers.icarus.frames import decode_nonce, encode_work, place_in_sweep
from hw.drivers.icarus.probes import GOLDEN, GOLDEN_NONCE
from hw.drivers.pace import Pace
from hw.drivers.port import Port
from hw.drivers.recent import Recent
from miner.header import Nonce

PROBE_S: Final = 0.1  # within which the golden nonce must be there
SETTLE_S: Final = 0.5  # after the clock was set, as bfgminer waits
SURPLUS_S: Final = 0.05  # and nothing more after it
REMEMBERED: Final = 16  # answers, so that none is taken twice
SWEEP_PART: Final = 0.99  # of the nominal sweep after which new work is due: an idle device is worse than some lost nonces


class IcarusDevice:
    """One device of this family. `open_port` opens its line at 115200 baud; `clock` gives seconds, `sleep` lets them pass."""

    def __init__(
        self,
        profile: IcarusProfile,
        open_port: Callable[[], Port],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._profile = profile
        self._open_port = open_port
        self._clock, self._sleep = clock, sleep
        self._clock_mhz = profile.clock_mhz
        self._port: Port | None = None
        self._state = DeviceState.CLOSED
        self._reader = AnswerReader(profile.answer_bytes)
        self._works: list[DeviceWork] = []  # the one under way, and the one before, whose answer may come late
        self._pace = Pace(clock, sleep)
        self._seen = Recent[tuple[int, Nonce]](REMEMBERED)
        self._answered = True
        self._started_s = 0.0
        self._hashes = 0.0
        self._nonces = 0
        self._hardware_errors = 0

    @property
    def name(self) -> str:
        """Its kind, and its port once that is open."""
        return self._profile.name if self._port is None else f"{self._profile.name} at {self._port.name}"

    def open(self) -> None:
        """Open the port, ask for the golden nonce, and set the clock of a device that has one.

        Raises
        ------
        PortError
            If the port cannot be opened.
        ProbeError
            If something else answers, or nothing.
        """
        self.close()
        self._port = self._open_port()
        try:
            self._probe(self._port)
            if self._clock_mhz is not None:
                self._set_clock(self._port, self._clock_mhz)
        except (ProbeError, PortError):
            self.close()
            raise
        self._reader = AnswerReader(self._profile.answer_bytes)
        self._works, self._answered = [], True
        self._state = DeviceState.IDLE

    def submit(self, work: DeviceWork) -> None:
        """Give it work; it holds one piece only, so this is `replace`."""
        self.replace(work)

    def replace(self, work: DeviceWork) -> None:
        """Give it work in place of what it has; an answer to that may still come."""
        if self._state == DeviceState.CURTAILED:
            raise SettingError(f"{self.name} is curtailed; resume it first")
        port = self._opened()
        self._book()
        port.write(encode_work(work.template))
        self._works = [work, *self._works[:1]]
        self._answered, self._started_s, self._state = False, self._clock(), DeviceState.HASHING

    def wants_work(self) -> bool:
        """Return whether it found a nonce or must be through with its sweep."""
        if self._state in {DeviceState.CLOSED, DeviceState.CURTAILED}:
            return False
        return self._answered or self._clock() - self._started_s >= SWEEP_PART * SWEEP / self._rate_hps()

    def poll(self, timeout_s: float) -> list[Solution]:
        """Return what it found, waiting up to `timeout_s` [s] for bytes; a nonce below the share target is counted only.

        An answer comes up to 50 ms late, if one came just before.
        """
        held, began_s = self._reader.held_bytes > 0, self._clock()
        data = self._pace.read(self._opened(), timeout_s, at_once=held)
        if not data:
            if held and self._clock() - began_s >= GAP_S:
                self._reader.silence()
            return []
        solutions = []
        for work, hit in self._reader.feed(data, [(work, work.template) for work in self._works]):
            if not self._seen.is_new((work.number, hit.nonce)):
                self._hardware_errors += 1  # it said so before
                continue
            self._nonces += 1
            if work is self._works[0] and not self._answered:
                self._hashes += place_in_sweep(hit.nonce, self._profile.parts) + 1
                self._answered, self._state = True, DeviceState.IDLE
            if int(hit.hash, 16) <= work.target:
                solutions.append(Solution(work=work, hit=hit))
        return solutions

    def telemetry(self) -> Telemetry:
        """Return its counts; it has no sensors. Hashes of work under way are counted by clock or nominal rate."""
        return Telemetry(
            state=self._state,
            hashes=self._hashes + self._under_way(),
            nonces=self._nonces,
            hardware_errors=self._hardware_errors + self._reader.wrong_answers,
            frequency_mhz=self._clock_mhz,
        )

    def set_frequency(self, frequency_mhz: float) -> None:
        """Set the clock [MHz] of a device that has one to set; it drops its work, as if through with it."""
        if self._profile.clock_mhz is None:
            raise SettingError(f"{self.name}: its clock is fixed; {frequency_mhz:g} MHz cannot be set")
        port = self._opened()
        nearest_clock(frequency_mhz)  # which raises before anything is counted
        self._book()
        self._set_clock(port, frequency_mhz)
        self._answered = True

    def set_power_target(self, power_w: float) -> None:
        """Refuse: it has nothing to set."""
        raise SettingError(f"{self.name}: it draws what it draws; {power_w:g} W cannot be set")

    def curtail(self) -> None:
        """Give it nothing more to do; there is no command to stop, so it goes on to the end of its sweep, in vain."""
        self._book()
        self._works, self._answered, self._state = [], True, DeviceState.CURTAILED

    def resume(self) -> None:
        """Take work again."""
        if self._state == DeviceState.CURTAILED:
            self._state = DeviceState.IDLE

    def close(self) -> None:
        """Give the port back; closing twice is nothing."""
        if self._port is not None:
            self._book()
            self._port.close()
        self._port, self._works, self._answered, self._state = None, [], True, DeviceState.CLOSED

    def _opened(self) -> Port:
        if self._port is None:
            raise PortError(f"{self._profile.name}: not open; open it first")
        return self._port

    def _book(self) -> None:
        """Count what was done of the work that is about to be replaced."""
        self._hashes += self._under_way()
        self._hardware_errors += self._reader.wrong_answers
        self._reader.wrong_answers = 0

    def _under_way(self) -> float:
        if self._answered or not self._works:
            return 0.0
        return min(SWEEP, (self._clock() - self._started_s) * self._rate_hps())

    def _rate_hps(self) -> float:
        return self._profile.rate_at(self._clock_mhz)

    def _set_clock(self, port: Port, wish_mhz: float) -> None:
        clock = nearest_clock(wish_mhz)
        port.write(set_clock(clock))
        self._clock_mhz = clock.mhz
        self._sleep(SETTLE_S)

    def _probe(self, port: Port) -> None:
        port.discard_input()
        port.write(GOLDEN)
        wanted = self._profile.answer_bytes
        answer = self._collect(port, wanted, PROBE_S)
        if len(answer) == wanted:
            answer += self._collect(port, 1, SURPLUS_S)
        if len(answer) != wanted or decode_nonce(answer) != GOLDEN_NONCE:
            raise ProbeError(f"{port.name}: no {self._profile.title}: {_looks_like(answer, wanted)}")

    def _collect(self, port: Port, most: int, within_s: float) -> bytes:
        until_s, answer = self._clock() + within_s, b""
        while len(answer) < most and (left_s := until_s - self._clock()) > 0:
            answer += port.read(left_s)
        return answer


def _looks_like(answer: bytes, wanted: int) -> str:
    """Say what an answer to the golden work looks like, for who is to find the mistake."""
    if not answer:
        return f"nothing answered within {PROBE_S:g} s"
    told = answer[:16].hex(" ")
    if answer.startswith(b"\xaa\x55"):
        return f"{told} looks like a BM13xx chip"
    if len(answer) == wanted + 1 and answer[:4] == bytes.fromhex("000187a2"):
        return f"{told} is the right nonce with a byte of status, as an Antminer U1 or U2 sends it"
    if len(answer) < wanted and answer == bytes.fromhex("000187a2"):
        return f"{told} is the right nonce without status, as an Icarus sends it"
    return f"it answered {told} to known work; want 00 01 87 a2{' and a byte of status' * (wanted > 4)}, and nothing more"
