"""One run from scenario to report: simulate, write, and only then look at history.

The order is the honesty: simulated tables are finished and written before an observed figure is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gridsim.result import Replicate
from gridsim.scenario import Scenario
from miner.proof import NonceCheck, prove_block, rehash_headers
from miner.units import HASHES_PER_EH
from reports.compare import Comparison, compare
from reports.ensemble import Ensemble, worker_pool
from reports.memory import PeakMemory
from reports.observed import Observed, load_observed
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


def execute(request: RunRequest, folder: RunFolder, progress: Callable[[int], None]) -> Json:
    """Run everything and fill `folder`; return the summary. On Ctrl-C what has arrived is written and marked partial."""
    started_s = time.monotonic()
    with PeakMemory() as memory:
        with worker_pool(request.workers) as pool:
            ensemble = Ensemble(request.scenario, request.seed, request.replicates, pool, request.workers)
            try:
                check, rehashed = _prove(request.scenario)
                replicates = ensemble.collect(progress)
            except KeyboardInterrupt:
                _write_partial(request, folder, ensemble.in_order())
                raise
        try:
            _write_simulated(request, folder, replicates)
            observed, comparison = _compare(request, replicates)
            if comparison is not None:
                folder.write_table("comparison", comparison_table(comparison), csv=request.csv)
            facts = RunFacts(
                run_dir=str(folder.path),
                seed=request.seed,
                wall_s=time.monotonic() - started_s,
                peak_rss_mib=memory.peak_mib,
                nonce_check=check,
                headers_rehashed=rehashed,
            )
            summary = summarise(request.scenario, replicates, facts, observed, comparison)
            _write_reports(folder, summary)
        except KeyboardInterrupt:
            folder.mark_partial("interrupted while the reports were being written")
            raise
    summary["wall_s"] = round(time.monotonic() - started_s, 3)
    summary["peak_rss_mib"] = round(memory.peak_mib, 1)
    return summary


def _prove(scenario: Scenario) -> tuple[NonceCheck | None, int]:
    """Let the ground floor prove itself while the workers simulate."""
    if scenario.proof_height is None:
        return None, 0
    return prove_block(scenario.proof_height), rehash_headers()


def _write_simulated(request: RunRequest, folder: RunFolder, replicates: Sequence[Replicate]) -> None:
    for name, table in simulated_tables(request.scenario, replicates).items():
        folder.write_table(name, table, csv=request.csv)


def _write_partial(request: RunRequest, folder: RunFolder, replicates: Sequence[Replicate]) -> None:
    _write_simulated(request, folder, replicates)
    folder.mark_partial(f"interrupted after {len(replicates)} of {request.replicates} replicates")


def _compare(request: RunRequest, replicates: Sequence[Replicate]) -> tuple[Observed | None, Comparison | None]:
    scenario = request.scenario
    if scenario.history is None:
        return None, None
    observed = load_observed(scenario.history, folder=request.observed_folder)
    return observed, compare(replicates, observed, scenario.network.hashrate_ehps.value * HASHES_PER_EH)


def _write_reports(folder: RunFolder, summary: Json) -> None:
    raise NotImplementedError
