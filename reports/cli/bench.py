"""`hashwatt bench`: hashes a second, cycles and joules a hash of this machine's backends, every hit verified."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reports.cli.errors import EXIT_FAILURE, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable

    from miner.bench.energy import EnergyPlan
    from miner.bench.run import BenchResult
    from miner.bench.settings import BenchSettings


def bench(
    backend: Annotated[str, typer.Option(help="auto, all, or a backend's name.")] = "auto",
    seconds: Annotated[float, typer.Option(help="Length of a sample.")] = 5.0,
    repeat: Annotated[int, typer.Option(help="Number of samples.")] = 7,
    warmup: Annotated[int, typer.Option(help="Samples before them that do not count.")] = 1,
    threads: Annotated[str, typer.Option(help="Number of threads, or all: one for each processor.")] = "1",
    affinity: Annotated[bool, typer.Option("--affinity", help="Hold each thread to a processor of its own.")] = False,
    midstates: Annotated[int, typer.Option(help="Headers searched together that differ in their version: 1, 2 or 4.")] = 1,
    meter: Annotated[
        str | None,
        typer.Option(
            help="Power meter: rapl, nvml, nvml:BOARD, pzem:PORT, sdm120:PORT, nameplate:WATTS or simulated:WATTS; "
            "see docs/manual/meters.md."
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Add a row for each sample to this CSV file.")] = None,
    history: Annotated[Path | None, typer.Option(help="Add everything to this file, a line of JSON a benchmark.")] = None,
    compare: Annotated[Path | None, typer.Option(help="Hold it against this file of an older --json.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure hash rates: hashes counted from work done, hits held against chance, compilation and warm-up outside.

    Leaves with exit code 1 if the audit of the hits fails.
    """
    from miner.bench.settings import BenchSettings
    from reports.bench_report import (
        append_csv,
        append_history,
        check_columns,
        check_comparable,
        compared,
        document,
        read_document,
    )
    from reports.machine import machine

    number, cpus = _threads(threads, affinity=affinity)
    settings = BenchSettings(seconds=seconds, repeat=repeat, warmup=warmup, threads=number, cpus=cpus, midstates=midstates)
    old = None if compare is None else read_document(compare)
    names = _loadable(backend)
    if old is not None and compare is not None:
        check_comparable([{"backend": name, "threads": number, "midstates": midstates} for name in names], old, compare)
    for path in (csv, history):
        _check_writable(path)
    if csv is not None:
        check_columns(csv)
    facts = {"date_utc": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "machine": machine()}
    with _energy_plan(meter) as (plan, reason):
        results = _measured(names, settings, plan)
    told = document(results, facts, reason)
    if old is not None and compare is not None:
        told["comparison"] = compared(told, old, compare)
    if csv is not None:
        append_csv(csv, told)
    if history is not None:
        append_history(history, told)
    print(json.dumps(told, indent=2) if as_json else _text(results, told, reason))
    _judge(results)


def _threads(threads: str, *, affinity: bool) -> tuple[int, tuple[int, ...] | None]:
    """Return how many threads, and the processors to hold them to, if any."""
    from reports.machine import usable_cpus

    usable = usable_cpus()
    if threads == "all":
        number = len(usable)
    elif threads.isascii() and threads.isdigit():
        number = int(threads)
    else:
        raise UsageProblem(f"--threads {threads!r} is no number; want 1 or more, or all")
    if number > len(usable):
        typer.echo(f"hashwatt: {number} threads on {len(usable)} processors: they will take turns", err=True)
    return number, tuple(usable[place % len(usable)] for place in range(min(number, 4096))) if affinity else None


def _check_writable(path: Path | None) -> None:
    """Refuse before the measurement what could not be written after it."""
    if path is None:
        return
    try:
        with path.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise UsageProblem(f"{path}: cannot be written ({error.strerror}); want a file in a folder you may write to") from None


def _loadable(backend: str) -> list[str]:
    """Return the names of the backends to measure; with `all`, those that load here."""
    from miner.backends.registry import BACKENDS, load
    from miner.errors import BackendUnavailableError

    names = []
    for name in BACKENDS if backend == "all" else (backend,):
        try:
            names.append(load(name).name)
        except BackendUnavailableError as error:
            if backend != "all":
                raise
            typer.echo(f"hashwatt: left out: {error}", err=True)
    return names


@contextmanager
def _energy_plan(specification: str | None) -> Iterator[tuple[EnergyPlan | None, str | None]]:
    """Give the plan to measure energy, or None and the reason why there is none; its meter is closed at the end."""
    if specification is None:
        yield None, "no --meter was given"
        return
    from hw.errors import MeterUnavailableError
    from hw.meters.registry import open_meter
    from miner.bench.energy import EnergyPlan
    from reports.bench_report import METER_STEPS

    try:
        meter = open_meter(specification)
    except MeterUnavailableError as error:
        typer.echo(f"hashwatt: no energy: {error}", err=True)
        yield None, str(error)
        return
    with closing(meter):
        step_w, step_s = METER_STEPS.get(specification.partition(":")[0], (0.0, 0.0))
        yield EnergyPlan(meter=meter, clock=time.perf_counter, sleep=time.sleep, step_w=step_w, step_s=step_s), None


def _measured(names: list[str], settings: BenchSettings, plan: EnergyPlan | None) -> list[BenchResult]:
    import numpy as np

    from miner.bench.run import bench as measure
    from miner.bench.sampling import Tools

    return measure(names, settings, Tools(time.perf_counter, _core_clock()), np.random.default_rng(), plan)


def _core_clock() -> Callable[[], float] | None:
    try:
        from miner.backends.core_clock import core_clock_hz
    except ImportError as error:
        typer.echo(f"hashwatt: no cycles: {error}", err=True)
        return None
    core_clock_hz()
    return core_clock_hz


def _text(results: list[BenchResult], told: dict[str, object], reason: str | None) -> str:
    from reports.bench_report import energy_sentence, table

    lines = table(results)
    for result in results:
        detectable = result.audit.smallest_skip_detectable_pct
        lines.append(
            f"{result.backend}: {result.audit.planted_found} of {result.audit.planted} planted nonces found; "
            f"a kernel that skipped {detectable:.1f} % of all nonces would show"
        )
        if result.energy is not None:
            lines.append(energy_sentence(result.backend, result.energy))
    if reason is not None:
        lines.append(f"energy: none ({reason})")
    rows = told.get("comparison")
    for row in rows if isinstance(rows, list) else []:
        lines.append(f"{row['backend']}: {row['ratio']:.3f} of the older median (95 %: {row['low']:.3f} to {row['high']:.3f})")
    return "\n".join(lines)


def _judge(results: list[BenchResult]) -> None:
    """Leave with a failure if a backend's hits do not add up."""
    failed = [result for result in results if not result.audit.passed]
    for result in failed:
        audit = result.audit
        print(
            f"hashwatt: backend {result.backend!r} failed the audit: {audit.verified_hits:,} hits where "
            f"{audit.expected_hits:,.0f} were expected (z {audit.z:+.1f}), {audit.planted_found} of {audit.planted} "
            "planted nonces found; do not trust its rate",
            file=sys.stderr,
        )
    if failed:
        raise typer.Exit(EXIT_FAILURE)
