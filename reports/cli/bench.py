"""`hashwatt bench`: hashes a second of this machine's backends, one thread, every hit verified."""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer


def bench(
    backend: Annotated[str, typer.Option(help="auto, all, or a backend's name.")] = "auto",
    seconds: Annotated[float, typer.Option(min=0.05, max=600, help="Length of a sample.")] = 2.0,
    repeat: Annotated[int, typer.Option(min=1, max=1_000, help="Number of samples.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure hash rates: warm-up outside, hashes counted from work done, hits held against chance."""
    from miner.backends.registry import BACKENDS, load
    from miner.bench import bench as measure
    from miner.errors import BackendUnavailableError
    from miner.units import HASHES_PER_MH

    names = []
    for name in BACKENDS if backend == "all" else (backend,):
        try:
            names.append(load(name).name)
        except BackendUnavailableError as error:
            if backend != "all":
                raise
            typer.echo(f"hashwatt: left out: {error}", err=True)
    results = [measure(name, seconds=seconds, repeat=repeat, clock=time.perf_counter) for name in names]
    if as_json:
        rows = [
            {
                "backend": result.backend,
                "threads": 1,
                "hashes_per_second": {
                    "median": result.median_hps,
                    "min": min(result.samples_hps),
                    "max": max(result.samples_hps),
                    "samples": list(result.samples_hps),
                },
                "hashes": result.hashes,
                "verified_hits": result.verified_hits,
                "expected_hits": result.expected_hits,
                "hits_z": result.hits_z,
                "energy": None,
            }
            for result in results
        ]
        print(json.dumps(rows, indent=2))
        return
    print("backend      median MH/s      min      max   hits verified / expected     z")
    for result in results:
        low, high = (value / HASHES_PER_MH for value in (min(result.samples_hps), max(result.samples_hps)))
        audit = f"{result.verified_hits:>13,} / {result.expected_hits:<12,.0f} {result.hits_z:+.1f}"
        print(f"{result.backend:<12} {result.median_hps / HASHES_PER_MH:>11.2f} {low:>8.2f} {high:>8.2f} {audit}")
