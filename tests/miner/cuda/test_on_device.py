"""On a CUDA device: every variant by every compiler, ranges of real size, and several versions at a time."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from miner.backends.gpu_driver import devices_through
from miner.backends.gpu_pipes import PROBES, lanes_per_clock
from miner.backends.gpu_search import Searcher, job_of
from miner.backends.gpu_variant import SHIFTS, VARIANTS, Variant
from miner.backends.registry import load
from miner.target import MAX_TARGET, Target
from miner.template import HeaderTemplate
from miner.vectors import header_at

pytestmark = pytest.mark.gpu

GENESIS = header_at(0).to_bytes()
GENESIS_NONCE = 2083236893
ANY = [Variant(midstates=midstates, wide=SHIFTS, zero=False) for midstates in (1, 2, 4)]


@pytest.fixture(scope="module", params=["numba_cuda", "cupy"])
def devices(request: pytest.FixtureRequest) -> Any:
    module = {"numba_cuda": "miner.backends.gpu_numba", "cupy": "miner.backends.gpu_cupy"}[request.param]
    try:
        return devices_through(request.param, module)
    except ImportError as error:
        pytest.skip(str(error))


def versions(number: int) -> list[HeaderTemplate]:
    """Return headers that differ in their version, block 0 last; no other has a top word of 0 near block 0's nonce."""
    return [HeaderTemplate(bytes([GENESIS[0] ^ place]) + GENESIS[1:]) for place in range(number)][::-1]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_every_variant_finds_block_0_on_every_device(devices: Any, variant: Variant) -> None:
    job = job_of(versions(variant.midstates), MAX_TARGET, variant)
    for device in devices:
        device.launch(job, GENESIS_NONCE - 1_000_000, 1_200_000)
        assert device.collect() == (1, [GENESIS_NONCE])


@pytest.mark.parametrize("variant", ANY, ids=lambda variant: variant.name)
def test_top_words_against_a_limit_equal_the_cpu(devices: Any, variant: Variant) -> None:
    """One nonce in 65,536 of four million: all that the CPU finds, in order."""
    target = Target((1 << 240) - 1)
    templates = versions(variant.midstates)
    cpu = load("numba-cpu").scan
    wanted = [cpu(template, 123_456_789, 1 << 22, target) for template in templates]
    assert Searcher(devices).scan_versions(templates, 123_456_789, 1 << 22, target) == wanted


def test_a_whole_chunk_has_as_many_hits_as_chance_gives(devices: Any) -> None:
    """One nonce in 2^24: a kernel that skipped some, or did some twice, would be off by many standard deviations."""
    searcher = Searcher(devices)
    found = searcher.scan(versions(1)[0], 0, searcher.chunk_nonces, Target((1 << 232) - 1))
    expected = searcher.chunk_nonces / (1 << 24)
    assert len({hit.nonce for hit in found}) == len(found)
    assert abs(len(found) - expected) < 6 * expected**0.5 + 6


def test_the_whole_space_of_block_0_has_two_nonces(devices: Any) -> None:
    """All 2^32 nonces, half a second. The second one is what the CPU's kernel found there in 80 s (2026-11-24)."""
    hits = Searcher(devices).scan(versions(1)[0], 0, 1 << 32, MAX_TARGET)
    assert [hit.nonce for hit in hits] == [GENESIS_NONCE, 3197545707]


def test_a_buffer_that_overflows_on_a_device_loses_nothing(devices: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for device in devices:
        monkeypatch.setattr(device, "capacity", 3)
    target = Target((1 << 250) - 1)
    wanted = load("reference").scan(versions(1)[0], 77, 3000, target)
    assert len(wanted) > 20
    assert Searcher(devices).scan(versions(1)[0], 77, 3000, target) == wanted


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_what_a_driver_loads_has_the_registers_that_were_counted_without_it(devices: Any, variant: Variant) -> None:
    device = devices[0]
    job = job_of(versions(variant.midstates), MAX_TARGET, variant)
    assert 0 < device.seconds(job, 0, 1 << 20) < 10
    assert device.registers(variant) <= {1: 64, 2: 96, 4: 128}[variant.midstates]


def test_pipes_are_about_as_wide_as_the_predictions_take_them() -> None:
    """Half to twice: what they really are is for the record to tell."""
    try:
        devices_through("cupy", "miner.backends.gpu_cupy")
    except ImportError as error:
        pytest.skip(str(error))
    runner = import_module("miner.backends.gpu_cupy").open_devices()[0]
    rates = {probe.name: lanes_per_clock(probe, runner, passes=256) for probe in PROBES}
    assert 32 <= rates["lop3"] <= 130
    assert 32 <= rates["imad"] <= 130
    assert rates["lop3 + imad"] > 1.2 * max(rates["lop3"], rates["imad"]) or rates["lop3"] > 100
