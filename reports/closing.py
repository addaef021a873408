"""The second half of a run: tables, then the comparison with history, then figures, summary and report.

The order is the honesty: the simulated tables are written before an observed figure is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor

import pyarrow as pa

from gridsim.result import Replicate
from miner.units import HASHES_PER_EH
from reports.compare import Comparison, compare
from reports.ensemble import interrupts_held_back
from reports.figures.data import RunTables
from reports.figures.pictures import PICTURES, Picture, draw_picture
from reports.machine import distribution_version
from reports.observed import Observed, load_observed
from reports.page import render
from reports.provenance import manifest_facts
from reports.request import RunRequest
from reports.summary import Json, RunFacts, summarise
from reports.tables import comparison_table, simulated_tables
from reports.write import RunFolder

Tables = dict[str, pa.Table]


def write_simulated(request: RunRequest, folder: RunFolder, replicates: Sequence[Replicate]) -> Tables:
    """Write the tables of what was simulated, and nothing else."""
    tables = simulated_tables(request.scenario, replicates)
    for name, table in tables.items():
        folder.write_table(name, table, csv=request.csv)
    return tables


def close(
    request: RunRequest,
    folder: RunFolder,
    replicates: Sequence[Replicate],
    pool: ProcessPoolExecutor,
    facts: Callable[[], RunFacts],
) -> Json:
    """Write everything that a finished simulation leaves behind, the manifest last; return the summary.

    `facts` is asked at the end, when time and memory are known.
    """
    tables = write_simulated(request, folder, replicates)
    observed, comparison = _compare(request, replicates)
    if comparison is not None:
        tables["comparison"] = comparison_table(comparison)
        folder.write_table("comparison", tables["comparison"], csv=request.csv)
    pictures = [picture.result() for picture in _draw(request, folder, tables, pool)]
    for picture in pictures:
        folder.write_bytes(f"figures/{picture.name}.svg", picture.svg)
        folder.write_bytes(f"figures/{picture.name}.png", picture.png)
    summary = summarise(request.scenario, replicates, facts(), observed, comparison)
    version = distribution_version("hashwatt") or "from source"
    folder.write_text("report.html", render(summary, pictures, scenario_summary=request.scenario.summary, version=version))
    folder.write_text("scenario.json", request.scenario.model_dump_json(indent=2) + "\n")
    folder.write_text("summary.json", json.dumps(summary, ensure_ascii=False, indent=2) + "\n")
    folder.finish(
        manifest_facts(
            request.scenario,
            seed=request.seed,
            replicates=request.replicates,
            started_utc=folder.started_utc,
            run_id=folder.path.name,
        )
    )
    return summary


def _compare(request: RunRequest, replicates: Sequence[Replicate]) -> tuple[Observed | None, Comparison | None]:
    scenario = request.scenario
    if scenario.history is None:
        return None, None
    observed = load_observed(scenario.history, folder=request.observed_folder)
    return observed, compare(replicates, observed, scenario.network.hashrate_ehps.value * HASHES_PER_EH)


def _draw(request: RunRequest, folder: RunFolder, tables: Tables, pool: ProcessPoolExecutor) -> list[Future[Picture]]:
    """Let the workers, idle by now, draw a figure each."""
    scenario = request.scenario
    shown = RunTables(
        network=tables["network"],
        regions=tables["regions"],
        epochs=tables["epochs"],
        comparison=tables.get("comparison"),
        marks=tuple((moment.at, moment.label) for moment in scenario.marks),
    )
    foot = f"{scenario.id}, seed {request.seed}, {request.replicates} runs; {folder.path.name}"
    with interrupts_held_back():  # a worker may start only now
        return [pool.submit(draw_picture, name, shown, foot) for name in PICTURES]
