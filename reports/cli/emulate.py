"""`hashwatt emulate`: mining devices that answer on pseudo-terminals as real ones do on serial ports."""

from __future__ import annotations

import json
import re
import signal
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from reports.cli.errors import UsageProblem
from reports.cli.serve import serve_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from prometheus_client.registry import Collector

    from hw.emulators.faults import Faults, TimedFault
    from hw.emulators.models import EmulatedModel
    from hw.emulators.serving import EmulatorServer
    from hw.finder import KernelFinder
    from miner.backends.registry import Backend

MOST_DEVICES: Final = 64
MOST_CHIPS: Final = 128  # whose addresses fit 8 bits, with one to spare between them
TRIAL_NONCES: Final = 1 << 22  # 0.1 s of the fast kernels
PREFIXES: Final = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}  # exact, SI


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for."""

    model: EmulatedModel
    count: int
    chips: int
    rate_hps: float
    faults: tuple[TimedFault, ...]
    link: Path | None


def emulate(
    model: Annotated[str, typer.Argument(help="icarus, erupter, u1, u2, bm1397, bm1362, bm1366, bm1368 or bm1370.")],
    count: Annotated[int, typer.Option(help="How many of them.")] = 1,
    chips: Annotated[int | None, typer.Option(help="BM13xx: chips on each chain; 1 if left out.")] = None,
    link: Annotated[Path | None, typer.Option(help="Make a link to the device here; -1, -2, ... are added to more.")] = None,
    hashrate: Annotated[str | None, typer.Option(help="Declared hash rate, such as 336M or 1.2T; its own if left out.")] = None,
    fault: Annotated[list[str] | None, typer.Option(help="NAME@SECONDS: a fault from then on; may be given again.")] = None,
    metrics: Annotated[int | None, typer.Option(help="Serve metrics for Prometheus on this port; 0 picks a free one.")] = None,
    backend: Annotated[str, typer.Option(help="What finds the nonces: auto, or a backend's name.")] = "auto",
    seconds: Annotated[float | None, typer.Option(help="Stop after so many seconds; never if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: a line at the start and one at the end.")] = False,
) -> None:
    """Emulate mining devices: prints the path of each, then answers there until stopped.

    Work of real blocks that hashwatt knows is answered when the declared hash rate would have found the nonce. All other
    nonces are found by this machine, which may be slower: none is reported that was not found.
    """
    wanted = _wanted(model, (count, chips), link, hashrate, fault or [])
    if seconds is not None and not (isfinite(seconds) and seconds > 0):
        raise UsageProblem(f"--seconds {seconds}: want a number above 0")
    from miner.backends.registry import load

    engine = load(backend)
    own_hps = _trial(engine)
    with ExitStack() as stack:
        server, finders = _started(wanted, engine, stack)
        if metrics is not None:
            serve_metrics(_page(wanted, server, finders), metrics, stack)
        with _stopped_by_signals(server) as interrupts:
            _tell_start(wanted, server, engine, own_hps, as_json=as_json)
            server.run(None if seconds is None else time.monotonic() + seconds)
        _tell_end(server, as_json=as_json)
        if interrupts:
            raise KeyboardInterrupt


def _wanted(model: str, numbers: tuple[int, int | None], link: Path | None, hashrate: str | None, faults: list[str]) -> Wanted:
    from hw.emulators.faults import TimedFault
    from hw.emulators.models import emulated_model

    count, chips = numbers
    if not 1 <= count <= MOST_DEVICES:
        raise UsageProblem(f"--count {count}: want 1 to {MOST_DEVICES}")
    if chips is not None and not 1 <= chips <= MOST_CHIPS:
        raise UsageProblem(f"--chips {chips}: want 1 to {MOST_CHIPS}")
    chosen = emulated_model(model)
    if chosen.rate_is_free and chips is not None:
        raise UsageProblem(f"--chips {chips}: {model} is one device; --chips is for chains of BM13xx")
    if not chosen.rate_is_free and hashrate is not None:
        raise UsageProblem(f"--hashrate {hashrate}: {model} hashes as fast as its host clocks it; leave it out")
    planned = tuple(TimedFault.parse(text) for text in faults)
    for one in planned:
        if one.fault not in chosen.faults:
            raise UsageProblem(f"--fault {one.fault}: {model} cannot have it; it can {', '.join(sorted(chosen.faults))}")
    rate_hps = chosen.hashrate_hps * (chips or 1) if hashrate is None else _rate_hps(hashrate)
    return Wanted(chosen, count, chips or 1, rate_hps, planned, link)


def _rate_hps(text: str) -> float:
    matched = re.fullmatch(r"([0-9.]+(?:e[0-9]+)?) ?([kMGTP]?)(?:H/s)?", text)
    try:
        rate_hps = float(matched[1]) * PREFIXES[matched[2]] if matched else 0.0
    except ValueError:
        rate_hps = 0.0
    if not (isfinite(rate_hps) and rate_hps >= 1):
        raise UsageProblem(f"--hashrate {text!r}: want hashes a second, such as 336M, 1.2T or 5e8")
    return rate_hps


def _trial(engine: Backend) -> float:
    """Return this machine's hash rate [H/s] with one thread; whatever had to be compiled is compiled then."""
    from miner.backends.registry import GENESIS_HEADER
    from miner.target import Target
    from miner.template import HeaderTemplate

    nonces = min(TRIAL_NONCES, 4 * engine.chunk_nonces)
    started_s = time.perf_counter()
    engine.scan(HeaderTemplate(GENESIS_HEADER), 0, nonces, Target(0))
    return nonces / (time.perf_counter() - started_s)


def _page(wanted: Wanted, server: EmulatorServer, finders: list[KernelFinder]) -> Collector:
    """Return the metrics of the devices that are served."""
    from reports.device_exporter import DeviceCollector, DeviceState

    def states() -> list[DeviceState]:
        return [
            DeviceState(
                device=path,
                model=wanted.model.title,
                kind="emulated",
                nominal_hps=told.declared_hps,
                hashes=finder.hashes,
                work=told.works,
                nonces=told.answers,
                power_w=told.power_w,
                energy_j=told.energy_j,
                chip_c=told.chip_c,
                clock_mhz=told.clock_mhz,
            )
            for path, told, finder in zip(server.paths, server.snapshots(), finders, strict=True)
        ]

    return DeviceCollector(states)


def _started(wanted: Wanted, engine: Backend, stack: ExitStack) -> tuple[EmulatorServer, list[KernelFinder]]:
    from hw.emulators import models
    from hw.emulators.faults import Faults
    from hw.emulators.pty_line import PtyLine
    from hw.emulators.serving import EmulatorServer
    from hw.finder import KernelFinder

    server = EmulatorServer()
    stack.callback(server.close)
    started_s = time.monotonic()
    faults: Faults = Faults(wanted.faults, started_s=started_s)
    finders = []
    for number in range(wanted.count):
        finder = KernelFinder(engine, wanted.rate_hps)
        finders.append(finder)
        stack.callback(finder.close)
        line = PtyLine(_link(wanted, number))
        asked = models.Wanted(rate_hps=wanted.rate_hps, chips=wanted.chips, faults=faults, started_s=started_s)
        server.add(wanted.model.build(asked, finder, server.wake), line)
    return server, finders


def _link(wanted: Wanted, number: int) -> Path | None:
    if wanted.link is None or wanted.count == 1:
        return wanted.link
    return wanted.link.with_name(f"{wanted.link.name}-{number + 1}")


def _tell_start(wanted: Wanted, server: EmulatorServer, engine: Backend, own_hps: float, *, as_json: bool) -> None:
    from reports.machine import usable_cpus

    share = min(1.0, len(usable_cpus()) / wanted.count)  # of a processor, when all of them search at once
    delivered_hps = min(wanted.rate_hps, own_hps * share)
    if as_json:
        told = {
            "model": wanted.model.name,
            "ports": server.paths,
            "declared_hashes_per_second": wanted.rate_hps,
            "delivered_hashes_per_second": delivered_hps,
            "backend": engine.name,
        }
        print(json.dumps(told), flush=True)
        return
    for path in server.paths:
        print(path, flush=True)
    typer.echo(
        f"hashwatt: {wanted.count} x {wanted.model.title}, declared {_told(wanted.rate_hps)} each; what is not "
        f"known is searched at up to {_told(delivered_hps)} ({engine.name}); stop with Ctrl-C",
        err=True,
    )


def _told(rate_hps: float) -> str:
    """Return a hash rate with the prefix that leaves up to three digits before the point."""
    prefix = next((prefix for prefix, factor in reversed(PREFIXES.items()) if rate_hps >= factor), "")
    return f"{rate_hps / PREFIXES[prefix]:.1f} {prefix}H/s"


def _tell_end(server: EmulatorServer, *, as_json: bool) -> None:
    rows = [
        {"port": path, "works": snapshot.works, "answers": snapshot.answers}
        for path, snapshot in zip(server.paths, server.snapshots(), strict=True)
    ]
    if as_json:
        print(json.dumps({"devices": rows}), flush=True)
        return
    for row in rows:
        typer.echo(f"hashwatt: {row['port']}: {row['works']} pieces of work, {row['answers']} answers", err=True)


@contextmanager
def _stopped_by_signals(server: EmulatorServer) -> Iterator[list[int]]:
    """Let Ctrl-C and SIGTERM end the serving; give a list that holds something if it was Ctrl-C."""
    interrupts: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            interrupts.append(number)
        server.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
