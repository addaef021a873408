"""Kernels by CuPy: CUDA C++ that NVRTC compiles, and devices that run it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from itertools import pairwise
from typing import Any, Final

import cupy
import numpy as np

from miner.backends import gpu_pipes
from miner.backends.cuda_source import ENTRY, argument_names, source
from miner.backends.gpu_job import CAPACITY, Job
from miner.backends.gpu_variant import LOOPED, VARIANTS, Variant

word: Final = np.uint32


@cache
def compiled(variant: Variant) -> Any:  # noqa: ANN401  cupy is untyped
    """Return the kernel, which compiles when first launched, once a device; CuPy keeps the result on disk."""
    return cupy.RawKernel(source(variant), ENTRY)


class CupyDevice:
    """A GPU of CuPy, by number."""

    variants = (*VARIANTS, *LOOPED)

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
        with self._gpu:
            self._cleared(job, start, count)()

    def collect(self) -> tuple[int, list[int]]:
        """Wait; return how many candidates there are, and those that the buffer holds."""
        with self._gpu:
            number = int(self._number.get()[0])
            kept = min(number, self.capacity)
            return number, self._found[:kept].get().tolist() if kept else []

    def begin(self, job: Job, start: int, count: int, launches: int) -> Callable[[], list[float]]:
        """Launch so many times without a pause; return what waits for each one's own time [s], by the events between them.

        Nothing runs before the first one, so that its time holds the host's work of launching it as well.
        """
        with self._gpu:
            go = self._cleared(job, start, count)
            events = [cupy.cuda.Event() for _ in range(launches + 1)]
            events[0].record()
            for event in events[1:]:
                go()
                event.record()
        return partial(self._times_s, events)

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

    def _cleared(self, job: Job, start: int, count: int) -> Callable[[], None]:
        """Clear the number of candidates; return what launches the kernel, its arguments made already."""
        self._number.fill(0)
        scalars = len(argument_names(job.variant))
        words = [word(value) for value in (self.capacity, start, count, job.limit, *job.shared[:scalars])]
        grid, block = (self.processors * job.shape.blocks_per_processor,), (job.shape.block_threads,)
        return partial(compiled(job.variant), grid, block, (self._found, self._number, *words, *_structure(job, scalars)))

    def _times_s(self, events: list[Any]) -> list[float]:
        with self._gpu:
            events[-1].synchronize()
            return [float(cupy.cuda.get_elapsed_time(*pair)) / 1000 for pair in pairwise(events)]


def _structure(job: Job, scalars: int) -> list[np.ndarray[Any, Any]]:
    """Return the words behind the scalars as one element, which CuPy passes by value, or nothing."""
    own = np.array(job.shared[scalars:], dtype=word)
    return [own.view(f"V{own.nbytes}")] if own.size else []


def open_devices() -> list[CupyDevice]:
    """Return all GPUs, opened, each with a buffer of its own."""
    return [CupyDevice(number) for number in range(cupy.cuda.runtime.getDeviceCount())]
