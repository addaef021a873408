"""What a benchmark keeps when something goes wrong on the way: a backend, the meter, or patience."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import miner.bench.run
from miner.backends import reference
from miner.backends.registry import Backend
from miner.bench.energy import EnergyPlan
from miner.bench.run import BenchOutcome, bench
from miner.bench.sampling import Tools
from miner.bench.settings import BenchSettings
from miner.errors import BackendSelfTestError, BackendUnavailableError
from miner.share import Hit

SETTINGS = BenchSettings(seconds=0.05, repeat=3, warmup=0)
CHUNK = 1 << 10
Bench = Callable[..., BenchOutcome]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return a function that benchmarks `honest` beside `other`, which fails as it is told to."""

    def run(
        other: Callable[..., list[Hit]], plan: EnergyPlan | None = None, settings: BenchSettings = SETTINGS
    ) -> BenchOutcome:
        engines = {name: Backend(name, scan, CHUNK) for name, scan in (("honest", reference.scan), ("other", other))}
        monkeypatch.setattr(miner.bench.run, "load", lambda name, midstates: engines[name])
        monkeypatch.setattr(miner.bench.run, "WANTED_HITS", 100)
        return bench(["honest", "other"], settings, Tools(time.perf_counter), np.random.default_rng(2), plan)

    return run


def failing_after(calls: int, error: BaseException) -> Callable[..., list[Hit]]:
    """Return an honest scan that raises from its call number `calls` on."""
    made = [0]

    def scan(*work: object) -> list[Hit]:
        made[0] += 1
        if made[0] > calls:
            raise error
        return reference.scan(*work)  # type: ignore[arg-type]

    return scan


@pytest.mark.parametrize("calls", [0, 1, 2, 3, 30])
def test_a_backend_that_breaks_down_costs_the_others_nothing(measured: Bench, calls: int) -> None:
    """In its first chunk, in the rate before the samples, in the first sample, or later."""
    outcome = measured(failing_after(calls, OSError("the device fell off the bus")))
    assert [result.backend for result in outcome.results] == ["honest"]
    assert len(outcome.results[0].samples) == 3
    assert outcome.failures == (("other", "OSError: the device fell off the bus"),)
    assert not outcome.interrupted


def test_its_own_sentence_stands_alone(measured: Bench) -> None:
    outcome = measured(failing_after(5, BackendSelfTestError("it\nlies")))
    assert outcome.failures == (("other", "it lies"),)


def test_a_backend_that_is_not_there_is_no_failure_of_a_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackendUnavailableError, match="no backend 'nobody'"):
        bench(["nobody"], SETTINGS, Tools(time.perf_counter), np.random.default_rng(2))


def test_ctrl_c_keeps_the_samples_that_are_complete(measured: Bench) -> None:
    """It comes in the first sample of the second backend: one of the first is there."""
    made = [0]

    def scan(*work: object) -> list[Hit]:
        made[0] += 1
        if made[0] == 4:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)
        return reference.scan(*work)  # type: ignore[arg-type]

    outcome = measured(scan, settings=replace(SETTINGS, repeat=50, seconds=0.05))
    assert outcome.interrupted
    [result] = outcome.results
    assert (result.backend, len(result.samples)) == ("honest", 1)
    assert (result.audit.planted, result.energy_reason) == (0, "interrupted")
    assert result.audit.verified_hits == result.audit.timed_hits


def test_ctrl_c_before_the_first_sample_is_ctrl_c(measured: Bench) -> None:
    with pytest.raises(KeyboardInterrupt):
        measured(failing_after(2, KeyboardInterrupt()), settings=replace(SETTINGS, warmup=5))


class Vanishing:
    """A meter that is unplugged after so many readings."""

    source, boundary, kind = "a test", "wall", "measured"

    def __init__(self, readings: int) -> None:
        self.left = readings

    def energy_j(self) -> float:
        self.left -= 1
        if self.left < 0:
            raise OSError("unplugged")
        return float(100 - self.left)


@pytest.mark.parametrize("readings", [0, 1, 2, 3])
def test_a_meter_that_goes_away_takes_no_rate_with_it(measured: Bench, readings: int) -> None:
    plan = EnergyPlan(
        meter=Vanishing(readings),
        clock=time.perf_counter,
        sleep=lambda seconds: None,
        window_s=0.05,
        idle_s=0.05,
        warmup_s=0.05,
    )
    outcome = measured(reference.scan, plan)
    assert [len(result.samples) for result in outcome.results] == [3, 3]
    assert [result.energy for result in outcome.results] == [None, None]
    assert all("unplugged" in (result.energy_reason or "") for result in outcome.results)
    assert not outcome.failures
