"""The audit can fail: a kernel that looks away from some nonces is shown up, an honest one is not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
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
PLANTED = 256 + 2 + 12 + 2  # lanes, first ones, edges within a whole range, and left out


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[[Scan], BenchResult]:
    """Return a function that benchmarks a kernel made of the fastest one and something wrong with it."""

    def run(scan: Scan) -> BenchResult:
        engine = Backend("mutant", scan, load("auto").chunk_nonces)
        monkeypatch.setattr(miner.bench.run, "load", lambda name, midstates: engine)
        [result] = bench(["mutant"], SHORT, TOOLS, RNG).results
        return result

    return run


def audit(hits: int, expected: float) -> Audit:
    return Audit(
        hits=(hits,),
        expected_hits=expected,
        timed_hits=0,
        timed_expected_hits=0.0,
        planted=PLANTED,
        planted_found=PLANTED,
    )


@pytest.mark.parametrize("name", list(BACKENDS))
def test_every_honest_kernel_passes(name: str) -> None:
    try:
        load(name)
    except BackendUnavailableError as error:
        pytest.skip(str(error))
    [result] = bench([name], SHORT, TOOLS, RNG).results
    assert result.audit.expected_hits >= 10_000
    assert result.audit.planted_found == result.audit.planted == (267 if name == "reference" else PLANTED)
    assert abs(result.audit.z) < 4.5  # wider than the limit: one honest run in 1,000 fails the audit itself
    assert len(result.samples) == 2


def test_a_kernel_that_skips_one_lane_in_16_shows(
    measured: Callable[[Scan], BenchResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rate is as good as any; 10,000 hits lack a sixteenth, 6.25 standard deviations."""
    engine = load("auto")
    result = measured(lambda *work: [hit for hit in engine.scan(*work) if hit.nonce % 16 != 5])
    assert result.audit.z < -3.3
    assert not result.audit.passed


def test_a_kernel_that_skips_only_on_one_of_its_threads_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The untimed pass runs on as many threads as the timed samples; half of one thread's nonces is a quarter of all."""
    engine = load("auto")

    def scan(template: Template, start: int, count: int, target: Target) -> list[Hit]:
        hits = engine.scan(template, start, count, target)
        lazy = threading.current_thread().name.endswith("_1")
        return [hit for hit in hits if hit.nonce % 2] if lazy else hits

    monkeypatch.setattr(miner.bench.run, "load", lambda name, midstates: Backend("mutant", scan, engine.chunk_nonces))
    [result] = bench(["mutant"], replace(SHORT, threads=2), TOOLS, RNG).results
    assert result.audit.planted_found == result.audit.planted, "what is planted is searched on one thread"
    assert result.audit.z < -8
    assert not result.audit.passed


@pytest.mark.parametrize(
    "dead",
    [
        pytest.param(lambda offset, count: offset % 256 == 77, id="thread-77-of-256"),
        pytest.param(lambda offset, count: count > 1024 and 16 <= offset < 32, id="second-batch-of-long-ranges"),
        pytest.param(lambda offset, count: count > 1024 and offset >= count // 2, id="second-half-of-long-ranges"),
    ],
)
def test_dead_threads_and_batches_miss_planted_nonces(dead: Callable[[int, int], bool]) -> None:
    engine = load("auto")

    def scan(template: Template, start: int, count: int, target: Target) -> list[Hit]:
        return [hit for hit in engine.scan(template, start, count, target) if not dead(hit.nonce - start, count)]

    planted, found = plant(Backend("mutant", scan, engine.chunk_nonces))
    assert found < planted


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
    one_lost = replace(audit(10_000, 10_000.0), planted_found=PLANTED - 1)
    assert one_lost.reasons == [f"{PLANTED - 1} of {PLANTED} planted nonces found"]


def test_timed_hits_are_judged_by_themselves_too() -> None:
    """1,600 expected while timed: 160 too few are 4.0 standard deviations of their own, and 1.6 of all 10,000."""
    passing = replace(audit(9_840, 10_000.0), timed_hits=1_440, timed_expected_hits=1_600.0)
    assert passing.passed
    failing = replace(passing, timed_hits=1_439)
    assert failing.reasons == ["1,439 hits while timed where 1,600 were expected (z -4.0)"]
    assert failing.timed_skip_detectable_pct == pytest.approx((4.0 + 1.645) / 40 * 100)
    few = replace(passing, timed_hits=0, timed_expected_hits=99.0)
    assert (few.passed, few.timed_z, few.timed_skip_detectable_pct) == (True, None, None)


@pytest.mark.parametrize("hits", [(0,), (40,), (0, 40)])
def test_too_few_expected_hits_are_not_judged(hits: tuple[int, ...]) -> None:
    """As after Ctrl-C in the first sample: Poisson's law is far from the normal one there."""
    assert replace(audit(0, 5.0 * len(hits)), hits=hits).passed


def test_a_failed_audit_always_says_why() -> None:
    """Four midstates that are even in all: only one of them is off by itself."""
    off = replace(audit(0, 10_000.0), hits=(2_290, 2_570, 2_570, 2_570))
    assert off.reasons == ["midstate 1 has 2,290 (z -4.2)"]
    assert not off.passed


def test_what_is_said_to_be_detectable_is_detected_nineteen_times_in_twenty() -> None:
    """Skipping that share leaves E - 4.935 sqrt(E) hits; their spread is sqrt of that, so z exceeds 3.29 in 95 % of cases."""
    expected = 10_000.0
    share = audit(10_000, expected).smallest_skip_detectable_pct / 100
    left = expected * (1 - share)
    assert share == pytest.approx(0.04935)
    assert left + 1.645 * sqrt(left) < expected - 3.29 * sqrt(expected) + 5


def test_backends_take_turns_sample_by_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that steady drift of the machine cancels: there and back again, not a a b b."""
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
    results = bench(["a", "b"], settings, Tools(lambda: float(next(clock))), RNG).results
    assert turns[:4] == ["a", "a", "b", "b"]  # whatever first calls cost, and the rate
    assert turns[4:10] == ["a", "b", "b", "a", "a", "b"]  # warm-up, two samples
    assert [len(result.samples) for result in results] == [2, 2]
