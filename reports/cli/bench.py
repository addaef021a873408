"""`hashwatt bench`: hashes a second, cycles and joules a hash of this machine's backends, every hit verified."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from reports.cli.bench_outcome import Telling, deliver, tell
from reports.cli.bench_setup import energy_plan, loadable, measured, number_of_threads, processors_for, tell_turns


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

    Leaves with exit code 1 if the audit of the hits fails, if a backend fails, or if a file cannot be written.
    """
    from miner.bench.settings import BenchSettings
    from reports.bench_files import check_csv, check_history, check_names
    from reports.bench_older import read_older
    from reports.machine import machine

    number = number_of_threads(threads)
    cpus = processors_for(number) if affinity else None
    settings = BenchSettings(seconds=seconds, repeat=repeat, warmup=warmup, threads=number, cpus=cpus, midstates=midstates)
    check_names([("--csv", csv), ("--history", history), ("--compare", compare)])
    older = None if compare is None else read_older(compare)
    names, unloadable = loadable(backend, None if older is None else older.only_backend(number, midstates))
    facts = {"date_utc": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "machine": machine()}
    if older is not None:
        rows = [{"backend": name, "threads": number, "midstates": midstates} for name in names]
        tell(older.caveats(rows, {**facts, "settings": asdict(settings)}))
    if csv is not None:
        check_csv(csv)
    if history is not None:
        check_history(history)
    tell_turns(number)
    with energy_plan(meter) as (plan, reason):
        outcome = measured(names, settings, plan, unloadable)
    deliver(outcome, Telling(facts, reason, older, csv, history, as_json=as_json))
