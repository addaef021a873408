"""Emulated devices on real pseudo-terminals, served by a thread of the test's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path

import pytest

from hw.emulators.faults import Faults, TimedFault
from hw.emulators.models import Wanted, emulated_model
from hw.emulators.pty_line import PtyLine
from hw.emulators.serving import Emulator, EmulatorServer
from hw.finder import KernelFinder
from miner.backends.registry import load


@dataclass(frozen=True, slots=True)
class Emulated:
    """A device that answers at `path`."""

    path: str
    emulator: Emulator
    line: PtyLine


Emulate = Callable[..., Emulated]


@pytest.fixture
def emulate(tmp_path: Path) -> Iterator[Emulate]:
    """Return a function that starts a device of this name, with faults, at a rate [H/s] if not its own."""
    server = EmulatorServer()
    finders: list[KernelFinder] = []
    thread = threading.Thread(target=server.run)

    def start(name: str, *faults: str, rate_hps: float | None = None, chips: int = 1) -> Emulated:
        model = emulated_model(name)
        rate = rate_hps or model.hashrate_hps
        finder = KernelFinder(load("auto"), rate if model.rate_is_free else inf, by_word=model.by_word, parts=model.parts)
        finders.append(finder)
        now_s = time.monotonic()
        planned = Faults([TimedFault.parse(fault) for fault in faults], started_s=now_s)
        wanted = Wanted(rate_hps=rate, chips=chips, faults=planned, started_s=now_s)
        emulator = model.build(wanted, finder, server.wake)
        line = PtyLine()
        server.add(emulator, line)
        server.wake()
        if not thread.is_alive():
            thread.start()
        return Emulated(line.path, emulator, line)

    yield start
    server.stop()
    if thread.ident is not None:
        thread.join(5)
    for finder in finders:
        finder.close()
    server.close()
