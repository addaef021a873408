"""On a CUDA device: every variant by every compiler, ranges of real size, and several versions at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any

import pytest

from miner.backends.gpu_driver import devices_through
from miner.backends.gpu_job import job_of
from miner.backends.gpu_pipes import PROBES, lanes_per_clock
from miner.backends.gpu_proof import block_0, prove
from miner.backends.gpu_rank import SHAPES
from miner.backends.gpu_search import Searcher
from miner.backends.gpu_variant import LOOPED, SHIFTS, VARIANTS, Shape, Variant
from miner.backends.registry import load
from miner.share import Hit
from miner.target import MAX_TARGET, Target

pytestmark = pytest.mark.gpu

GENESIS_NONCE = 2083236893
ANY = [
    *(Variant(midstates=midstates, wide=SHIFTS, zero=False) for midstates in (1, 2, 4)),
    Variant(midstates=4, wide=SHIFTS, looped=True, zero=False),
]
EASY = Target((1 << 240) - 1)


@pytest.fixture(scope="module", params=["numba_cuda", "cupy"])
def devices(request: pytest.FixtureRequest, needs_device: None) -> Any:
    """Return all devices as one compiler's packages open them; one that cannot is a failure."""
    module = {"numba_cuda": "miner.backends.gpu_numba", "cupy": "miner.backends.gpu_cupy"}[request.param]
    return devices_through(request.param, module)


@pytest.fixture(scope="module")
def cpu_finds() -> Callable[[int], list[list[Hit]]]:
    """Return what the CPU finds for so many headers, once for all compilers."""
    return cache(lambda number: [load("numba-cpu").scan(one, 123_456_789, 1 << 22, EASY) for one in block_0(number)])


@pytest.mark.parametrize("variant", [*VARIANTS, *LOOPED], ids=lambda variant: variant.name)
def test_every_variant_finds_block_0_on_every_device_with_registers_as_counted(devices: Any, variant: Variant) -> None:
    """One test for both, since each process compiles by itself; other headers have no top word of 0 there."""
    if variant not in devices[0].variants:
        pytest.skip(f"numba.cuda has no {variant.name}, and says so")
    job = job_of(block_0(variant.midstates), MAX_TARGET, variant)
    for device in devices:
        prove(device, variant)
        device.launch(job, GENESIS_NONCE - 1_000_000, 1_200_000)
        assert device.collect() == (1, [GENESIS_NONCE])
        assert 0 < sum(device.begin(job, 0, 1 << 20, 2)()) < 10
    assert devices[0].registers(variant) <= {1: 64, 2: 96, 4: 128}.get(variant.midstates, 128)


@pytest.mark.parametrize("variant", ANY, ids=lambda variant: variant.name)
def test_top_words_against_a_limit_equal_the_cpu(devices: Any, variant: Variant, cpu_finds: Any) -> None:
    """One nonce in 65,536 of four million: all that the CPU finds, in order."""
    templates = block_0(variant.midstates)
    if not variant.looped:
        assert Searcher(devices).scan_versions(templates, 123_456_789, 1 << 22, EASY) == cpu_finds(variant.midstates)
        return
    if variant.midstates not in {looped.midstates for looped in devices[0].variants if looped.looped}:
        pytest.skip(f"numba.cuda has no {variant.name}, and says so")
    wanted = {hit.nonce for hits in cpu_finds(variant.midstates) for hit in hits}
    found = Searcher(devices).candidates(job_of(templates, EASY, variant), 123_456_789, 1 << 22)
    assert wanted <= set(found)
    assert len(found) < 1.1 * len(wanted) + 10


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape.block_threads}x{shape.blocks_per_processor}")
def test_every_shape_of_a_launch_finds_block_0(devices: Any, shape: Shape) -> None:
    job = replace(job_of(block_0(1), MAX_TARGET), shape=shape)
    devices[0].launch(job, GENESIS_NONCE - 1_000_000, 1_200_000)
    assert devices[0].collect() == (1, [GENESIS_NONCE])


def test_a_whole_chunk_has_as_many_hits_as_chance_gives(devices: Any) -> None:
    """One nonce in 2^24: a kernel that skipped some, or did some twice, would be off by many standard deviations."""
    searcher = Searcher(devices)
    found = searcher.scan(block_0(1)[0], 0, searcher.chunk_nonces, Target((1 << 232) - 1))
    expected = searcher.chunk_nonces / (1 << 24)
    assert len({hit.nonce for hit in found}) == len(found)
    assert abs(len(found) - expected) < 6 * expected**0.5 + 6


def test_the_whole_space_of_block_0_has_two_nonces(devices: Any) -> None:
    """All 2^32 nonces, half a second. The second one is what the CPU's kernel found there in 80 s (2026-11-24)."""
    hits = Searcher(devices).scan(block_0(1)[0], 0, 1 << 32, MAX_TARGET)
    assert [hit.nonce for hit in hits] == [GENESIS_NONCE, 3197545707]


def test_a_buffer_that_overflows_on_a_device_loses_nothing(devices: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for device in devices:
        monkeypatch.setattr(device, "capacity", 3)
    target = Target((1 << 250) - 1)
    wanted = load("reference").scan(block_0(1)[0], 77, 3000, target)
    assert len(wanted) > 20
    assert Searcher(devices).scan(block_0(1)[0], 77, 3000, target) == wanted


def test_pipes_are_about_as_wide_as_the_predictions_take_them(needs_device: None) -> None:
    """Half to twice: what they really are is for the record to tell. Nothing else may run meanwhile."""
    runner = import_module("miner.backends.gpu_cupy").open_devices()[0]
    rates = {probe.name: lanes_per_clock(probe, runner, passes=256) for probe in PROBES}
    assert 32 <= rates["lop3"] <= 130
    assert 32 <= rates["imad"] <= 130
    assert rates["lop3 + imad"] > 1.2 * max(rates["lop3"], rates["imad"]) or rates["lop3"] > 100
