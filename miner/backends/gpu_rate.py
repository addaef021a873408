"""How fast a GPU hashes: launches back to back, each timed by itself, and a look at the board once a second meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from miner.backends.gpu_bench import Bench, TimedDevice
from miner.backends.gpu_ceilings import known_ceiling_hps
from miner.backends.gpu_job import Job
from miner.backends.gpu_nvml import BoardState
from miner.units import HASHES_PER_GH

BATCH_S = 1.0  # launches that are begun at once; the GPU idles between two batches only, for a millisecond
LEAST_S = 1e-4  # what a launch is taken to last at least
HZ_PER_MHZ = 1_000_000  # exact, SI prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Hashes of all launches, the rate [hashes/s] of each one that the GPU did not wait for, and the board meanwhile.

    `troubles` is what the board said instead of its state.
    """

    hashes: int
    samples_hps: list[float]
    states: list[BoardState]
    troubles: list[str]

    @property
    def cells(self) -> list[str]:
        """Median, and lowest to highest [GH/s], as tables have them."""
        low, middle, high = (f(self.samples_hps) / HASHES_PER_GH for f in (min, median, max))
        return [f"{middle:.3f}", f"{low:.3f} to {high:.3f}"]

    def mean(self, quantity: str) -> str:
        """Return the mean of one of the board's quantities, as tables have it."""
        return f"{_mean(self.states, quantity):.0f}" if self.states else "-"

    def of_ceiling(self, job: Job, processors: int) -> str:
        """Return the share of the ceiling at the clock that the board told, as tables have it."""
        if not self.states:
            return "-"
        ceiling_hps = known_ceiling_hps(job.variant, processors * _mean(self.states, "sm_mhz") * HZ_PER_MHZ)
        return f"{100 * median(self.samples_hps) / ceiling_hps:.1f} %" if ceiling_hps else "-"


@dataclass(slots=True)
class Watch:
    """Looks at the board once a second; one that does not answer costs no more than that look."""

    bench: Bench
    states: list[BoardState] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    due_s: float = float("-inf")

    def look(self) -> None:
        """Read the board's state, if there is a board and a second has passed."""
        if self.bench.meter is None or self.bench.clock() < self.due_s:
            return
        self.due_s = self.bench.clock() + BATCH_S
        try:
            self.states.append(self.bench.meter.state())
        except OSError as error:
            self.troubles.append(str(error))


def rate(bench: Bench, job: Job, device: TimedDevice, for_s: float) -> Rate:
    """Launch back to back for so long [s]; hashes are counted from launches, not from hits.

    The board is looked at while the GPU is at work. Before all stands a launch alone: it wakes the clocks and tells how many
    launches a batch needs. The first one of a batch waits for the host, so that it gives no sample.
    """
    nonces, watch = _nonces(bench, job, device), Watch(bench)
    each = nonces * job.variant.midstates
    started_s = bench.clock()
    [one_s] = device.begin(job, 0, nonces, 1)()
    launched, samples = 1, list[float]()
    while not samples or bench.clock() - started_s < for_s:
        left_s = min(BATCH_S, for_s - (bench.clock() - started_s))
        launches = max(2, round(left_s / max(one_s, LEAST_S)))
        waiting = device.begin(job, 0, nonces, launches)
        watch.look()
        samples += [each / second_s for second_s in waiting()[1:]]
        launched += launches
    return Rate(hashes=each * launched, samples_hps=samples, states=watch.states, troubles=watch.troubles)


def _nonces(bench: Bench, job: Job, device: TimedDevice) -> int:
    """Return the nonces of a launch: as long for any number of midstates, and the same number for every thread."""
    threads = device.processors * job.shape.blocks_per_processor * job.shape.block_threads
    return threads * max(1, bench.launch_nonces // job.variant.midstates // threads)


def _mean(states: Sequence[BoardState], quantity: str) -> float:
    return sum(float(getattr(state, quantity)) for state in states) / len(states)
