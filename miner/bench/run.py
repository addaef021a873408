"""Benchmark one backend or several, sample by sample in turn, so that a machine that drifts drifts for all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import numpy as np

from miner.backends.registry import Backend, load
from miner.bench.audit import WANTED_HITS, Audit, Counts, added, plant, top_up
from miner.bench.energy import Energy, EnergyPlan, measure_energy
from miner.bench.feed import Feed
from miner.bench.sampling import Sample, Tools, take_sample
from miner.bench.settings import BenchSettings
from miner.bench.targets import easy_target, expected_hits, first_rate_hps, timed_bits
from miner.errors import BackendUnavailableError, BenchError, EnergyError, MinerError
from miner.work import WORD_SPACE


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchResult:
    """Samples of one backend, the audit of its hits, and its energy if there was a meter, or why there is none of it.

    `searched_together` tells whether it has a kernel for several midstates, if several were asked for.
    """

    backend: str
    searched_together: bool
    settings: BenchSettings
    samples: tuple[Sample, ...]
    audit: Audit
    energy: Energy | None
    energy_reason: str | None = None

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
        """Median over the samples of core cycles a hash; None where the core clock cannot be measured."""
        return _median(sample.cycles_per_hash for sample in self.samples)

    @property
    def core_clock_hz(self) -> float | None:
        """Median over the samples of the cores' clock [Hz]."""
        return _median(sample.core_clock_hz for sample in self.samples)

    @property
    def processor_share(self) -> float | None:
        """Median over the samples of the part of the time in which threads had a processor; None where it is not known."""
        return _median(sample.processor_share for sample in self.samples)


class Failure(NamedTuple):
    """A backend that could not be measured to the end, and why."""

    backend: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOutcome:
    """What came of a benchmark: results, backends that failed meanwhile, and whether Ctrl-C ended it.

    After Ctrl-C the results hold the samples that were complete, and audits of their hits only: nothing is planted then.
    """

    results: tuple[BenchResult, ...]
    failures: tuple[Failure, ...] = ()
    interrupted: bool = False


def bench(
    backends: Sequence[str],
    settings: BenchSettings,
    tools: Tools,
    rng: np.random.Generator,
    energy_plan: EnergyPlan | None = None,
) -> BenchOutcome:
    """Benchmark `backends`; loading and compiling, warm-up and audit stay outside the samples.

    `rng` chooses the header that each begins with: the audits of two benchmarks are independent if their generators are. A
    backend that fails costs no other its result.

    Raises
    ------
    BackendUnavailableError
        As `miner.backends.registry.load` does.
    BenchError
        If so many threads, or such processors, cannot be had.
    """
    party = _Party(settings)
    interrupted = False
    party.load(backends, tools, rng)
    try:
        for number in range(settings.warmup + settings.repeat):
            party.sample(number)
    except KeyboardInterrupt:
        if not any(run.samples for run in party.runs):
            raise
        interrupted = True
    results: list[BenchResult] = []
    for run in list(party.runs):
        try:
            if not interrupted:
                results += party.results_of(run, energy_plan)
                continue
        except KeyboardInterrupt:
            interrupted = True
        results += [run.so_far()] if run.samples else []
    return BenchOutcome(results=tuple(results), failures=tuple(party.failures), interrupted=interrupted)


class _Party:
    """The backends under way, and those that failed."""

    def __init__(self, settings: BenchSettings) -> None:
        self._settings = settings
        self.runs: list[_Run] = []
        self.failures: list[Failure] = []

    def load(self, backends: Sequence[str], tools: Tools, rng: np.random.Generator) -> None:
        """Load all, and search a little with each."""
        for name in backends:
            first_header = int(rng.integers(WORD_SPACE))
            try:
                self.runs.append(_Run(load(name, self._settings.midstates), self._settings, tools, first_header))
            except (BackendUnavailableError, BenchError):
                raise
            except Exception as error:  # whatever is wrong with one must not cost the others their results
                self.failures.append(Failure(name, _told(error)))

    def sample(self, number: int) -> None:
        """Let each take its sample of a round: there and back again, so that steady drift cancels over two rounds."""
        for run in list(self.runs)[:: -1 if number % 2 else 1]:
            try:
                run.sample(counted=number >= self._settings.warmup)
            except BenchError:
                raise
            except Exception as error:
                self._drop(run, error)

    def results_of(self, run: _Run, energy_plan: EnergyPlan | None) -> list[BenchResult]:
        """Return its result, or nothing if it fails in its audit."""
        try:
            return [run.result(energy_plan)]
        except Exception as error:
            self._drop(run, error)
            return []

    def _drop(self, run: _Run, error: Exception) -> None:
        self.runs.remove(run)
        self.failures.append(Failure(run.name, _told(error)))


class _Run:
    """A backend under way: its work without end, and the samples so far."""

    def __init__(self, engine: Backend, settings: BenchSettings, tools: Tools, first_header: int) -> None:
        self.name = engine.name
        self.samples: list[Sample] = []
        self._engine = engine
        self._settings = settings
        self._tools = tools
        self._feed = Feed(engine.chunk_nonces, first_header=first_header, midstates=settings.midstates)
        rate_hps = first_rate_hps(engine, self._feed, tools.clock) * settings.threads
        self._target = easy_target(timed_bits(rate_hps))
        self._in_windows: list[Sample] = []

    def sample(self, *, counted: bool) -> None:
        """Take one sample, and keep it if it counts."""
        sample = take_sample(self._engine, self._feed, self._target, self._settings, self._tools)
        if counted:
            self.samples.append(sample)

    def result(self, energy_plan: EnergyPlan | None) -> BenchResult:
        """Measure energy if there is a meter, audit everything that was timed, and sum up."""
        energy, reason = (None, None) if energy_plan is None else self._energy(energy_plan)
        timed, expected = self._timed_hits()
        more, more_expected = top_up(self._engine, self._feed, WANTED_HITS - expected, self._settings.threads)
        planted, found = plant(self._engine, self._settings.midstates)
        audit = Audit(
            hits=added([timed, *more]),
            expected_hits=expected + more_expected,
            timed_hits=sum(timed),
            timed_expected_hits=expected,
            planted=planted,
            planted_found=found,
        )
        return self._summed_up(audit, energy, reason)

    def so_far(self) -> BenchResult:
        """Sum up what was sampled until Ctrl-C, without any more work."""
        timed, expected = self._timed_hits()
        audit = Audit(
            hits=timed,
            expected_hits=expected,
            timed_hits=sum(timed),
            timed_expected_hits=expected,
            planted=0,
            planted_found=0,
        )
        return self._summed_up(audit, None, "interrupted")

    def _timed_hits(self) -> tuple[Counts, float]:
        """Return the hits of all samples and energy windows by midstate, and how many chance expects."""
        timed = self.samples + self._in_windows
        return added(sample.verified_hits for sample in timed), expected_hits(sum(one.hashes for one in timed), self._target)

    def _energy(self, plan: EnergyPlan) -> tuple[Energy | None, str | None]:
        def work(seconds: float) -> Sample:
            settings = plan.window_of(self._settings, seconds)
            sample = take_sample(self._engine, self._feed, self._target, settings, self._tools)
            self._in_windows.append(sample)
            return sample

        try:
            return measure_energy(plan, work), None
        except (OSError, EnergyError) as error:  # an instrument that goes away takes no rate with it
            return None, str(error)

    def _summed_up(self, audit: Audit, energy: Energy | None, reason: str | None) -> BenchResult:
        return BenchResult(
            backend=self.name,
            searched_together=self._settings.midstates > 1 and self._engine.versions is not None,
            settings=self._settings,
            samples=tuple(self.samples),
            audit=audit,
            energy=energy,
            energy_reason=reason,
        )


def _median(values: Iterator[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _told(error: Exception) -> str:
    """Return the error's own sentence, or what it is where it was not raised on purpose."""
    said = " ".join(str(error).split())
    return said if isinstance(error, MinerError) else f"{type(error).__name__}: {said}"
