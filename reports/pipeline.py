"""One run from scenario to report.

Workers start first and simulate; what this process needs only later, among it the libraries that write and draw, is
loaded while they do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from gridsim.result import Replicate
from miner.proof import NonceCheck, prove_block, rehash_headers
from reports.ensemble import Ensemble, worker_pool
from reports.errors import WorkerLostError
from reports.memory import PeakMemory
from reports.request import RunRequest
from reports.summary import Json, RunFacts
from reports.write import RunFolder

Progress = Callable[[int], None]


def execute(request: RunRequest, folder: RunFolder, progress: Progress) -> Json:
    """Run everything and fill `folder`; return the summary. On Ctrl-C what has arrived is written and marked partial."""
    started_s = time.monotonic()
    with PeakMemory() as memory, worker_pool(request.workers) as pool:
        replicates, check, rehashed = _simulate(request, folder, pool, progress)
        from reports.closing import close

        def facts() -> RunFacts:
            return RunFacts(
                run_dir=str(folder.path),
                seed=request.seed,
                wall_s=time.monotonic() - started_s,
                peak_rss_mib=memory.peak_mib,
                nonce_check=check,
                headers_rehashed=rehashed,
            )

        try:
            return close(request, folder, replicates, pool, facts)
        except KeyboardInterrupt:
            folder.mark_partial("interrupted after the simulation, while its reports were being written")
            raise
        except BrokenProcessPool:
            raise _lost_worker(folder, "after the simulation, while its figures were being drawn") from None


def _simulate(
    request: RunRequest, folder: RunFolder, pool: ProcessPoolExecutor, progress: Progress
) -> tuple[list[Replicate], NonceCheck | None, int]:
    """Run the ensemble on workers; meanwhile the ground floor proves itself in this process."""
    ensemble = Ensemble(request.scenario, request.seed, request.replicates, pool, request.workers)
    height = request.scenario.proof_height
    try:
        check = prove_block(height) if height is not None else None
        rehashed = rehash_headers() if height is not None else 0
        return ensemble.collect(progress), check, rehashed
    except (KeyboardInterrupt, BrokenProcessPool) as error:
        from reports.closing import write_simulated

        arrived = ensemble.in_order()
        write_simulated(request, folder, arrived)
        so_far = f"after {len(arrived)} of {request.replicates} replicates"
        if isinstance(error, KeyboardInterrupt):
            folder.mark_partial(f"interrupted {so_far}")
            raise
        raise _lost_worker(folder, so_far) from None


def _lost_worker(folder: RunFolder, so_far: str) -> WorkerLostError:
    """Mark the folder as partial and return the error that says what happened."""
    folder.mark_partial(f"a worker process was lost {so_far}")
    return WorkerLostError(
        f"a worker process ended {so_far}, killed from outside or out of memory; what had arrived lies in {folder.path}; "
        "try fewer --workers"
    )
