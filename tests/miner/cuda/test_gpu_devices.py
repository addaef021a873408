"""The code that talks to CuPy and numba.cuda, without either's device: a stand-in for the one, a simulator for the other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from subprocess import CompletedProcess
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from miner.backends.cuda_source import source
from miner.backends.gpu_job import Job, job_of
from miner.backends.gpu_pipes import PROBES
from miner.backends.gpu_search import Searcher
from miner.backends.gpu_variant import SHIFTS, Shape, Variant
from miner.target import MAX_TARGET, Target
from miner.template import HeaderTemplate
from miner.vectors import header_at

GENESIS = HeaderTemplate(header_at(0).to_bytes())
GENESIS_NONCE = 2083236893
LOOP = Variant(midstates=4, wide=SHIFTS, looped=True)
KNOWN = {source(variant): variant for variant in (Variant(wide=SHIFTS), Variant(wide=SHIFTS, zero=False), LOOP)}
DONE: list[str] = []


class OnHost(np.ndarray[Any, Any]):
    """An array that can be fetched, as CuPy's are."""

    def get(self) -> np.ndarray[Any, Any]:
        return np.asarray(self)

    def fill(self, value: Any) -> None:
        DONE.append("clear")
        super().fill(value)


class Event:
    """CuPy's event: it says what the stream had done when it was recorded."""

    def record(self) -> None:
        assert Current.entered
        DONE.append("record")
        self.at_s = 0.5 * DONE.count("launch")

    def synchronize(self) -> None:
        assert Current.entered
        DONE.append("wait")


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
            assert (grid[0] * block[0], len(grid), len(block)) == (2 * 24 * 128, 1, 1)
            own = words.pop() if self._variant.looped else np.empty(1, "V0")
            assert {type(word) for word in words} == {np.uint32}
            assert own.size == 1, "passed by value, as CuPy has it"
            capacity, start, count, limit, *shared = map(int, words)
            shared += np.frombuffer(own.tobytes(), np.uint32).tolist()
            shape = Shape(block_threads=block[0], blocks_per_processor=grid[0] // 2)
            job = Job(variant=self._variant, shared=tuple(shared), limit=limit, shape=shape)
            DONE.append("launch")
            number[0], kept = cpu_kernel(self._variant)(job, start, count, capacity, grid[0])
            found[: len(kept)] = kept

    runtime = SimpleNamespace(getDeviceCount=lambda: 2)
    cupy = ModuleType("cupy")
    cuda = SimpleNamespace(Device=Current, Event=Event, runtime=runtime)
    cuda.get_elapsed_time = lambda before, after: 1000 * (after.at_s - before.at_s)
    vars(cupy).update(RawKernel=RawKernel, empty=array, zeros=array, cuda=cuda)
    DONE.clear()
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


def test_cupy_passes_words_of_each_midstate_as_one_structure(gpu_cupy: ModuleType) -> None:
    versions = [HeaderTemplate(bytes([place]) + header_at(0).to_bytes()[1:]) for place in (2, 3, 1, 4)]
    device = gpu_cupy.open_devices()[0]
    device.launch(job_of(versions, Target(0), LOOP), GENESIS_NONCE - 300, 999)
    assert device.collect() == (1, [GENESIS_NONCE])
    assert LOOP in device.variants


def test_cupy_times_launches_alone_and_without_a_pause(gpu_cupy: ModuleType) -> None:
    """Cleared before, argument by argument made before, and the next one launched while the last one runs."""
    waiting = gpu_cupy.open_devices()[0].begin(job_of([GENESIS], Target(0)), 0, 10, 3)
    assert DONE == ["clear", "record", "launch", "record", "launch", "record", "launch", "record"]
    assert waiting() == [0.5] * 3
    assert DONE[-1] == "wait"


def test_a_launch_has_the_shape_that_it_is_told(gpu_cupy: ModuleType) -> None:
    device = gpu_cupy.open_devices()[0]
    for threads, blocks in ((512, 6), (64, 48)):
        shape = Shape(block_threads=threads, blocks_per_processor=blocks)
        device.launch(replace(job_of([GENESIS], Target(0)), shape=shape), GENESIS_NONCE - 300, 999)
        assert device.collect() == (1, [GENESIS_NONCE])


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
from dataclasses import replace
from types import SimpleNamespace
from numba import cuda
from miner.backends import gpu_numba
from miner.backends.gpu_program import TOP_IS_ZERO, TOP_OF_INITIAL, program
from miner.backends.gpu_job import job_of
from miner.backends.gpu_search import Searcher
from miner.backends.gpu_trace import WHOLE
from miner.backends.gpu_variant import Shape
from miner.target import MAX_TARGET, Target
from miner.template import HeaderTemplate
from miner.vectors import header_at

def swapped(word):
    return int.from_bytes(int(word).to_bytes(4, "little"), "big")

def screen(shared, nonce, limit):
    what = program(1)
    [result] = what.run(WHOLE, [int(word) for word in shared[-len(what.passed):]], swapped(nonce))
    return swapped((result + TOP_OF_INITIAL) % (1 << 32)) <= limit

gpu_numba.CAPACITY = 16
gpu_numba.compiled = lambda variant: cuda.jit(gpu_numba.loop_around(screen))
cuda.get_current_device = lambda: SimpleNamespace(MULTIPROCESSOR_COUNT=1)
small = Shape(block_threads=8, blocks_per_processor=2)

class Small:
    def __init__(self, device):
        self.device, self.capacity, self.processors, self.collect = device, device.capacity, device.processors, device.collect

    def launch(self, job, start, count):
        self.device.launch(replace(job, shape=small), start, count)

searcher = Searcher([Small(device) for device in gpu_numba.open_devices()], proof=lambda device, variant: None)
block_0 = HeaderTemplate(header_at(0).to_bytes())
print([hit.nonce for hit in searcher.scan(block_0, 2083236893 - 20, 37, MAX_TARGET)])
last = range((1 << 32) - 20, 1 << 32)
print([hit.nonce for hit in searcher.scan(block_0, last[0], 20, Target((1 << 256) - 1))] == list(last))
device = gpu_numba.open_devices()[0]
device.launch(replace(job_of([block_0], Target((1 << 256) - 1)), shape=small), 100, 40)
number, kept = device.collect()
print(number, len(kept), set(kept) < set(range(100, 140)))
half = Target((1 << 255) - 1)
print(searcher.scan(block_0, 5, 40, half) == [hit for nonce in range(5, 45) if (hit := block_0.check(nonce, half))])
"""


def test_the_loop_of_numba_in_its_simulator(python: Callable[..., CompletedProcess[str]]) -> None:
    """Its hash is the pruned one in plain Python, for no intrinsic can run there; loop, buffer and device are the real ones."""
    told = python("-W", "error", "-c", SIMULATE, NUMBA_ENABLE_CUDASIM="1")
    assert (told.stdout, told.stderr) == ("[2083236893]\nTrue\n40 16 True\nTrue\n", "")
