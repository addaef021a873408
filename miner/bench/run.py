"""Benchmark one backend or several, sample by sample in turn, so that a machine that drifts drifts for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from miner.backends.registry import Backend, load
from miner.bench.audit import WANTED_HITS, Audit, added, plant, top_up
from miner.bench.energy import Energy, EnergyPlan, measure_energy
from miner.bench.feed import Feed
from miner.bench.sampling import Sample, Tools, take_sample
from miner.bench.settings import BenchSettings
from miner.bench.targets import easy_target, expected_hits, first_rate_hps, timed_bits
from miner.work import WORD_SPACE


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchResult:
    """Samples of one backend, the audit of its hits, and its energy if there was a meter.

    `searched_together` tells whether it has a kernel for several midstates, if several were asked for.
    """

    backend: str
    searched_together: bool
    settings: BenchSettings
    samples: tuple[Sample, ...]
    audit: Audit
    energy: Energy | None

    @property
    def rates_hps(self) -> list[float]:
        """Hash rates [H/s] of all samples, in order."""
        return [sample.rate_hps for sample in self.samples]

    @property
    def median_hps(self) -> float:
        """Median hash rate [H/s]."""
        return median(self.rates_hps)

    @property
    def cycles_per_hash(self) -> float | None:
        """Median over the samples of a thread's core cycles a hash; None where the core clock cannot be measured."""
        cycles = [sample.cycles_per_hash for sample in self.samples if sample.cycles_per_hash is not None]
        return median(cycles) if cycles else None

    @property
    def core_clock_hz(self) -> float | None:
        """Median over the samples of the cores' clock [Hz]."""
        clocks = [sample.core_clock_hz for sample in self.samples if sample.core_clock_hz is not None]
        return median(clocks) if clocks else None


def bench(
    backends: Sequence[str],
    settings: BenchSettings,
    tools: Tools,
    rng: np.random.Generator,
    energy_plan: EnergyPlan | None = None,
) -> list[BenchResult]:
    """Benchmark `backends`; loading and compiling, warm-up and audit stay outside the samples.

    `rng` chooses the header that each begins with: the audits of two benchmarks are independent if their generators are.

    Raises
    ------
    BackendUnavailableError, BackendSelfTestError
        As `miner.backends.registry.load` does.
    """
    runs = [_Run(load(name, settings.midstates), settings, tools, int(rng.integers(WORD_SPACE))) for name in backends]
    for round_number in range(settings.warmup + settings.repeat):
        for run in runs:
            run.sample(counted=round_number >= settings.warmup)
    return [run.result(energy_plan) for run in runs]


class _Run:
    """A backend under way: its work without end, and the samples so far."""

    def __init__(self, engine: Backend, settings: BenchSettings, tools: Tools, first_header: int) -> None:
        self._engine = engine
        self._settings = settings
        self._tools = tools
        self._feed = Feed(engine.chunk_nonces, first_header=first_header, midstates=settings.midstates)
        rate_hps = first_rate_hps(engine, self._feed, tools.clock) * settings.threads
        self._target = easy_target(timed_bits(rate_hps))
        self._samples: list[Sample] = []

    def sample(self, *, counted: bool) -> None:
        """Take one sample, and keep it if it counts."""
        sample = take_sample(self._engine, self._feed, self._target, self._settings, self._tools)
        if counted:
            self._samples.append(sample)

    def result(self, energy_plan: EnergyPlan | None) -> BenchResult:
        """Audit what was sampled, measure energy if there is a meter, and sum up."""
        energy = None
        if energy_plan is not None:
            energy = measure_energy(
                energy_plan,
                lambda seconds: take_sample(
                    self._engine, self._feed, self._target, energy_plan.window_of(self._settings, seconds), self._tools
                ),
            )
        return BenchResult(
            backend=self._engine.name,
            searched_together=self._settings.midstates > 1 and self._engine.versions is not None,
            settings=self._settings,
            samples=tuple(self._samples),
            audit=self._audit(),
            energy=energy,
        )

    def _audit(self) -> Audit:
        hits = [sample.verified_hits for sample in self._samples]
        expected = expected_hits(sum(sample.hashes for sample in self._samples), self._target)
        more_hits, more_expected = top_up(self._engine, self._feed, WANTED_HITS - expected)
        planted, found = plant(self._engine, self._settings.midstates)
        return Audit(
            hits=added(hits + more_hits),
            expected_hits=expected + more_expected,
            planted=planted,
            planted_found=found,
        )
