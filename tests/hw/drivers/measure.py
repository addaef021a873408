"""How much processor time a driver takes while its device answers: docs/benchmarks/drivers.md is made with it.

    .venv/bin/python tests/hw/drivers/measure.py [RUNS] [SECONDS] [KIND ...]

The device speaks from a process of its own (`speak.py`), 100 answers a second, each in its own hundredth of a second at a
moment drawn by chance. The driver is used as its keeper uses it: asked whether it wants work and given some, polled, asked how
it stands (not so with "polled" behind its name). Beside it stand loops that do nothing but read what comes. Runs take turns,
and each begins when the machine has been quiet for a second, or after 20 s. Prints medians and extremes of each kind as one
line of JSON; `busy_percent` is how busy all processors were.

Nobody can find 100 real nonces a second here, so for this program alone an answer is a hash that ends on 12 zero bits instead
of 32, and one in 16 is a share. All else is as it is in use. A run that does not count every answer, or whose shares are not
all that were sent, in order, is no run.
"""

from __future__ import annotations

import json
import os
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

import psutil
import serial

import hw.drivers.bm13xx.answers
import hw.drivers.icarus.answers
from hw.device import Device, DeviceWork
from hw.drivers.bm13xx.bringup import ChainPlan
from hw.drivers.bm13xx.chips import CHIPS
from hw.drivers.bm13xx.driver import Bm13xxDevice
from hw.drivers.icarus.driver import IcarusDevice
from hw.drivers.icarus.family import profile
from hw.drivers.port import SerialPort
from miner.backends.registry import GENESIS_HEADER
from miner.header import Nonce
from miner.share import check
from miner.target import HASH_SPACE, Target
from miner.template import HeaderTemplate
from miner.work import VERSION_ROLLING_MASK, spread_bits

EASY = Target((HASH_SPACE >> 12) - 1)
SHARE = Target((HASH_SPACE >> 16) - 1)
PLACES, EACH = 4, 64  # versions, and answers of each
POLL_S = 0.07  # as long as the supervisor listens at a time
CHAINS_RATE, STICK_RATE = 100.0, 1.0  # answers/s; of the sticks with a driver the fastest finds one in 2.7 s
FRAME_BYTES = 11
QUIET_PERCENT, PATIENCE_S = 10.0, 20.0  # other work leaves a loop nothing of its own in the processor's caches
REST_S = 0.05


@dataclass
class Run:
    """What one run came to."""

    cpu_percent: float
    giving_percent: float
    answers: int
    works: int
    wakes: int
    late_ms: list[float]
    busy_percent: float = 0.0


def header(place: int) -> bytes:
    """Return a header with the bits of a place, 0 to 3, in its version: the four midstates of a job, or what chips roll."""
    version = 1 | spread_bits(place, VERSION_ROLLING_MASK)
    return version.to_bytes(4, "little") + GENESIS_HEADER[4:]


def known_answers() -> list[tuple[int, int]]:
    """Return nonces whose hashes end on 12 zero bits, each with its place, the places mixed."""
    found = []
    for place in range(PLACES):
        hits = (nonce for nonce in count() if check(header(place), Nonce(nonce), EASY))
        found += [(number, place, nonce) for number, nonce in enumerate(islice(hits, EACH))]
    return [(place, nonce) for _, place, nonce in sorted(found)]


@contextmanager
def speaking(kind: str, rate: float, answers: int, known: list[tuple[int, int]]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Start the other end; give the path of its line, and what ends it and returns what it did."""
    command = [sys.executable, str(Path(__file__).with_name("speak.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"kind": kind, "rate": rate, "answers": answers, "known": known}) + "\n")
        process.stdin.flush()
        yield process.stdout.readline().strip(), lambda: json.loads(process.communicate()[0])


def measure_driver(kind: str, seconds: float, known: list[tuple[int, int]]) -> Run:
    """Measure the driver of `kind` for `seconds` [s]."""
    kind, _, polled = kind.partition(" ")
    rate = STICK_RATE if kind == "erupter" else CHAINS_RATE
    with speaking(kind, rate, int(rate * seconds), known) as (path, end):
        device = opened(kind, path)
        numbers, heard = count(1), list[tuple[float, int]]()
        wakes, giving_s = 0, 0.0
        give(device, next(numbers))
        began_s, began_cpu_s = time.monotonic(), time.thread_time()
        while (now_s := time.monotonic()) < began_s + seconds:
            if device.wants_work():
                before_s = time.thread_time()
                give(device, next(numbers))
                giving_s += time.thread_time() - before_s
            for solution in device.poll(POLL_S):
                heard.append((time.monotonic(), solution.hit.nonce))
            wakes += 1
            if not polled:
                told = device.telemetry()
        cpu_s, took_s = time.thread_time() - began_cpu_s, now_s - began_s
        for _ in range(5):
            heard += [(time.monotonic(), solution.hit.nonce) for solution in device.poll(POLL_S)]
        told = device.telemetry()
        device.close()
        done = end()
    shares = [(at_s, nonce) for at_s, place, nonce in done["sent"] if check(header(place), Nonce(nonce), SHARE)]
    assert (told.nonces, told.hardware_errors) == (len(done["sent"]), 0)
    assert told.nonces >= 0.9 * rate * seconds
    assert [nonce for _, nonce in heard] == [nonce for _, nonce in shares]
    late_ms = [1000 * (heard_s - sent_s) for (heard_s, _), (sent_s, _) in zip(heard, shares, strict=True)]
    return Run(100 * cpu_s / took_s, 100 * giving_s / took_s, told.nonces, done["works"], wakes, late_ms)


def opened(kind: str, path: str) -> Device:
    """Return the device of `kind` at `path`, brought up."""
    device: Device
    if kind == "erupter":
        device = IcarusDevice(profile(kind), lambda: SerialPort(path, 115_200))
    else:
        device = Bm13xxDevice(ChainPlan(chip=CHIPS[kind.upper()], step_s=0.0), lambda: SerialPort(path, 115_200))
    device.open()
    return device


def give(device: Device, number: int) -> None:
    """Give it the same header as a new piece of work."""
    device.submit(
        DeviceWork(number=number, template=HeaderTemplate(header(0)), target=SHARE, version_mask=VERSION_ROLLING_MASK)
    )


def measure_floor(read: Callable[[serial.Serial], bytes], seconds: float, known: list[tuple[int, int]]) -> Run:
    """Measure a loop that does nothing but read."""
    with speaking("bare", CHAINS_RATE, int(CHAINS_RATE * seconds), known) as (path, end):
        with serial.Serial(path, 115_200, timeout=POLL_S, exclusive=True) as port:
            port.write(b"\0")
            read_bytes, wakes = 0, 0
            began_s, began_cpu_s = time.monotonic(), time.thread_time()
            while (now_s := time.monotonic()) < began_s + seconds:
                read_bytes += len(read(port))
                wakes += 1
            cpu_s, took_s = time.thread_time() - began_cpu_s, now_s - began_s
        done = end()
    assert read_bytes >= 0.9 * CHAINS_RATE * seconds * FRAME_BYTES
    return Run(100 * cpu_s / took_s, 0.0, read_bytes // FRAME_BYTES, done["works"], wakes, [])


def bare_read(port: serial.Serial) -> bytes:
    """Wait and read, with two system calls."""
    ready, _, _ = select.select([port.fd], [], [], POLL_S)
    return os.read(port.fd, 4096) if ready else b""


def rested_read(port: serial.Serial) -> bytes:
    """Sleep and read."""
    time.sleep(REST_S)
    return os.read(port.fd, 4096)


FLOORS: dict[str, Callable[[serial.Serial], bytes]] = {
    "select and read": bare_read,
    "sleep 50 ms and read": rested_read,
    "pyserial, 11 bytes": lambda port: port.read(FRAME_BYTES),
}
DRIVERS = ("bm1366", "bm1366 polled", "bm1370", "bm1397", "bm1397 polled", "erupter")


def measure(kind: str, seconds: float, known: list[tuple[int, int]]) -> Run:
    """Measure a driver or a floor once the machine is quiet, or will not be, and how busy it is meanwhile."""
    until_s = time.monotonic() + PATIENCE_S
    while psutil.cpu_percent(1.0) > QUIET_PERCENT and time.monotonic() < until_s:
        pass
    psutil.cpu_percent()
    run = measure_floor(FLOORS[kind], seconds, known) if kind in FLOORS else measure_driver(kind, seconds, known)
    run.busy_percent = psutil.cpu_percent()
    return run


def spread(values: list[float], digits: int = 2) -> dict[str, float]:
    """Return median and extremes."""
    return {name: round(of(values), digits) for name, of in (("median", statistics.median), ("least", min), ("most", max))}


def main(runs: int = 5, seconds: float = 10.0, *kinds: str) -> None:
    """Measure and print."""
    hw.drivers.bm13xx.answers.ANSWER_TARGET = hw.drivers.icarus.answers.ANSWER_TARGET = EASY
    known, told = known_answers(), {}
    measured: dict[str, list[Run]] = {kind: [] for kind in kinds or (*FLOORS, *DRIVERS)}
    for _ in range(runs):
        for kind, done in measured.items():
            done.append(measure(kind, seconds, known))
            of_run = f"{done[-1].cpu_percent:.2f} % (giving work {done[-1].giving_percent:.2f} %)"
            sys.stderr.write(f"{kind}: {of_run}, machine {done[-1].busy_percent:.0f} % busy\n")
    for kind, done in measured.items():
        late_ms = sorted(one for run in done for one in run.late_ms) or [0.0]
        told[kind] = {
            "cpu_percent": spread([run.cpu_percent for run in done]),
            "of_that_giving_work_percent": spread([run.giving_percent for run in done]),
            "answers_a_second": spread([run.answers / seconds for run in done], 1),
            "works_a_second": spread([run.works / seconds for run in done], 1),
            "polls_a_second": spread([run.wakes / seconds for run in done], 1),
            "late_ms": {"middle": round(late_ms[len(late_ms) // 2], 2), "p99": round(late_ms[int(0.99 * len(late_ms))], 2),
                        "most": round(late_ms[-1], 2)},
            "busy_percent": spread([run.busy_percent for run in done], 0),
        }  # fmt: skip
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(*(kind(one) for kind, one in zip((int, float), sys.argv[1:3], strict=False)), *sys.argv[3:])
