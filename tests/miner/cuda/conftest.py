"""The text of a CUDA C++ kernel on the CPU: a few stand-ins for CUDA's words, and a loop over blocks and threads."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from miner.backends.cuda_source import ENTRY, argument_names, source
from miner.backends.gpu_driver import require_device
from miner.backends.gpu_job import Job
from miner.backends.gpu_variant import Variant

GUARD = 0xDEADBEEF
STAND_INS = """\
#define __device__
#define __global__
#define __forceinline__ inline
#define __shared__ static
#define __grid_constant__
#define __launch_bounds__(threads)
struct Place { unsigned x; };
static Place blockIdx, threadIdx, blockDim, gridDim;
static unsigned __byte_perm(unsigned x, unsigned, unsigned) { return __builtin_bswap32(x); }
static unsigned atomicAdd(unsigned *sum, unsigned more) { unsigned before = *sum; *sum += more; return before; }
"""
LAUNCH = """
extern "C" void launch(unsigned blocks, unsigned threads, unsigned *found, unsigned *number, unsigned capacity,
                       unsigned start, unsigned count, unsigned limit, const unsigned *shared)
{{
    gridDim.x = blocks;
    blockDim.x = threads;
    for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x)
        for (threadIdx.x = 0; threadIdx.x < threads; ++threadIdx.x)
            {entry}(found, number, capacity, start, count, limit, {shared});
}}
"""


class CpuKernel:
    """A kernel's text, compiled for the CPU."""

    def __init__(self, library: Path) -> None:
        self._launch = ctypes.CDLL(str(library)).launch

    def __call__(self, job: Job, start: int, count: int, capacity: int, blocks: int) -> tuple[int, list[int]]:
        """Run all threads of all blocks; return how many nonces were reported, and those that found room."""
        found, number = (ctypes.c_uint * (capacity + 1))(), ctypes.c_uint()
        found[capacity] = GUARD
        words = (ctypes.c_uint(word) for word in (capacity, start, count, job.limit))
        shared = (ctypes.c_uint * len(job.shared))(*job.shared)
        threads = ctypes.c_uint(job.shape.block_threads)
        self._launch(ctypes.c_uint(blocks), threads, found, ctypes.byref(number), *words, shared)
        assert found[capacity] == GUARD, "the kernel wrote behind its buffer"
        return number.value, found[: min(number.value, capacity)]


class CpuDevice:
    """What `Searcher` takes for a GPU; `launched` tells which pieces it was given."""

    def __init__(self, kernel: Callable[[Variant], CpuKernel], capacity: int = 1 << 12, processors: int = 2) -> None:
        self.capacity, self.processors = capacity, processors
        self.launched: list[tuple[int, int]] = []
        self._kernel = kernel
        self._result: tuple[int, Sequence[int]] = (0, [])

    def launch(self, job: Job, start: int, count: int) -> None:
        self.launched.append((start, count))
        self._result = self._kernel(job.variant)(job, start, count, self.capacity, self.processors)

    def collect(self) -> tuple[int, list[int]]:
        number, kept = self._result
        return number, list(kept)[::-1]  # the order of a GPU's threads is no order


@pytest.fixture(scope="session")
def needs_device() -> None:
    """Skip if there is no CUDA device; where there is one, whatever does not work is a failure."""
    try:
        require_device()
    except ImportError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def cpu_kernel(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Variant], CpuKernel]:
    """Return a function that compiles the text of a variant, once."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler (g++ or clang++) here")
    folder = tmp_path_factory.mktemp("kernels")
    known: dict[Variant, CpuKernel] = {}

    def kernel(variant: Variant) -> CpuKernel:
        if variant not in known:
            scalars = len(argument_names(variant))
            arguments = [f"shared[{place}]" for place in range(scalars)]
            shared = ", ".join(arguments + [f"*(const Own *)(shared + {scalars})"] * variant.looped)
            text = folder / f"{variant.name}.cpp"
            text.write_text(STAND_INS + source(variant) + LAUNCH.format(entry=ENTRY, shared=shared))
            library = text.with_suffix(".so")
            options = [
                "-O0",
                "-shared",
                "-fPIC",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-Wno-unknown-pragmas",
                "-Wno-unused-parameter",
            ]
            subprocess.run([compiler, *options, "-o", str(library), str(text)], check=True, timeout=300)
            known[variant] = CpuKernel(library)
        return known[variant]

    return kernel


@pytest.fixture(scope="session")
def cpu_device(cpu_kernel: Callable[[Variant], CpuKernel]) -> Callable[..., CpuDevice]:
    """Return a function that makes a device out of the CPU."""
    return lambda **sizes: CpuDevice(cpu_kernel, **sizes)
