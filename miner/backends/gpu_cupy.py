"""Kernels by CuPy: CUDA C++ that NVRTC compiles, and devices that run it."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import cupy
import numpy as np

from miner.backends import gpu_pipes
from miner.backends.cuda_source import BLOCK_THREADS, ENTRY, source
from miner.backends.gpu_search import BLOCKS_PER_PROCESSOR, CAPACITY, Job
from miner.backends.gpu_variant import Variant

word: Final = np.uint32


@cache
def compiled(variant: Variant) -> Any:  # noqa: ANN401  cupy is untyped
    """Return the kernel, which compiles when first launched, once a device; CuPy keeps the result on disk."""
    return cupy.RawKernel(source(variant), ENTRY)


class CupyDevice:
    """A GPU of CuPy, by number."""

    def __init__(self, number: int) -> None:
        self._gpu = cupy.cuda.Device(number)
        self.capacity: int = CAPACITY
        self.processors: int = self._gpu.attributes["MultiProcessorCount"]
        self.pci_address: str = self._gpu.pci_bus_id
        with self._gpu:
            self._found = cupy.empty(CAPACITY, dtype=word)
            self._number = cupy.zeros(1, dtype=word)

    def launch(self, job: Job, start: int, count: int) -> None:
        """Begin to search `count` nonces from `start` on; do not wait."""
        words = [word(value) for value in (self.capacity, start, count, job.limit, *job.shared)]
        with self._gpu:
            self._number.fill(0)
            blocks = self.processors * BLOCKS_PER_PROCESSOR
            compiled(job.variant)((blocks,), (BLOCK_THREADS,), (self._found, self._number, *words))

    def collect(self) -> tuple[int, list[int]]:
        """Wait; return how many candidates there are, and those that the buffer holds."""
        with self._gpu:
            number = int(self._number.get()[0])
            kept = min(number, self.capacity)
            return number, self._found[:kept].get().tolist() if kept else []

    def seconds(self, job: Job, start: int, count: int) -> float:
        """Search as `launch` does; return the kernel's own time [s], by the events around it."""
        with self._gpu:
            before, after = cupy.cuda.Event(), cupy.cuda.Event()
            before.record()
            self.launch(job, start, count)
            after.record()
            after.synchronize()
            return float(cupy.cuda.get_elapsed_time(before, after)) / 1000

    def registers(self, variant: Variant) -> int:
        """Return the registers of a thread of a kernel."""
        with self._gpu:
            return int(compiled(variant).num_regs)

    def block_cycles(self, text: str, blocks: int, passes: int) -> list[int]:
        """Run a kernel of `miner.backends.gpu_pipes`; return the cycles that each block counted."""
        with self._gpu:
            cycles, sink = cupy.zeros(blocks, dtype=np.int64), cupy.zeros(1, dtype=word)
            kernel = cupy.RawKernel(text, gpu_pipes.ENTRY)
            kernel((blocks,), (gpu_pipes.BLOCK_THREADS,), (cycles, sink, word(passes), word(3), word(5)))
            counted: list[int] = cycles.get().tolist()
            return counted


def open_devices() -> list[CupyDevice]:
    """Return all GPUs, opened, each with a buffer of its own."""
    return [CupyDevice(number) for number in range(cupy.cuda.runtime.getDeviceCount())]
