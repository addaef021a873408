"""The code that talks to CuPy and numba.cuda, without either's device: a stand-in for the one, a simulator for the other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from subprocess import CompletedProcess
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from miner.backends.cuda_source import source
from miner.backends.gpu_pipes import PROBES
from miner.backends.gpu_search import BLOCKS_PER_PROCESSOR, Job, Searcher, job_of
from miner.backends.gpu_variant import SHIFTS, Variant
from miner.target import MAX_TARGET, Target
from miner.template import HeaderTemplate
from miner.vectors import header_at

GENESIS = HeaderTemplate(header_at(0).to_bytes())
GENESIS_NONCE = 2083236893
KNOWN = {source(variant): variant for variant in (Variant(wide=SHIFTS, zero=zero) for zero in (True, False))}


class OnHost(np.ndarray[Any, Any]):
    """An array that can be fetched, as CuPy's are."""

    def get(self) -> np.ndarray[Any, Any]:
        return np.asarray(self)


class Current:
    """CuPy's device: it must be the current one wherever something is allocated or launched."""

    attributes = {"MultiProcessorCount": 2}  # noqa: RUF012
    pci_bus_id = "0000:05:00.0"
    entered: list[int] = []  # noqa: RUF012

    def __init__(self, number: int) -> None:
        self._number = number

    def __enter__(self) -> None:
        self.entered.append(self._number)

    def __exit__(self, *error: object) -> None:
        assert self.entered.pop() == self._number


def array(size: int, dtype: type) -> OnHost:
    assert Current.entered, "allocated on no device"
    return np.zeros(size, dtype).view(OnHost)


@pytest.fixture
def gpu_cupy(monkeypatch: pytest.MonkeyPatch, cpu_kernel: Callable[[Variant], Any]) -> Iterator[ModuleType]:
    """Yield `miner.backends.gpu_cupy` over a CuPy whose kernels the CPU runs."""

    class RawKernel:
        def __init__(self, code: str, name: str) -> None:
            assert name == "search"
            self._variant = KNOWN[code]

        def __call__(self, grid: tuple[int], block: tuple[int], arguments: tuple[Any, ...]) -> None:
            found, number, *words = arguments
            assert Current.entered
            assert (grid, block) == ((2 * BLOCKS_PER_PROCESSOR,), (128,))
            assert {type(word) for word in words} == {np.uint32}
            capacity, start, count, limit, *shared = map(int, words)
            job = Job(variant=self._variant, shared=tuple(shared), limit=limit)
            number[0], kept = cpu_kernel(self._variant)(job, start, count, capacity, grid[0])
            found[: len(kept)] = kept

    runtime = SimpleNamespace(getDeviceCount=lambda: 2)
    cupy = ModuleType("cupy")
    vars(cupy).update(RawKernel=RawKernel, empty=array, zeros=array, cuda=SimpleNamespace(Device=Current, runtime=runtime))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.delitem(sys.modules, "miner.backends.gpu_cupy", raising=False)
    yield import_module("miner.backends.gpu_cupy")
    sys.modules.pop("miner.backends.gpu_cupy")


def test_cupy_is_given_its_words_in_the_order_of_the_kernels_arguments(gpu_cupy: ModuleType) -> None:
    searcher = Searcher(gpu_cupy.open_devices())
    assert searcher.chunk_nonces == 4 << 22
    assert [hit.nonce for hit in searcher.scan(GENESIS, GENESIS_NONCE - 300, 999, MAX_TARGET)] == [GENESIS_NONCE]
    target = Target((1 << 253) - 1)
    wanted = [nonce for nonce in range(77, 400) if GENESIS.check(nonce, target)]
    assert [hit.nonce for hit in searcher.scan(GENESIS, 77, 323, target)] == wanted
    assert searcher.scan(GENESIS, 77, 323, Target(0)) == []


def test_cupy_counts_what_its_buffer_does_not_hold(gpu_cupy: ModuleType) -> None:
    device = gpu_cupy.open_devices()[0]
    device.capacity = 5
    device.launch(job_of([GENESIS], Target((1 << 256) - 1)), 10, 64)
    number, kept = device.collect()
    assert (number, len(kept)) == (64, 5)
    assert set(kept) < set(range(10, 74))


def test_cupy_runs_a_probe_with_its_words_in_order(gpu_cupy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Order and widths of the arguments are those of the probe's text."""

    def kernel(grid: tuple[int], block: tuple[int], arguments: tuple[Any, ...]) -> None:
        cycles, sink, passes, a, b = arguments
        assert (cycles.dtype, sink.dtype, passes.dtype, a.dtype, b.dtype) == (np.int64, *[np.uint32] * 4)
        assert (grid, block) == ((8,), (256,))
        cycles[:] = 5 * int(passes)

    monkeypatch.setattr(gpu_cupy.cupy, "RawKernel", lambda text, name: kernel)
    assert gpu_cupy.open_devices()[0].block_cycles("", 8, 3) == [15] * 8
    assert "(long long *cycles, word *sink, word passes, word a, word b)" in PROBES[0].source


SIMULATE = """
from types import SimpleNamespace
from numba import cuda
from miner.backends import gpu_numba
from miner.backends.gpu_program import TOP_IS_ZERO, TOP_OF_INITIAL, program
from miner.backends.gpu_search import Searcher, job_of
from miner.backends.gpu_trace import WHOLE
from miner.target import MAX_TARGET, Target
from miner.template import HeaderTemplate
from miner.vectors import header_at

def swapped(word):
    return int.from_bytes(int(word).to_bytes(4, "little"), "big")

def screen(shared, nonce, limit):
    what = program(1)
    [result] = what.run(WHOLE, [int(word) for word in shared[-len(what.passed):]], swapped(nonce))
    return swapped((result + TOP_OF_INITIAL) % (1 << 32)) <= limit

gpu_numba.BLOCKS_PER_PROCESSOR, gpu_numba.BLOCK_THREADS, gpu_numba.CAPACITY = 2, 8, 16
gpu_numba.compiled = lambda variant: cuda.jit(gpu_numba.loop_around(screen))
cuda.get_current_device = lambda: SimpleNamespace(MULTIPROCESSOR_COUNT=1)
searcher = Searcher(gpu_numba.open_devices())
block_0 = HeaderTemplate(header_at(0).to_bytes())
print([hit.nonce for hit in searcher.scan(block_0, 2083236893 - 20, 37, MAX_TARGET)])
last = range((1 << 32) - 20, 1 << 32)
print([hit.nonce for hit in searcher.scan(block_0, last[0], 20, Target((1 << 256) - 1))] == list(last))
device = gpu_numba.open_devices()[0]
device.launch(job_of([block_0], Target((1 << 256) - 1)), 100, 40)
number, kept = device.collect()
print(number, len(kept), set(kept) < set(range(100, 140)))
half = Target((1 << 255) - 1)
print(searcher.scan(block_0, 5, 40, half) == [hit for nonce in range(5, 45) if (hit := block_0.check(nonce, half))])
"""


def test_the_loop_of_numba_in_its_simulator(python: Callable[..., CompletedProcess[str]]) -> None:
    """Its hash is the pruned one in plain Python, for no intrinsic can run there; loop, buffer and device are the real ones."""
    told = python("-W", "error", "-c", SIMULATE, NUMBA_ENABLE_CUDASIM="1")
    assert (told.stdout, told.stderr) == ("[2083236893]\nTrue\n40 16 True\nTrue\n", "")
