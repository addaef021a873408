"""One run from scenario to report: simulate, write, and only then look at history.

The order is the honesty: the simulated tables are written before an observed figure is read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from gridsim.result import Replicate
from gridsim.scenario import Scenario
from miner.proof import NonceCheck, prove_block, rehash_headers
from miner.units import HASHES_PER_EH
from reports.compare import Comparison, compare
from reports.ensemble import Ensemble, worker_pool
from reports.figures.data import RunTables
from reports.figures.pictures import PICTURES, Picture, draw_picture
from reports.html import render
from reports.memory import PeakMemory
from reports.observed import Observed, load_observed
from reports.provenance import distribution_version, manifest_facts
from reports.summary import Json, RunFacts, summarise
from reports.tables import comparison_table, simulated_tables
from reports.write import RunFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What to run: a whole scenario, a seed, how many replicates on how many workers, and what else to write.

    `observed_folder` replaces the shipped observed data (tests perturb it to show that nothing simulated moves).
    """

    scenario: Scenario
    seed: int
    replicates: int
    workers: int
    csv: bool = False
    observed_folder: Path | None = None


@dataclass(slots=True, kw_only=True)
class _Run:
    """One run on its way: what was asked, where it is written, and what is there so far."""

    request: RunRequest
    folder: RunFolder
    tables: dict[str, pa.Table]
    check: NonceCheck | None = None
    rehashed: int = 0

    def write(self, tables: dict[str, pa.Table]) -> None:
        for name, table in tables.items():
            self.folder.write_table(name, table, csv=self.request.csv)
        self.tables |= tables


def execute(request: RunRequest, folder: RunFolder, progress: Callable[[int], None]) -> Json:
    """Run everything and fill `folder`; return the summary. On Ctrl-C what has arrived is written and marked partial."""
    started_s = time.monotonic()
    run = _Run(request=request, folder=folder, tables={})
    with PeakMemory() as memory, worker_pool(request.workers) as pool:
        replicates = _simulate(run, pool, progress)
        try:
            run.write(simulated_tables(request.scenario, replicates))
            observed, comparison = _compare(request, replicates)
            if comparison is not None:
                run.write({"comparison": comparison_table(comparison)})
            pictures = _draw(run, pool)
            facts = RunFacts(
                run_dir=str(folder.path),
                seed=request.seed,
                wall_s=time.monotonic() - started_s,
                peak_rss_mib=memory.peak_mib,
                nonce_check=run.check,
                headers_rehashed=run.rehashed,
            )
            summary = summarise(request.scenario, replicates, facts, observed, comparison)
            _tell(run, summary, [picture.result() for picture in pictures])
            summary |= {"wall_s": round(time.monotonic() - started_s, 3), "peak_rss_mib": round(memory.peak_mib, 1)}
            folder.write_text("summary.json", json.dumps(summary, ensure_ascii=False, indent=2) + "\n")
            folder.finish(_manifest(run))
        except KeyboardInterrupt:
            folder.mark_partial("interrupted after the simulation, while its reports were being written")
            raise
    return summary


def _simulate(run: _Run, pool: ProcessPoolExecutor, progress: Callable[[int], None]) -> list[Replicate]:
    """Run the ensemble on workers; meanwhile the ground floor proves itself in this process."""
    request, scenario = run.request, run.request.scenario
    ensemble = Ensemble(scenario, request.seed, request.replicates, pool, request.workers)
    try:
        if scenario.proof_height is not None:
            run.check, run.rehashed = prove_block(scenario.proof_height), rehash_headers()
        return ensemble.collect(progress)
    except KeyboardInterrupt:
        arrived = ensemble.in_order()
        run.write(simulated_tables(scenario, arrived))
        run.folder.mark_partial(f"interrupted after {len(arrived)} of {request.replicates} replicates")
        raise


def _compare(request: RunRequest, replicates: Sequence[Replicate]) -> tuple[Observed | None, Comparison | None]:
    scenario = request.scenario
    if scenario.history is None:
        return None, None
    observed = load_observed(scenario.history, folder=request.observed_folder)
    return observed, compare(replicates, observed, scenario.network.hashrate_ehps.value * HASHES_PER_EH)


def _draw(run: _Run, pool: ProcessPoolExecutor) -> list[Future[Picture]]:
    """Let the workers, idle by now, draw a figure each."""
    scenario, folder = run.request.scenario, run.folder
    tables = RunTables(
        network=run.tables["network"],
        regions=run.tables["regions"],
        epochs=run.tables["epochs"],
        comparison=run.tables.get("comparison"),
        marks=tuple((moment.at, moment.label) for moment in scenario.marks),
    )
    foot = f"{scenario.id}, seed {run.request.seed}, {run.request.replicates} runs; {folder.path.name}"
    return [pool.submit(draw_picture, name, tables, foot) for name in PICTURES]


def _tell(run: _Run, summary: Json, pictures: Sequence[Picture]) -> None:
    """Write the figures and the page that holds them."""
    for picture in pictures:
        run.folder.write_bytes(f"figures/{picture.name}.svg", picture.svg)
        run.folder.write_bytes(f"figures/{picture.name}.png", picture.png)
    version = distribution_version("hashwatt") or "from source"
    page = render(summary, pictures, scenario_summary=run.request.scenario.summary, version=version)
    run.folder.write_text("report.html", page)


def _manifest(run: _Run) -> Json:
    request = run.request
    return manifest_facts(
        request.scenario,
        seed=request.seed,
        replicates=request.replicates,
        started_utc=run.folder.started_utc,
        run_id=run.folder.path.name,
    )
