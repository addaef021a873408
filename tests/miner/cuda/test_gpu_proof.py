"""Before a kernel is first used on a device it must answer as hashlib does."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from miner.backends.gpu_job import Device, job_of
from miner.backends.gpu_proof import block_0_job, prove
from miner.backends.gpu_search import Searcher
from miner.backends.gpu_variant import SHIFTS, Variant
from miner.errors import BackendSelfTestError
from miner.target import MAX_TARGET, Target
from miner.template import HeaderTemplate
from miner.vectors import header_at

GENESIS = HeaderTemplate(header_at(0).to_bytes())
NEAR = header_at(0).nonce - 20
EASY = Target((1 << 252) - 1)
STRICT, ANY = Variant(wide=SHIFTS), Variant(wide=SHIFTS, zero=False)


@pytest.mark.parametrize("zero", [True, False])
@pytest.mark.parametrize("shared", [{}, {"midstates": 4}, {"midstates": 2, "looped": True}])
def test_kernels_that_are_right_pass(cpu_device: Callable[..., Any], shared: dict[str, Any], zero: bool) -> None:
    """At most one hash in 16 meets the easy limit, so that both reports and silence are tried; block 0 is the last midstate."""
    device = cpu_device()
    prove(device, Variant(wide=SHIFTS, zero=zero, **shared))
    assert len(device.launched) == 1
    prove(cpu_device(capacity=1), Variant(wide=SHIFTS, zero=zero, **shared))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda number, found: (number - 1, found[1:]), "reports 0, 0 of them rightly, where 1 meet"),
        (lambda number, found: (number, [found[0] + 1]), "reports 1, 0 of them rightly, where 1 meet"),
        (lambda number, found: (number + 1, found * 2), "reports 2, 1 of them rightly, where 1 meet"),
        (lambda number, found: (number, found[1:]), "reports 1, 0 of them rightly, where 1 meet"),
    ],
)
def test_a_kernel_that_errs_is_refused(
    cpu_device: Callable[..., Any], wrong: Callable[[int, list[int]], tuple[int, list[int]]], said: str
) -> None:
    device = cpu_device()
    right = device.collect
    device.collect = lambda: wrong(*right())
    with pytest.raises(BackendSelfTestError, match=rf"^kernel k1-fma-w3-w10: of 600 nonces around that of block 0 it {said}"):
        prove(device, STRICT)


def test_a_kernel_that_forgets_one_in_sixteen_is_refused(cpu_device: Callable[..., Any]) -> None:
    device = cpu_device()
    right = device.collect
    device.collect = lambda: (lambda number, found: (number - 1, found[:-1]))(*right())
    with pytest.raises(BackendSelfTestError, match=r"^kernel k1-fma-w3-w10-any: of 600"):
        Searcher([device]).scan(GENESIS, 5, 10, EASY)


def test_each_kernel_is_proven_once_on_every_device(cpu_device: Callable[..., Any]) -> None:
    asked: list[tuple[Device, str]] = []
    devices = [cpu_device(), cpu_device()]
    searcher = Searcher(devices, proof=lambda device, variant: asked.append((device, variant.name)))
    for target in (MAX_TARGET, EASY, MAX_TARGET, EASY):
        searcher.scan(GENESIS, NEAR, 40, target)
    assert asked == [(device, variant.name) for variant in (STRICT, ANY) for device in devices]


def test_threads_wait_for_the_proof(cpu_device: Callable[..., Any]) -> None:
    asked: list[str] = []
    searcher = Searcher([cpu_device()], proof=lambda device, variant: asked.append(variant.name))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: searcher.scan(GENESIS, NEAR, 40, MAX_TARGET), range(8)))
    assert asked == [STRICT.name]
    assert [[hit.nonce for hit in hits] for hits in found] == [[header_at(0).nonce]] * 8


def test_a_kernel_that_was_refused_is_refused_again(cpu_device: Callable[..., Any]) -> None:
    def refuse(device: Device, variant: Variant) -> None:
        raise BackendSelfTestError("it errs")

    device = cpu_device()
    searcher = Searcher([device], proof=refuse)
    for _ in range(2):
        with pytest.raises(BackendSelfTestError):
            searcher.candidates(job_of([GENESIS], MAX_TARGET), 0, 5)
    assert device.launched == []


def test_the_job_around_block_0_is_that_of_any_number_of_midstates() -> None:
    for midstates in (1, 2, 4, 8, 16):
        job = block_0_job(Variant(midstates=midstates, looped=True, zero=False))
        assert (job.variant.midstates, job.limit) == (midstates, (1 << 28) - 1)
