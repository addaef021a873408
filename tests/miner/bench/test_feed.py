"""The feed gives each nonce of each header once, from a header chosen by chance on, and rolls versions where it is asked to."""

from __future__ import annotations

from struct import unpack

import numpy as np
import pytest

import miner.bench.run
from miner.backends.registry import Backend
from miner.bench.feed import BENCH_HEIGHT, Feed, rolled
from miner.bench.run import bench
from miner.bench.sampling import Tools
from miner.bench.settings import BenchSettings
from miner.share import Hit
from miner.target import Target
from miner.template import HeaderTemplate, Template, check_shared_tail
from miner.vectors import header_at

BIP_320 = 0x1FFFE000


def header(template: Template) -> bytes:
    assert isinstance(template, HeaderTemplate)
    return template.header


def time_s(template: Template) -> int:
    return int(unpack("<I", header(template)[68:72])[0])


def version(template: Template) -> int:
    return int(unpack("<I", header(template)[:4])[0])


@pytest.mark.parametrize("number", [0, 1000, (1 << 32) - 2])
def test_headers_differ_in_their_time_alone(number: int) -> None:
    """From the number asked for on, and on from 0 where 32 bits end."""
    feed = Feed(1 << 32, first_header=number)
    chunks = [feed.next() for _ in range(3)]
    first = header_at(BENCH_HEIGHT)
    assert [time_s(chunk.templates[0]) for chunk in chunks] == [
        (first.time_s + number + later) % (1 << 32) for later in range(3)
    ]
    assert len({chunk.templates[0].midstate for chunk in chunks}) == 1
    assert {(chunk.start, chunk.size, chunk.hashes) for chunk in chunks} == {(0, 1 << 32, 1 << 32)}


def test_a_feed_covers_a_header_before_it_takes_the_next() -> None:
    feed = Feed(1 << 30, first_header=7)
    chunks = [feed.next() for _ in range(5)]
    assert [chunk.start >> 30 for chunk in chunks] == [0, 1, 2, 3, 0]
    assert len({chunk.templates for chunk in chunks}) == 2


@pytest.mark.parametrize("midstates", [1, 2, 4])
def test_versions_are_rolled_where_bip_320_lets_them(midstates: int) -> None:
    """The first is the block's own version; a chunk does as many hashes whatever their number."""
    chunk = Feed(1 << 20, first_header=3, midstates=midstates).next()
    own = header_at(BENCH_HEIGHT)
    versions = [version(template) for template in chunk.templates]
    assert versions[0] == own.version == 1
    assert len(set(versions)) == midstates
    assert all(number & ~BIP_320 == own.version for number in versions)
    assert len({header(template)[4:] for template in chunk.templates}) == 1
    check_shared_tail(chunk.templates)
    assert (chunk.size, chunk.hashes) == ((1 << 20) // midstates, 1 << 20)


def test_a_chunk_has_a_nonce_however_few_a_backend_asks_for() -> None:
    chunk = Feed(3, first_header=0, midstates=4).next()
    assert (chunk.size, chunk.hashes) == (1, 4)


def test_a_chunk_is_no_more_than_a_header_however_many_gpus_ask() -> None:
    feed = Feed(1 << 33, first_header=0)
    chunks = [feed.next(), feed.next()]
    assert [(chunk.start, chunk.size) for chunk in chunks] == [(0, 1 << 32)] * 2
    assert chunks[0].templates != chunks[1].templates


def test_rolling_is_undone_by_rolling() -> None:
    """So that block 0 may stand in any place among headers that are rolled from it."""
    genesis = header_at(0)
    assert rolled(genesis, [0, 3]) == (
        HeaderTemplate(genesis.to_bytes()),
        HeaderTemplate((genesis.version | 3 << 13).to_bytes(4, "little") + genesis.to_bytes()[4:]),
    )


def searched(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> list[int]:
    """Return the times of the headers that two backends begin with."""
    times: list[int] = []

    def scan(template: Template, start: int, count: int, target: Target) -> list[Hit]:
        times.append(time_s(template))
        return []

    monkeypatch.setattr(miner.bench.run, "load", lambda name, midstates: Backend(name, scan, 1 << 20))
    ticks = iter(range(1000))
    bench(["a", "b"], BenchSettings(seconds=1.0, repeat=1, warmup=0), Tools(lambda: float(next(ticks))), rng)
    return [times[0], times[2]]


def test_every_benchmark_begins_somewhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each backend of it as well; the generator alone decides, so that a benchmark can be had again."""
    monkeypatch.setattr(miner.bench.run, "WANTED_HITS", 0)
    begun = [searched(monkeypatch, np.random.default_rng(seed)) for seed in (1, 2, 2)]
    assert begun[1] == begun[2]
    assert len({*begun[0], *begun[1]}) == 4
