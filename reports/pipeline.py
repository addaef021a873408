"""One run from scenario to report.

Workers start first and simulate; what this process needs only later, among it the libraries that write and draw, is
loaded while they do.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress

from miner.proof import NonceCheck, prove_block, rehash_headers
from reports.ensemble import Ensemble, worker_pool
from reports.errors import WorkerLostError
from reports.memory import PeakMemory
from reports.request import RunRequest
from reports.summary import Json, RunFacts
from reports.write import RunFolder

Progress = Callable[[int], None]


def execute(request: RunRequest, folder: RunFolder, progress: Progress) -> Json:
    """Run everything and fill `folder`; return the summary.

    Whatever ends the run early, Ctrl-C, a lost worker or a full disk: what has arrived is written and marked partial.
    """
    started_s = time.monotonic()
    with PeakMemory() as memory, worker_pool(request.workers) as pool:
        ensemble = Ensemble(request.scenario, request.seed, request.replicates, pool, request.workers)
        try:
            check, rehashed = _prove(request)
            replicates = ensemble.collect(progress)
            from reports.closing import close

            return close(
                request,
                folder,
                replicates,
                pool,
                lambda: RunFacts(
                    run_dir=str(folder.path),
                    seed=request.seed,
                    rerun=request.command,
                    wall_s=time.monotonic() - started_s,
                    peak_rss_mib=memory.peak_mib,
                    nonce_check=check,
                    headers_rehashed=rehashed,
                ),
            )
        except BaseException as error:
            with _deaf_to_interrupts():
                so_far = _save(request, folder, ensemble, error)
            if isinstance(error, BrokenProcessPool):
                raise WorkerLostError(
                    f"a worker process ended {so_far}, killed from outside or out of memory; what had arrived lies in "
                    f"{folder.path}; try fewer --workers"
                ) from None
            raise


def _prove(request: RunRequest) -> tuple[NonceCheck | None, int]:
    """Let the ground floor prove itself in this process while workers simulate."""
    height = request.scenario.proof_height
    return (None, 0) if height is None else (prove_block(height), rehash_headers())


def _save(request: RunRequest, folder: RunFolder, ensemble: Ensemble, error: BaseException) -> str:
    """Write what has arrived if it is not written yet, mark the folder as partial, and return how far the run was."""
    arrived = ensemble.in_order()
    so_far = f"after {len(arrived)} of {request.replicates} replicates"
    why = {KeyboardInterrupt: "interrupted", BrokenProcessPool: "a worker process was lost"}.get(type(error), "it failed")
    with suppress(OSError):  # a full disk may be what ended the run
        from reports.closing import write_simulated

        write_simulated(request, folder, arrived)
    with suppress(OSError):
        folder.mark_partial(f"{why} {so_far}")
    return so_far


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let a second Ctrl-C not undo what the first one saves; outside the main thread there is none to hear."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
