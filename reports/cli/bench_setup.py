"""What `hashwatt bench` needs before it measures: threads, backends that load here, a meter, the clock of a core."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from reports.cli.bench_outcome import tell
from reports.cli.errors import UsageProblem, one_line, raised_on_purpose

if TYPE_CHECKING:
    from collections.abc import Callable

    from miner.bench.energy import EnergyPlan
    from miner.bench.run import BenchOutcome, Failure
    from miner.bench.settings import BenchSettings

MOST_DIGITS = 9  # of a number of threads; Python itself reads no more than 4,300


def number_of_threads(threads: str) -> int:
    """Return how many threads `--threads` asks for; its range is left to the settings."""
    if threads == "all":
        from reports.machine import usable_cpus

        return len(usable_cpus())
    if not re.fullmatch("[+-]?[0-9]+", threads):
        raise UsageProblem(f"--threads {threads!r} is no number; want 1 or more, or all")
    if len(threads) > MOST_DIGITS:
        from miner.bench.settings import MOST_THREADS

        raise UsageProblem(f"--threads: a number of {len(threads.lstrip('+-'))} digits; want 1 to {MOST_THREADS}, or all")
    return int(threads)


def processors_for(threads: int) -> tuple[int, ...]:
    """Return the processors to hold so many threads to; they take turns where there are more of them."""
    from miner.bench.settings import MOST_THREADS
    from reports.machine import usable_cpus

    usable = usable_cpus()
    return tuple(usable[place % len(usable)] for place in range(min(threads, MOST_THREADS)))


def tell_turns(threads: int) -> None:
    """Say so if there are more threads than processors."""
    from reports.machine import usable_cpus

    if threads > (usable := len(usable_cpus())):
        tell([f"{threads} threads on {usable} processors: they will take turns"])


def loadable(backend: str, preferred: str | None) -> tuple[list[str], tuple[Failure, ...]]:
    """Return the names of the backends to measure, and those that failed; with `all`, the names of those that load here.

    For `auto` a `preferred` one is taken if it loads, since which one is faster may depend on what else the machine does.
    """
    from miner.backends.registry import BACKENDS, load
    from miner.bench.run import Failure
    from miner.errors import BackendError, BackendUnavailableError

    if backend == "auto" and preferred is not None:
        with suppress(BackendError):
            return [load(preferred).name], ()
    if backend != "all":
        return [load(backend).name], ()
    names, failures = [], []
    for name in BACKENDS:
        try:
            names.append(load(name).name)
        except BackendUnavailableError as error:
            tell([f"left out: {error}"])
        except Exception as error:  # whatever is wrong with one must not cost the others their results
            failures.append(Failure(name, _told(error)))
    return names, tuple(failures)


@contextmanager
def energy_plan(specification: str | None) -> Iterator[tuple[EnergyPlan | None, str | None]]:
    """Give the plan to measure energy, or None and the reason why there is none; its meter is closed at the end."""
    if specification is None:
        yield None, "no --meter was given"
        return
    from hw.errors import MeterUnavailableError
    from hw.meters.registry import open_meter
    from miner.bench.energy import EnergyPlan

    try:
        meter = open_meter(specification)
    except MeterUnavailableError as error:
        tell([f"no energy: {error}"])
        yield None, str(error)
        return
    with closing(meter):
        yield EnergyPlan(meter=meter, clock=time.perf_counter, sleep=time.sleep), None


def measured(
    names: list[str], settings: BenchSettings, plan: EnergyPlan | None, unloadable: tuple[Failure, ...]
) -> BenchOutcome:
    """Measure the backends of these names; those that could not be loaded are failures of the outcome, too."""
    import numpy as np

    from miner.bench.run import bench
    from miner.bench.sampling import Tools

    outcome = bench(names, settings, Tools(time.perf_counter, _core_clock()), np.random.default_rng(), plan)
    complete = tuple(result for result in outcome.results if result.samples)
    return replace(outcome, results=complete, failures=(*unloadable, *outcome.failures))


def _core_clock() -> Callable[[], float] | None:
    """Return what tells the clock of a core, or None; cycles are an extra, which must not cost anybody the rates."""
    try:
        from miner.backends.core_clock import core_clock_hz

        core_clock_hz()
    except Exception as error:  # an ImportError elsewhere than on x86-64, and whatever a compiler may raise
        tell([f"no cycles: {error if isinstance(error, ImportError) else _told(error)}"])
        return None
    return core_clock_hz


def _told(error: Exception) -> str:
    return one_line(str(error) if raised_on_purpose(error) else f"{type(error).__name__}: {error}")
