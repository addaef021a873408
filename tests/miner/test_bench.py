"""The bench counts work done, checks every hit, and shows a kernel that skips nonces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError
from hashlib import sha256
from itertools import count as counting
from math import sqrt

import pytest

import miner.bench
from miner.backends import reference
from miner.backends.registry import Backend, load
from miner.bench import BENCH_HEIGHT, EASY_TARGET, BenchResult, bench
from miner.errors import BackendUnavailableError
from miner.share import Hit
from miner.target import Target
from miner.template import HeaderTemplate
from miner.vectors import header_at

Scan = Callable[[bytes, int, int, Target], list[Hit]]
Use = Callable[[str, Scan, int], None]
HEADER = header_at(BENCH_HEIGHT).to_bytes()


def ticking(step_s: float) -> Callable[[], float]:
    """A clock that moves by `step_s` [s] whenever somebody looks."""
    ticks: Iterator[int] = counting()
    return lambda: next(ticks) * step_s


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    def patch(name: str, scan: Scan, chunk_nonces: int) -> None:
        monkeypatch.setattr(miner.bench, "load", lambda wanted: Backend(name, scan, chunk_nonces))

    return patch


@pytest.fixture
def one_in_256(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target so easy that half a second's work has thousands of hits."""
    monkeypatch.setattr(miner.bench, "EASY_TARGET", Target((1 << 248) - 1))


def test_hashes_are_counted_from_the_chunks_done(use: Use) -> None:
    """Three looks of a quarter of a second make half a second and a second sample; the warm-up counts nowhere."""
    asked = []

    def scan(header: bytes, start: int, count: int, target: Target) -> list[Hit]:
        asked.append((start, count))
        return []

    use("fake", scan, 1000)
    result = bench("fake", seconds=0.5, repeat=3, clock=ticking(0.25))
    assert asked == [(0, 1000)] + [(start, 1000) for start in range(0, 6000, 1000)]
    assert result.samples_hps == (4000.0, 4000.0, 4000.0)  # two chunks of 1,000 in 0.5 s
    assert (result.hashes, result.median_hps, result.backend) == (6000, 4000.0, "fake")


def test_a_rate_is_over_the_time_it_took_and_not_over_the_time_asked_for(use: Use) -> None:
    """A chunk of 7 s in a sample of 2 s: 1,000 hashes in 7 s."""
    use("fake", lambda header, start, count, target: [], 1000)
    assert bench("fake", seconds=2.0, repeat=1, clock=ticking(7.0)).samples_hps == (1000 / 7,)


def test_the_median_is_the_middle_of_the_samples() -> None:
    result = BenchResult(backend="x", samples_hps=(1.0, 100.0, 3.0), hashes=1, verified_hits=130, expected_hits=100.0)
    assert result.median_hps == 3.0
    assert result.hits_z == 3.0  # 30 more than 100, whose standard deviation is 10
    with pytest.raises(FrozenInstanceError):
        result.hashes = 2  # type: ignore[misc]


def test_after_the_last_nonce_it_starts_at_0_again(use: Use) -> None:
    """A range that leaves 2^32 would be no work; 1.5 billion a chunk fits twice."""
    asked = []

    def scan(header: bytes, start: int, count: int, target: Target) -> list[Hit]:
        asked.append((start, count))
        return []

    chunk = 1_500_000_000
    use("fake", scan, chunk)
    bench("fake", seconds=5.0, repeat=1, clock=ticking(1.0))
    assert asked[1:] == [(0, chunk), (chunk, chunk), (0, chunk), (chunk, chunk), (0, chunk)]


def test_only_hits_that_hash_to_what_they_say_are_counted(use: Use, one_in_256: None) -> None:
    """A wrong hash, and a nonce that does not meet the target, are no hits."""
    honest = reference.scan(HeaderTemplate(HEADER), 0, 4096, Target((1 << 248) - 1))
    assert len(honest) > 5
    misses = [nonce for nonce in range(40) if nonce not in {hit.nonce for hit in honest}]
    lies = [Hit(honest[0].nonce, "00" * 32), Hit(misses[0], honest[0].hash), Hit(misses[1], "00" * 32)]  # type: ignore[arg-type]
    use("fake", lambda header, start, count, target: honest + lies, 4096)
    assert bench("fake", seconds=1.0, repeat=1, clock=ticking(1.0)).verified_hits == len(honest)


def test_the_easy_target_is_met_by_one_nonce_in_65536() -> None:
    """By its expectation, and by the kernel itself: 8 million nonces have 128 hits or so."""
    result = bench("auto", seconds=16.0, repeat=1, clock=ticking(1.0))
    assert EASY_TARGET == (1 << 240) - 1
    assert result.expected_hits == result.hashes / 65536
    assert result.hashes == 16 * load("auto").chunk_nonces
    assert abs(result.hits_z) < 5


def test_the_reference_backend_is_timed_in_shorter_chunks(one_in_256: None) -> None:
    """It answers a clock eight times as often, and its hits are counted like any other's."""
    result = bench("reference", seconds=1.0, repeat=2, clock=ticking(1.0))
    hashed = (sha256(sha256(HEADER[:76] + nonce.to_bytes(4, "little")).digest()).digest() for nonce in range(16384))
    assert (result.backend, result.hashes) == ("reference", 16384)
    assert result.verified_hits == sum(raw[31] == 0 for raw in hashed)  # the last byte is the highest
    assert result.expected_hits == 64.0


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(BackendUnavailableError, match="'fpga'"):
        bench("fpga", seconds=1.0, repeat=1, clock=ticking(1.0))


def drops_a_lane(engine: Backend) -> Scan:
    """One lane in 16 never answers, as with a mask that lost a bit."""
    return lambda *work: [hit for hit in engine.scan(*work) if hit.nonce % 16 != 5]


def test_a_kernel_that_skips_one_lane_in_16_shows(use: Use, one_in_256: None) -> None:
    """Eight million nonces have 32,768 hits, give or take 181; a sixteenth is 2,048, eleven standard deviations."""
    engine = load("auto")
    use("honest", engine.scan, 1 << 20)
    honest = bench("honest", seconds=8.0, repeat=1, clock=ticking(1.0))
    use("mutant", drops_a_lane(engine), 1 << 20)
    mutant = bench("mutant", seconds=8.0, repeat=1, clock=ticking(1.0))
    assert honest.hashes == mutant.hashes == 1 << 23
    assert mutant.samples_hps == honest.samples_hps, "the rate alone shows nothing"
    assert abs(honest.hits_z) < 4
    assert mutant.hits_z < -8
    assert mutant.hits_z - honest.hits_z == pytest.approx(-sqrt(1 << 15) / 16, abs=1.5)


def test_a_kernel_that_says_each_hit_twice_to_hide_the_half_it_skips_shows(use: Use, one_in_256: None) -> None:
    """Each nonce proves its hash once: a hit told twice is still one."""
    engine = load("auto")

    def even_ones_twice(header: bytes, start: int, count: int, target: Target) -> list[Hit]:
        return [hit for hit in engine.scan(header, start, count, target) if hit.nonce % 2 == 0 for _ in range(2)]

    use("mutant", even_ones_twice, 1 << 20)
    assert bench("mutant", seconds=4.0, repeat=1, clock=ticking(1.0)).hits_z < -8


def test_a_kernel_that_scans_its_first_range_for_ever_shows(use: Use, one_in_256: None) -> None:
    """Hits from outside the range asked for are not its hits."""
    engine = load("auto")

    def first_chunk_only(header: bytes, start: int, count: int, target: Target) -> list[Hit]:
        return engine.scan(header, 0, count, target)

    use("mutant", first_chunk_only, 1 << 20)
    assert bench("mutant", seconds=4.0, repeat=1, clock=ticking(1.0)).hits_z < -8
