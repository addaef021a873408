"""The device's end of `measure.py`: a process of its own that answers a host at a steady rate, on a pseudo-terminal.

What to be comes as one line of JSON: `kind` ("bm1366", ..., "erupter", or "bare" for answers without any conversation), the
`rate` of answers [1/s], how many `answers`, and `known`, pairs of version or midstate number and nonce. It prints the path of
its line; once its standard input ends, what it sent, as time [s, monotonic], number and nonce, and how much work it was given.
"""

from __future__ import annotations

import json
import os
import random
import select
import sys
import time
import tty
from collections.abc import Callable
from itertools import cycle
from typing import Any

from hw.drivers.bm13xx.chips import CHIPS, Chip
from hw.drivers.bm13xx.commands import ReadRegister, SendJob
from hw.drivers.bm13xx.decoder import CommandDecoder
from hw.drivers.bm13xx.jobs import JobForm
from hw.drivers.bm13xx.nonces import result_id
from hw.drivers.bm13xx.registers import VERSION_SHIFT
from hw.drivers.bm13xx.responses import NonceResponse, RegisterResponse
from hw.drivers.icarus.frames import WORK_BYTES, encode_nonce
from hw.drivers.icarus.probes import GOLDEN, GOLDEN_NONCE
from miner.header import Nonce
from miner.work import VERSION_ROLLING_MASK, spread_bits


class Chips:
    """One chip, of which a host learns no more than its kind; it answers to the last job, whenever `answer` is asked for."""

    def __init__(self, chip: Chip) -> None:
        self._chip, self._decoder = chip, CommandDecoder(chip.job_form)
        self._rolls = chip.job_form is JobForm.FULL
        self._job: int | None = None
        self.works = 0

    def hear(self, data: bytes) -> bytes:
        said = b""
        for command in self._decoder.feed(data):
            if isinstance(command, SendJob):
                self._job, self.works = command.job.job_id, self.works + 1
            elif isinstance(command, ReadRegister):
                said += RegisterResponse(self._chip.chip_id << 16, 0, command.register, 0 if self._rolls else None).to_bytes()
        return said

    def answer(self, place: int, nonce: Nonce) -> bytes:
        if self._job is None:
            return b""
        if not self._rolls:
            return NonceResponse(nonce, 0, result_id(self._chip, self._job, place)).to_bytes()
        version = spread_bits(place, VERSION_ROLLING_MASK) >> VERSION_SHIFT
        return NonceResponse(nonce, 0, result_id(self._chip, self._job), version).to_bytes()


class Stick:
    """An Icarus: one answer to each piece of work."""

    def __init__(self) -> None:
        self._held, self._asked = b"", False
        self.works = 0

    def hear(self, data: bytes) -> bytes:
        self._held += data
        said = b""
        while len(self._held) >= WORK_BYTES:
            work, self._held = self._held[:WORK_BYTES], self._held[WORK_BYTES:]
            if work == GOLDEN:
                said += encode_nonce(GOLDEN_NONCE)
            else:
                self._asked, self.works = True, self.works + 1
        return said

    def answer(self, place: int, nonce: Nonce) -> bytes:
        if not self._asked:
            return b""
        self._asked = False
        return encode_nonce(nonce)


class Bare:
    """Answers of 11 bytes to the first byte that comes, with nothing behind them."""

    def __init__(self) -> None:
        self.works = 0

    def hear(self, data: bytes) -> bytes:
        self.works += bool(data)
        return b""

    def answer(self, place: int, nonce: Nonce) -> bytes:
        return NonceResponse(nonce, 0, 0, 0).to_bytes() if self.works else b""


KINDS: dict[str, Callable[[], Chips | Stick | Bare]] = {
    "bare": Bare,
    "erupter": Stick,
    **{name.lower(): lambda chip=chip: Chips(chip) for name, chip in CHIPS.items()},
}


def main(wanted: dict[str, Any]) -> None:
    """Speak until all is said or nobody listens any more."""
    device = KINDS[wanted["kind"]]()
    known = cycle(pair for pair in wanted["known"] if pair[0] == 0 or not isinstance(device, Stick))
    line, other = os.openpty()
    tty.setraw(other)
    sys.stdout.write(os.ttyname(other) + "\n")
    sys.stdout.flush()
    slot_s, sent, jitter = 1 / wanted["rate"], list[tuple[float, int, int]](), random.Random(1)
    begun_s, due_s = None, float("inf")
    while len(sent) < wanted["answers"]:
        left_s = max(0.0, due_s - time.monotonic())
        ready, _, _ = select.select([line, sys.stdin], [], [], None if begun_s is None else left_s)
        if sys.stdin in ready:
            break
        if line in ready:
            os.write(line, device.hear(os.read(line, 4096)))
        now_s = time.monotonic()
        if begun_s is None and device.works:
            begun_s = now_s
            due_s = begun_s + slot_s * jitter.random()
        if now_s >= due_s:
            if answer := device.answer(*(pair := next(known))):
                sent.append((time.monotonic(), *pair))
                os.write(line, answer)
            begun_s += slot_s
            due_s = begun_s + slot_s * jitter.random()  # somewhere in its slot: as irregular as chips, and exactly as many
    sys.stdin.read()
    sys.stdout.write(json.dumps({"sent": sent, "works": device.works}) + "\n")


if __name__ == "__main__":
    main(json.loads(sys.stdin.readline()))
