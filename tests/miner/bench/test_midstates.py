"""Several midstates at once: every kernel is held to each of them, and one that errs in a single place is caught."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest

import miner.bench.run
from miner.backends import reference
from miner.backends.registry import BACKENDS, Backend, load
from miner.bench.audit import Audit, plant, verified
from miner.bench.feed import Chunk, Feed
from miner.bench.run import BenchResult, bench
from miner.bench.sampling import Tools, take_sample
from miner.bench.settings import BenchSettings
from miner.bench.targets import easy_target
from miner.errors import BackendUnavailableError, BenchError
from miner.share import Hit
from miner.target import Target
from miner.template import Template

Lists = list[list[Hit]]
Mutation = Callable[[Lists], Lists]

RNG = np.random.default_rng(1)
TOOLS = Tools(time.perf_counter)
LANES = 16
CHUNK = 1 << 16
PLANTED = 272  # nonces, of each midstate


def settings(midstates: int) -> BenchSettings:
    return BenchSettings(seconds=0.05, repeat=1, warmup=0, midstates=midstates)


def one_by_one(templates: Sequence[Template], start: int, count: int, target: Target) -> Lists:
    engine = load("auto")
    return [engine.scan(template, start, count, target) for template in templates]


def mutant(wrong: Mutation) -> Backend:
    """Return an honest backend, but for what `wrong` makes of its answers about several templates."""
    return Backend("mutant", load("auto").scan, CHUNK, lambda *work: wrong(one_by_one(*work)))


def measured(monkeypatch: pytest.MonkeyPatch, engine: Backend, midstates: int = 4) -> BenchResult:
    monkeypatch.setattr(miner.bench.run, "load", lambda name, midstates: engine)
    [result] = bench(["mutant"], settings(midstates), TOOLS, RNG).results
    return result


def silent(place: int) -> Mutation:
    return lambda lists: [[] if at == place else hits for at, hits in enumerate(lists)]


def swapped(one: int, other: int) -> Mutation:
    def wrong(lists: Lists) -> Lists:
        lists[one], lists[other] = lists[other], lists[one]
        return lists

    return wrong


WRONG = [
    *(pytest.param(silent(place), id=f"nothing-for-{place}") for place in range(4)),
    *(pytest.param(swapped(one, two), id=f"swaps-{one}-and-{two}") for one in range(4) for two in range(one)),
    pytest.param(lambda lists: [*lists[:3], lists[2]], id="third-twice"),
    pytest.param(lambda lists: lists[:3], id="three-lists"),
    pytest.param(lambda lists: [*lists, []], id="five-lists"),
    pytest.param(lambda lists: [[hit for hits in lists for hit in hits]] * 4, id="everybody's-for-everybody"),
]


@pytest.mark.parametrize("midstates", [2, 4])
@pytest.mark.parametrize("name", [name for name in BACKENDS if name != "reference"])
def test_every_honest_kernel_passes(monkeypatch: pytest.MonkeyPatch, name: str, midstates: int) -> None:
    try:
        engine = load(name)
    except BackendUnavailableError as error:
        pytest.skip(str(error))
    result = measured(monkeypatch, engine, midstates)
    assert result.audit.expected_hits >= 10_000
    assert result.audit.planted_found == result.audit.planted == PLANTED * midstates
    assert len(result.audit.hits) == midstates
    assert abs(result.audit.z) < 4.5  # wider than the limit: one honest run in 1,000 fails the audit itself
    assert max(map(abs, result.audit.z_by_midstate)) < 5
    assert result.searched_together == (engine.versions is not None)


def test_a_backend_without_a_kernel_for_it_searches_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(miner.bench.run, "WANTED_HITS", 400)
    result = measured(monkeypatch, load("reference"))
    assert not result.searched_together
    assert result.audit.planted_found == result.audit.planted == 267 * 4
    assert abs(result.audit.z) < 4.5
    assert sum(sample.hashes for sample in result.samples) % (1 << 16) == 0


@pytest.mark.parametrize("wrong", WRONG)
def test_a_kernel_that_is_wrong_in_one_place_misses_planted_nonces(wrong: Mutation) -> None:
    planted, found = plant(mutant(wrong), 4)
    assert found < planted == 4 * PLANTED


@pytest.mark.parametrize("wrong", [WRONG[2].values[0], WRONG[4].values[0]], ids=["nothing-for-2", "swaps-1-and-0"])
def test_its_audit_fails_by_numbers_as_well(monkeypatch: pytest.MonkeyPatch, wrong: Mutation) -> None:
    """A quarter of the hits is missing, or half of them belongs to somebody else."""
    result = measured(monkeypatch, mutant(wrong))
    assert not result.audit.passed
    assert result.audit.z < -20
    assert sum(z < -45 for z in result.audit.z_by_midstate) in {1, 2}


@pytest.mark.parametrize("place", range(4))
def test_a_dead_lane_of_one_midstate_misses_planted_nonces(place: int) -> None:
    def versions(templates: Sequence[Template], start: int, count: int, target: Target) -> Lists:
        lists = one_by_one(templates, start, count, target)
        lists[place] = [hit for hit in lists[place] if (hit.nonce - start) % LANES != 11]
        return lists

    planted, found = plant(Backend("mutant", load("auto").scan, CHUNK, versions), 4)
    assert found < planted


def test_a_midstate_that_lacks_an_eighth_shows_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its own 4,000 hits 1 in 8 is missing, 7.9 standard deviations; of all 16,000 it is 1 in 32, which is 4.0."""
    monkeypatch.setattr(miner.bench.run, "WANTED_HITS", 16_000)
    result = measured(monkeypatch, mutant(lambda lists: [*lists[:3], [hit for hit in lists[3] if hit.nonce % 8 != 3]]))
    assert result.audit.planted_found == result.audit.planted, "block 0's nonce is 5 modulo 8"
    assert result.audit.z_by_midstate[3] < -4
    assert not result.audit.passed


def test_limits_for_all_hits_and_for_each_midstate() -> None:
    def passed(*hits: int) -> bool:
        return Audit(
            hits=hits, expected_hits=10_000.0, timed_hits=0, timed_expected_hits=0.0, planted=PLANTED, planted_found=PLANTED
        ).passed

    assert passed(2_500, 2_500, 2_500, 2_500)
    assert passed(2_300, 2_500, 2_500, 2_500)  # 4.0 of sqrt(2500) = 50
    assert not passed(2_299, 2_600, 2_600, 2_600)
    assert not passed(2_701, 2_400, 2_400, 2_400)
    assert not passed(2_400, 2_400, 2_400, 2_470)  # all together lack 330, 3.3 of 100


def test_hashes_are_nonces_times_midstates() -> None:
    """A chunk of 1,000 hashes is 250 nonces of four headers; two of them fit into half a second of this clock."""
    asked: list[tuple[int, int]] = []

    def versions(templates: Sequence[Template], start: int, count: int, target: Target) -> Lists:
        asked.append((len(templates), count))
        return [[] for _ in templates]

    ticks = iter(range(100))
    engine = Backend("fake", reference.scan, 1000, versions)
    feed = Feed(engine.chunk_nonces, first_header=0, midstates=4)
    wanted = BenchSettings(seconds=0.5, midstates=4)
    sample = take_sample(engine, feed, easy_target(8), wanted, Tools(lambda: next(ticks) * 0.25))
    assert asked == [(4, 250), (4, 250)]
    assert (sample.hashes, sample.rate_hps, sample.verified_hits) == (2000, 4000.0, (0, 0, 0, 0))


def test_a_hit_counts_for_the_header_that_it_belongs_to() -> None:
    chunk: Chunk = Feed(4096, first_header=5, midstates=2).next()
    target = easy_target(6)
    first, second = (reference.scan(template, chunk.start, chunk.size, target) for template in chunk.templates)
    assert verified(chunk, target, [first, second]) == (len(first), len(second))
    assert min(len(first), len(second)) > 10
    assert verified(chunk, target, [second, first]) == (0, 0)
    assert verified(chunk, target, [first]) == (len(first), 0)


@pytest.mark.parametrize("number", [0, 3, 5, 8, -1])
def test_other_numbers_of_midstates_are_refused(number: int) -> None:
    with pytest.raises(BenchError, match=rf"^--midstates: {number} midstates; want 1, 2 or 4$"):
        BenchSettings(midstates=number)
