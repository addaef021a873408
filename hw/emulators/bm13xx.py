"""An emulated chain of BM13xx chips, without a port: bytes and the time go in, bytes and the next moment of interest come out.

Chips do not stop at a nonce: they go on until new work comes, which pre-empts. The hash rate follows from the PLL that the host
set. Work with a known answer is answered when that rate would have found it; all other nonces are searched for real.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from hw.drivers.bm13xx.chips import Chip
from hw.drivers.bm13xx.commands import SendJob
from hw.drivers.bm13xx.decoder import CommandDecoder
from hw.drivers.bm13xx.jobs import Job, MidstateJob
from hw.drivers.bm13xx.nonces import ALWAYS_ZERO_BITS, excess_byte, result_id, split_nonce
from hw.drivers.bm13xx.registers import VERSION_SHIFT
from hw.drivers.bm13xx.responses import NonceResponse
from hw.emulators.answers import Key, key_of, known_answers
from hw.emulators.bm13xx_chain import Chain
from hw.emulators.board import EmulatedBoard
from hw.emulators.faults import STUCK_NONCE, STUCK_S, Fault, Faults
from hw.emulators.outbox import Outbox
from hw.emulators.serving import EmulatorSnapshot
from hw.finder import ANSWER_TARGET, Finder
from miner.header import NONCE_SPACE, Nonce
from miner.share import Hit
from miner.template import HeaderTemplate, Template
from miner.work import spread_bits

GAP_S: Final = 0.05  # a frame that stays unfinished so long is looked through for others
TOGETHER: Final = 4  # versions that are searched at once, where the host lets them be rolled


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSetting:
    """What is emulated: `count` chips of a kind, with which faults and known answers."""

    chip: Chip
    count: int
    faults: Faults = field(default_factory=Faults)
    known: Mapping[Key, Nonce] = field(default_factory=known_answers)
    started_s: float = 0.0  # s, on the clock of those who call


class Bm13xxEmulator:
    """A chain of chips. `wake` is called, from the finder's thread, when a search has found something."""

    def __init__(self, setting: ChainSetting, finder: Finder, wake: Callable[[], None] = lambda: None) -> None:
        self._setting, self._finder, self._wake = setting, finder, wake
        self._chain = Chain(setting.chip, setting.count)
        dead_from_s = setting.faults.since_s(Fault.DEAD_CHIP)
        self._board = EmulatedBoard(setting.chip, setting.count, setting.started_s, dead_from_s=dead_from_s)
        self._clock_mhz = 0.0
        self._decoder = CommandDecoder(setting.chip.job_form)
        self._last_s = 0.0
        self._outbox = Outbox()
        self._found: queue.SimpleQueue[tuple[int, int, Hit]] = queue.SimpleQueue()
        self._job: Job | None = None
        self._versions: tuple[int, ...] = ()  # of what is searched: fields of version bits, or numbers of midstates
        self._works = self._answers = 0

    @property
    def baud(self) -> int:
        """The speed [baud] at which it listens and speaks."""
        return self._chain.baud

    @property
    def faults(self) -> Faults:
        """What is wrong with it."""
        return self._setting.faults

    @property
    def chain(self) -> Chain:
        """Its chips."""
        return self._chain

    def snapshot(self, now_s: float) -> EmulatorSnapshot:
        """Return what it did so far, and how it stands."""
        self._age(now_s)
        told = self._board.read(now_s)
        return EmulatorSnapshot(
            works=self._works,
            answers=self._answers,
            declared_hps=self._chain.hashrate_hps,
            clock_mhz=self._chain.clock_mhz,
            power_w=told.power_w,
            energy_j=told.energy_j,
            chip_c=told.chip_c,
        )

    def feed(self, data: bytes, now_s: float) -> None:
        """Take what the host sent."""
        self._age(now_s)
        commands = self._decoder.silence() if now_s - self._last_s > GAP_S else []
        self._last_s = now_s
        for command in [*commands, *self._decoder.feed(data)]:
            if isinstance(command, SendJob):
                self._begin(command.job, now_s)
            elif not self.faults.there(Fault.HANG, now_s):
                answers = self._chain.handle(command, cache(lambda: self._board.chip(now_s)))
                self._follow_clock(now_s)
                for answer in answers:
                    self._outbox.say(self._spoilt(answer.to_bytes(), now_s), now_s)

    def _age(self, now_s: float) -> None:
        """Let a chip be dead from its time on, whether or not the host says anything."""
        self._chain.broken = self.faults.there(Fault.DEAD_CHIP, now_s)

    def _follow_clock(self, now_s: float) -> None:
        """Let the board draw what the clock makes it draw."""
        clock_mhz = self._chain.clock_mhz if self._chain.hashes else 0.0
        if clock_mhz != self._clock_mhz:
            self._clock_mhz = clock_mhz
            self._board.clock(clock_mhz, now_s)

    def due_s(self) -> float | None:
        """Return when there is something to send that is known by now, or None."""
        return self._outbox.due_s()

    def poll(self, now_s: float) -> bytes:
        """Return what the chips send by now."""
        self._age(now_s)
        while not self._found.empty():
            number, place, hit = self._found.get_nowait()
            if number == self._works:
                self._answer(hit, self._versions[place], (now_s, now_s))
        return self._outbox.take(now_s)

    def _begin(self, job: Job, now_s: float) -> None:
        """Drop what is under way and begin this job."""
        self._finder.stop()
        self._works += 1
        self._job = job
        self._outbox.next_work(now_s)
        if self.faults.there(Fault.HANG, now_s) or not (self._chain.hashrate_hps and self._board.is_cool(now_s)):
            return
        if self.faults.there(Fault.STUCK_NONCE, now_s):
            named = result_id(self._setting.chip, job.job_id)
            self._report(NonceResponse(STUCK_NONCE, 0, named, 0 if self._chain.rolls else None), (now_s, now_s + STUCK_S))
            return
        templates, versions = self._templates(job)
        unknown = []
        for template, version in zip(templates, versions, strict=True):
            nonce = self._setting.known.get(key_of(template))
            hit = None if nonce is None else template.check(nonce, ANSWER_TARGET)
            if hit is None:
                unknown.append((template, version))
            else:
                self._answer(hit, version, (now_s, now_s + self._sweep_s(hit.nonce)))
        self._search(unknown)

    def _search(self, unknown: list[tuple[Template, int]]) -> None:
        if not unknown:
            return
        self._versions = tuple(version for _, version in unknown)
        number = self._works

        def found(place: int, hit: Hit) -> None:
            self._found.put((number, place, hit))
            self._wake()

        self._finder.begin([template for template, _ in unknown], found)

    def _templates(self, job: Job) -> tuple[list[Template], list[int]]:
        """Return what the job asks to be searched, and the version field, or the number of the midstate, of each."""
        if isinstance(job, MidstateJob):
            return list(job.templates()), list(range(len(job.midstates)))
        mask = self._chain.version_mask
        fields = [spread_bits(number, mask) for number in range(min(TOGETHER, 1 << mask.bit_count()))]
        headers = [job.header(Nonce(0), bits) for bits in fields]
        return [HeaderTemplate(header) for header in headers], [bits >> VERSION_SHIFT for bits in fields]

    def _sweep_s(self, nonce: Nonce) -> float:
        """Return when a sweep comes to `nonce` [s]: all cores count at once, each through its part of the range.

        Where nonces bear the address of their chip, the part of a dead one is left out, and the others take no longer.
        """
        core_bits, address_bits = self._setting.chip.core_bits, self._setting.chip.address_bits
        *_, counter = split_nonce(self._setting.chip, nonce)
        part = (counter + 1) / (NONCE_SPACE >> core_bits + address_bits)
        shared = self._chain.length if address_bits else self._chain.count
        return part * NONCE_SPACE / (self._chain.hashrate_hps / self._chain.count * shared)

    def _has_finder(self, nonce: Nonce) -> bool:
        """Tell whether there is a chip that finds this nonce: no dead one, where the nonce bears the address of its own."""
        _, address, _ = split_nonce(self._setting.chip, nonce)
        return address is None or self._chain.answers_for(address)

    def _answer(self, hit: Hit, version: int, times_s: tuple[float, float]) -> None:
        """Report a nonce if its hash passes the ticket mask."""
        zero_bits = len(hit.hash) * 4 - int(hit.hash, 16).bit_length()
        if self._job is None or zero_bits - ALWAYS_ZERO_BITS < self._chain.ticket_bits or not self._has_finder(hit.nonce):
            return
        midstates = isinstance(self._job, MidstateJob)
        response = NonceResponse(
            nonce=hit.nonce,
            excess=excess_byte(zero_bits, self._chain.ticket_bits),
            result_id=result_id(self._setting.chip, self._job.job_id, version if midstates else 0),
            version=version if self._chain.rolls and not midstates else None,
        )
        self._report(response, times_s)

    def _report(self, response: NonceResponse, times_s: tuple[float, float]) -> None:
        """Send an answer at the second of two times, the first being now."""
        now_s, due_s = times_s
        self._answers += 1
        data = self._spoilt(response.to_bytes(), now_s)
        self._outbox.report(data, due_s, late=self.faults.there(Fault.LATE_NONCE, now_s))

    def _spoilt(self, data: bytes, now_s: float) -> bytes:
        """Return what a faulty chip makes of an answer."""
        if self.faults.there(Fault.BAD_CRC, now_s):
            data = data[:-1] + bytes([data[-1] ^ 1])
        return data + b"\x00" if self.faults.there(Fault.SURPLUS_BYTE, now_s) else data
