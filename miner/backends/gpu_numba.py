"""Kernels by numba.cuda: a loop in Python around one intrinsic, and devices that run it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np
from numba import cuda

from miner.backends.cuda_ir import typed_screen
from miner.backends.cuda_source import BLOCK_THREADS
from miner.backends.gpu_search import BLOCKS_PER_PROCESSOR, CAPACITY, Job
from miner.backends.gpu_variant import Variant

word: Final = np.uint32


def loop_around(screen: Callable[..., bool]) -> Callable[..., None]:
    """Return the kernel as a Python function: a thread's nonces, its screen, and the report of what meets it.

    `count` and the number of threads sum up to less than 2^32, so that `at` cannot run over.
    """

    def search(found, number, start, count, limit, shared):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, PLR0913
        at = word(cuda.grid(1))
        threads = word(cuda.gridsize(1))
        while at < count:
            nonce = word(start + at)
            if screen(shared, nonce, limit):
                place = cuda.atomic.add(number, 0, word(1))
                if place < found.size:
                    found[place] = nonce
            at = word(at + threads)

    return search


@cache
def kernel_function(variant: Variant) -> Callable[..., None]:
    """Return the kernel of `variant`, not yet compiled; numba-cuda is needed, its simulator has no intrinsics."""
    from numba.cuda import types
    from numba.cuda.extending import intrinsic

    return loop_around(intrinsic(typed_screen(variant, types, device=True)))


@cache
def compiled(variant: Variant) -> Any:  # noqa: ANN401  numba is untyped
    """Return the kernel, which compiles when first launched.

    Told how many threads a block has, ptxas would take up to 255 registers for each; untold it takes what it needs.
    """
    return cuda.jit(kernel_function(variant))


class NumbaDevice:
    """A GPU of numba.cuda."""

    def __init__(self, gpu: Any) -> None:  # noqa: ANN401
        self._gpu = gpu
        self.capacity: int = CAPACITY
        with gpu:
            self.processors: int = cuda.get_current_device().MULTIPROCESSOR_COUNT
            self._found = cuda.device_array(CAPACITY, dtype=word)
            self._number = cuda.device_array(1, dtype=word)

    def launch(self, job: Job, start: int, count: int) -> None:
        """Begin to search `count` nonces from `start` on; do not wait."""
        shared = tuple(word(value) for value in job.shared)
        with self._gpu:
            self._number.copy_to_device(np.zeros(1, dtype=word))
            kernel = compiled(job.variant)[self.processors * BLOCKS_PER_PROCESSOR, BLOCK_THREADS]
            kernel(self._found, self._number, word(start), word(count), word(job.limit), shared)

    def collect(self) -> tuple[int, list[int]]:
        """Wait; return how many candidates there are, and those that the buffer holds."""
        with self._gpu:
            number = int(self._number.copy_to_host()[0])
            kept = min(number, self.capacity)
            return number, self._found[:kept].copy_to_host().tolist() if kept else []

    def seconds(self, job: Job, start: int, count: int) -> float:
        """Search as `launch` does; return the kernel's own time [s], by the events around it."""
        with self._gpu:
            before, after = cuda.event(timing=True), cuda.event(timing=True)
            before.record()
            self.launch(job, start, count)
            after.record()
            after.synchronize()
            return float(cuda.event_elapsed_time(before, after)) / 1000

    def registers(self, variant: Variant) -> int:
        """Return the registers of a thread of a kernel that has been launched."""
        with self._gpu:
            [number] = set(compiled(variant).get_regs_per_thread().values())
        return int(number)


def open_devices() -> list[NumbaDevice]:
    """Return all GPUs, opened, each with a buffer of its own."""
    return [NumbaDevice(gpu) for gpu in cuda.gpus]
