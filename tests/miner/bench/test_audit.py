"""The audit can fail: a kernel that looks away from some nonces is shown up, an honest one is not."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest

import miner.bench.run
from miner.backends.registry import BACKENDS, Backend, load
from miner.bench.audit import Audit, plant
from miner.bench.run import BenchResult, bench
from miner.bench.sampling import Tools
from miner.bench.settings import BenchSettings
from miner.errors import BackendUnavailableError
from miner.share import Hit
from miner.target import Target
from miner.template import Template

Scan = Callable[[Template, int, int, Target], list[Hit]]
SHORT = BenchSettings(seconds=0.05, repeat=2, warmup=0)
TOOLS = Tools(time.perf_counter)
RNG = np.random.default_rng(1)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[[Scan], BenchResult]:
    """Return a function that benchmarks a kernel made of the fastest one and something wrong with it."""

    def run(scan: Scan) -> BenchResult:
        engine = Backend("mutant", scan, load("auto").chunk_nonces)
        monkeypatch.setattr(miner.bench.run, "load", lambda name, midstates: engine)
        [result] = bench(["mutant"], SHORT, TOOLS, RNG)
        return result

    return run


def audit(hits: int, expected: float) -> Audit:
    return Audit(hits=(hits,), expected_hits=expected, planted=38, planted_found=38)


@pytest.mark.parametrize("name", list(BACKENDS))
def test_every_honest_kernel_passes(name: str) -> None:
    try:
        load(name)
    except BackendUnavailableError as error:
        pytest.skip(str(error))
    [result] = bench([name], SHORT, TOOLS, RNG)
    assert result.audit.expected_hits >= 10_000
    assert result.audit.planted_found == result.audit.planted == 38
    assert abs(result.audit.z) < 4.5  # wider than the limit: one honest run in 1,000 fails the audit itself
    assert len(result.samples) == 2


def test_a_kernel_that_skips_one_lane_in_16_shows(
    measured: Callable[[Scan], BenchResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rate is as good as any; 40,000 hits lack a sixteenth, 12.5 standard deviations (10,000 would lack 6)."""
    monkeypatch.setattr(miner.bench.run, "WANTED_HITS", 40_000)
    engine = load("auto")
    result = measured(lambda *work: [hit for hit in engine.scan(*work) if hit.nonce % 16 != 5])
    assert result.audit.z < -8
    assert not result.audit.passed


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda hits, work: [hit for hit in hits if hit.nonce % 2 == 0 for _ in range(2)], id="says-half-twice"),
        pytest.param(lambda hits, work: [hit for hit in hits if hit.nonce < work[1] + work[2] * 0.9], id="stops-early"),
        pytest.param(lambda hits, work: hits[:-1], id="forgets-the-last"),
        pytest.param(lambda hits, work: load("auto").scan(work[0], 0, work[2], work[3]), id="first-range-for-ever"),
    ],
)
def test_a_kernel_that_does_less_than_it_says_shows(
    measured: Callable[[Scan], BenchResult], wrong: Callable[..., list[Hit]]
) -> None:
    engine = load("auto")
    assert not measured(lambda *work: wrong(engine.scan(*work), work)).audit.passed


def test_a_dead_lane_misses_planted_nonces_whatever_chance_says() -> None:
    """Each lane of the widest batch is the last of a range at some point; an edge that is off by one shows as well."""
    engine = load("auto")
    lost: list[Callable[[Hit, int, int], bool]] = [
        lambda hit, start, count: (hit.nonce - start) % 16 != 11,
        lambda hit, start, count: hit.nonce != start,
        lambda hit, start, count: hit.nonce != start + count - 1,
    ]
    for keeps in lost:

        def scan(template: Template, start: int, count: int, target: Target, keeps: Callable[..., bool] = keeps) -> list[Hit]:
            return [hit for hit in engine.scan(template, start, count, target) if keeps(hit, start, count)]

        planted, found = plant(Backend("mutant", scan, engine.chunk_nonces))
        assert found < planted


def test_a_kernel_that_finds_too_much_is_caught_where_nothing_is_planted() -> None:
    engine = load("auto")
    planted, found = plant(Backend("mutant", lambda *work: [*engine.scan(*work), Hit(work[1], "00")], engine.chunk_nonces))
    assert found == 0 < planted


def test_the_limit_is_where_one_honest_audit_in_a_thousand_lies() -> None:
    assert audit(10_329, 10_000.0).passed
    assert not audit(10_330, 10_000.0).passed
    assert audit(9_671, 10_000.0).passed
    assert not audit(9_670, 10_000.0).passed
    assert not Audit(hits=(10_000,), expected_hits=10_000.0, planted=38, planted_found=37).passed


def test_what_is_said_to_be_detectable_is_detected_nineteen_times_in_twenty() -> None:
    """Skipping that share leaves E - 4.935 sqrt(E) hits; their spread is sqrt of that, so z exceeds 3.29 in 95 % of cases."""
    expected = 10_000.0
    share = audit(10_000, expected).smallest_skip_detectable_pct / 100
    left = expected * (1 - share)
    assert share == pytest.approx(0.04935)
    assert left + 1.645 * sqrt(left) < expected - 3.29 * sqrt(expected) + 5


def test_backends_take_turns_sample_by_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that drift of the machine cancels: a b a b, not a a b b."""
    turns: list[str] = []

    def loaded(name: str, midstates: int) -> Backend:
        def scan(template: Template, start: int, count: int, target: Target) -> list[Hit]:
            turns.append(name)
            return load("reference").scan(template, start, count, target)

        return Backend(name, scan, 1 << 16)

    monkeypatch.setattr(miner.bench.run, "load", loaded)
    clock = iter(range(10_000))
    settings = BenchSettings(seconds=1.0, repeat=2, warmup=1)
    monkeypatch.setattr(miner.bench.run, "WANTED_HITS", 0)
    results = bench(["a", "b"], settings, Tools(lambda: float(next(clock))), RNG)
    assert turns[:4] == ["a", "a", "b", "b"]  # whatever first calls cost, and the rate
    assert turns[4:10] == ["a", "b", "a", "b", "a", "b"]  # warm-up, two samples
    assert [len(result.samples) for result in results] == [2, 2]
