"""Kernels by numba.cuda: a loop in Python around one intrinsic, and devices that run it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from miner.backends import cuda_ir, cuda_source, gpu_program, gpu_trace, llvm_batch, llvm_words, sha256_text
from miner.backends.cuda_ir import typed_screen
from miner.backends.gpu_job import CAPACITY, Job
from miner.backends.gpu_numba_cuda import numba_cuda
from miner.backends.gpu_variant import VARIANTS, Variant

cuda: Final = numba_cuda()
word: Final = np.uint32

_EMITTING: Final = (cuda_ir, cuda_source, gpu_program, gpu_trace, llvm_batch, llvm_words, sha256_text)


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

    screen = intrinsic(typed_screen(variant, types, device=True))
    # Numba looks kernels up on disk by what they close over, and an intrinsic by a name that is random unless it is given one.
    screen._set_uuid(f"hashwatt {_emitting_digest()} {variant.name}")  # noqa: SLF001
    search = loop_around(screen)
    # A file of its own for each: Numba lists kernels of one name in one file, which processes write over each other.
    search.__qualname__ = f"search_{variant.name.replace('-', '_')}"
    return search


@cache
def compiled(variant: Variant) -> Any:  # noqa: ANN401  numba is untyped
    """Return the kernel, which compiles when first launched, unless Numba has kept it on disk.

    Told how many threads a block has, ptxas would take up to 255 registers for each; untold it takes what it needs.
    """
    function = kernel_function(variant)
    try:
        return cuda.jit(cache=True)(function)
    except RuntimeError:  # no folder to keep kernels in
        return cuda.jit(function)


@cache
def _emitting_digest() -> str:
    """Return the digest of all text that decides what an intrinsic emits."""
    texts = [Path(str(module.__file__)).read_bytes() for module in _EMITTING]
    return sha256(b"\0".join(texts)).hexdigest()


class NumbaDevice:
    """A GPU of numba.cuda."""

    variants = VARIANTS

    def __init__(self, gpu: Any) -> None:  # noqa: ANN401
        self._gpu = gpu
        self.capacity: int = CAPACITY
        with gpu:
            self.processors: int = cuda.get_current_device().MULTIPROCESSOR_COUNT
            self._found = cuda.device_array(CAPACITY, dtype=word)
            self._number = cuda.device_array(1, dtype=word)

    @property
    def pci_address(self) -> str:
        """Where the board is, such as ``0000:05:00.0``."""
        with self._gpu:
            board = cuda.get_current_device()
            return f"{board.PCI_DOMAIN_ID:04x}:{board.PCI_BUS_ID:02x}:{board.PCI_DEVICE_ID:02x}.0"

    def launch(self, job: Job, start: int, count: int) -> None:
        """Begin to search `count` nonces from `start` on; do not wait."""
        with self._gpu:
            self._cleared(job, start, count)()

    def collect(self) -> tuple[int, list[int]]:
        """Wait; return how many candidates there are, and those that the buffer holds."""
        with self._gpu:
            number = int(self._number.copy_to_host()[0])
            kept = min(number, self.capacity)
            return number, self._found[:kept].copy_to_host().tolist() if kept else []

    def begin(self, job: Job, start: int, count: int, launches: int) -> Callable[[], list[float]]:
        """Launch so many times without a pause; return what waits for each one's own time [s], by the events between them.

        Nothing runs before the first one, so that its time holds the host's work of launching it as well.
        """
        with self._gpu:
            go = self._cleared(job, start, count)
            events = [cuda.event(timing=True) for _ in range(launches + 1)]
            events[0].record()
            for event in events[1:]:
                go()
                event.record()
        return partial(self._times_s, events)

    def registers(self, variant: Variant) -> int:
        """Return the registers of a thread of a kernel that has been launched."""
        with self._gpu:
            [number] = set(compiled(variant).get_regs_per_thread().values())
        return int(number)

    def _cleared(self, job: Job, start: int, count: int) -> Callable[[], None]:
        """Clear the number of candidates; return what launches the kernel, its words made already."""
        self._number.copy_to_device(np.zeros(1, dtype=word))
        shared = tuple(word(value) for value in job.shared)
        kernel = compiled(job.variant)[self.processors * job.shape.blocks_per_processor, job.shape.block_threads]
        return partial(kernel, self._found, self._number, word(start), word(count), word(job.limit), shared)

    def _times_s(self, events: list[Any]) -> list[float]:
        with self._gpu:
            events[-1].synchronize()
            return [float(cuda.event_elapsed_time(*pair)) / 1000 for pair in pairwise(events)]


def open_devices() -> list[NumbaDevice]:
    """Return all GPUs, opened, each with a buffer of its own."""
    return [NumbaDevice(gpu) for gpu in cuda.gpus]
