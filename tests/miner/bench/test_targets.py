"""Targets follow the rate, from a thousand hashes a second to 10^11: enough hits to audit, too few to cost time."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from miner.backends.registry import Backend, load
from miner.bench.audit import WANTED_HITS, verified
from miner.bench.feed import Feed
from miner.bench.run import _Run
from miner.bench.sampling import Tools
from miner.bench.settings import BenchSettings
from miner.bench.targets import easy_target, expected_hits, first_rate_hps, timed_bits, top_up_bits
from miner.share import Hit
from miner.target import Target
from miner.template import Template


class Engine:
    """A clock, and a backend that takes `rate_hps` [H/s] by it, once it has been called; the first call takes a minute."""

    def __init__(self, rate_hps: float, chunk_nonces: int) -> None:
        self.now_s, self.calls = 0.0, 0
        self.rate_hps = rate_hps
        self.backend = Backend("fake", self.scan, chunk_nonces)

    def scan(self, template: Template, start: int, count: int, target: Target) -> list[Hit]:
        self.now_s += count / self.rate_hps if self.calls else 60.0
        self.calls += 1
        return []

    def bits(self) -> int:
        feed = Feed(self.backend.chunk_nonces, first_header=0)
        return timed_bits(first_rate_hps(self.backend, feed, lambda: self.now_s))


@pytest.mark.parametrize(
    ("rate_hps", "chunk_nonces", "bits"),
    [
        pytest.param(1e3, 100, 8, id="1 kH/s"),
        pytest.param(0.77e6, 1 << 16, 13, id="reference"),
        pytest.param(29e6, 1 << 20, 17, id="29 MH/s"),
        pytest.param(50e6, 1 << 20, 17, id="50 MH/s"),
        pytest.param(8e9, 132 << 22, 24, id="8 GH/s"),
        pytest.param(100e9, 132 << 25, 28, id="100 GH/s"),
    ],
)
def test_hits_come_by_the_hundred_a_second_at_any_rate(rate_hps: float, chunk_nonces: int, bits: int) -> None:
    """And never by more than 500, which cost a quarter of a per cent at 5 microseconds each."""
    assert Engine(rate_hps, chunk_nonces).bits() == bits
    hits_per_s = expected_hits(int(rate_hps), easy_target(bits))
    assert hits_per_s <= 500
    assert hits_per_s >= 50 or bits == 8


@pytest.mark.parametrize(("threads", "midstates", "bits"), [(1, 1, 17), (64, 1, 23), (1, 4, 19), (64, 4, 25)])
def test_a_benchmark_measures_first_and_then_takes_its_target(threads: int, midstates: int, bits: int) -> None:
    """At 50 million nonces a second a thread; four midstates at once are four hashes a nonce."""
    engine = Engine(50e6, 1 << 20)
    backend = engine.backend._replace(versions=lambda templates, *work: [engine.scan(templates[0], *work)] * len(templates))
    settings = BenchSettings(threads=threads, midstates=midstates)
    run = _Run(backend, settings, Tools(lambda: engine.now_s), first_header=0)
    assert run._target == easy_target(bits)
    assert engine.calls == 2


def test_the_rate_counts_every_midstate() -> None:
    engine = Engine(1e6, 1 << 20)
    feed = Feed(1 << 20, first_header=0, midstates=4)
    backend = Backend("fake", engine.scan, 1 << 20, lambda templates, *work: [engine.scan(templates[0], *work)] * 4)
    assert first_rate_hps(backend, feed, lambda: engine.now_s) == pytest.approx(4e6)


def test_a_clock_that_does_not_move_leaves_a_target_that_gpus_time_like_any_other() -> None:
    engine = Engine(1e6, 1 << 20)
    assert timed_bits(first_rate_hps(engine.backend, Feed(1 << 20, first_header=0), lambda: 0.0)) == 31


@pytest.mark.parametrize(
    ("chunk_hashes", "bits"), [(100, 8), (1 << 16, 8), (1 << 20, 10), (1 << 22, 10), (132 << 22, 18), (1 << 33, 21)]
)
def test_a_chunk_of_the_top_up_brings_a_bounded_number_of_hits(chunk_hashes: int, bits: int) -> None:
    assert top_up_bits(chunk_hashes) == bits
    hits = expected_hits(chunk_hashes, easy_target(bits))
    assert hits <= 4096 < WANTED_HITS
    assert hits >= 256 or bits == 8


def test_expectation_is_hashes_times_the_share_of_the_target() -> None:
    assert expected_hits(1 << 30, easy_target(17)) == 1 << 13
    assert easy_target(17) == (1 << 239) - 1


def test_a_hit_costs_microseconds_here() -> None:
    """The figure on which the bound of hits a second rests is 5 microseconds; a slow machine may take ten times as long."""
    chunk, target = Feed(1 << 18, first_header=0).next(), easy_target(8)
    found = load("auto").scan_versions(*chunk, target)
    best_s = min(_seconds(lambda: verified(chunk, target, found)) for _ in range(5))
    assert len(found[0]) > 700
    assert best_s / len(found[0]) < 50e-6


def _seconds(work: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    work()
    return time.perf_counter() - started_s
