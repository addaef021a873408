"""Kernels as machine code for a compute capability, without a device: by NVRTC from text, and by numba.cuda.

Needs the dependency group `cuda-compile`. What the compilers say of a kernel's registers is read from their log.
``python -m miner.backends.gpu_compile`` prints the table of ``docs/benchmarks/gpu.md``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from cuda.bindings import nvjitlink, nvrtc

from miner.backends.cuda_source import BLOCK_THREADS, argument_names, source
from miner.backends.gpu_sass import Counts, disassembled, loop_counts
from miner.backends.gpu_variant import VARIANTS, Variant
from miner.units import HASHES_PER_GH

CAPABILITY: Final = (9, 0)  # H100, H200
H200_SM_HZ: Final = 132 * 1.98e9  # SMs times their highest clock: NVIDIA's data sheet, and nvidia-smi on such a board
REGISTERS: Final = 65536  # of an SM of this capability
WARP_LANES: Final = 32
_USED: Final = re.compile(r"Used (\d+) registers")
_SPILLED: Final = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineCode:
    """A kernel's cubin, the registers of a thread, its stack and what it spills [bytes], and its loop's instructions."""

    cubin: bytes
    registers: int
    stack_bytes: int
    spilled_bytes: int
    counts: Counts


def text_code(variant: Variant) -> MachineCode:
    """Return a kernel's machine code by way of CUDA C++ and NVRTC."""
    return compiled_text(source(variant))


@cache
def compiled_text(text: str) -> MachineCode:
    """Compile CUDA C++ with one kernel; raise ValueError with the compiler's log if it refuses."""
    architecture = f"-arch=sm_{CAPABILITY[0]}{CAPABILITY[1]}".encode()
    handle = _given(nvrtc.nvrtcCreateProgram(text.encode(), b"kernel.cu", 0, [], []))
    options = [architecture, b"--ptxas-options=-v"]
    [status] = nvrtc.nvrtcCompileProgram(handle, len(options), options)
    log = bytearray(_given(nvrtc.nvrtcGetProgramLogSize(handle)))
    _given(nvrtc.nvrtcGetProgramLog(handle, log))
    if status:
        raise ValueError(f"NVRTC refuses the kernel: {log.decode()}")
    cubin = bytearray(_given(nvrtc.nvrtcGetCUBINSize(handle)))
    _given(nvrtc.nvrtcGetCUBIN(handle, cubin))
    return _described(bytes(cubin), log.decode())


@cache
def numba_code(variant: Variant) -> MachineCode:
    """Return a kernel's machine code by way of numba.cuda, and of nvJitLink as numba.cuda itself has it."""
    ptx = numba_ptx(variant).encode()
    options = [f"-arch=sm_{CAPABILITY[0]}{CAPABILITY[1]}", "-verbose"]
    handle = nvjitlink.create(len(options), options)
    nvjitlink.add_data(handle, nvjitlink.InputType.PTX, ptx, len(ptx), "kernel.ptx")
    nvjitlink.complete(handle)
    cubin = bytearray(nvjitlink.get_linked_cubin_size(handle))
    nvjitlink.get_linked_cubin(handle, cubin)
    log = bytearray(nvjitlink.get_info_log_size(handle))
    nvjitlink.get_info_log(handle, log)
    return _described(bytes(cubin), log.decode())


def numba_ptx(variant: Variant) -> str:
    """Return a kernel's PTX by numba.cuda."""
    from numba import cuda
    from numba.cuda import types

    from miner.backends.gpu_numba import kernel_function

    array = types.Array(types.uint32, 1, "C")
    shared = types.UniTuple(types.uint32, len(argument_names(variant)))
    signature = types.void(array, array, types.uint32, types.uint32, types.uint32, shared)
    text, _ = cuda.compile(kernel_function(variant), signature, device=False, cc=CAPABILITY, abi="numba", output="ptx")
    return str(text)


def _given(answer: tuple[Any, ...]) -> Any:  # noqa: ANN401  cuda.bindings is untyped
    """Return what a call of NVRTC gave besides its status; raise ValueError if that is not success."""
    status, *given = answer
    if status:
        raise ValueError(f"NVRTC: {status}")
    return given[0] if given else None


def _described(cubin: bytes, log: str) -> MachineCode:
    used, spilled = _USED.search(log), _SPILLED.search(log)
    if used is None or spilled is None:
        raise ValueError(f"the compiler does not say what registers it uses: {log}")
    stack, stored, loaded = map(int, spilled.groups())
    return MachineCode(
        cubin=cubin,
        registers=int(used[1]),
        stack_bytes=stack,
        spilled_bytes=stored + loaded,
        counts=loop_counts(disassembled(cubin)),
    )


def table() -> Iterator[str]:
    """Yield a row for each variant and way of compiling: instructions a hash, registers, and ceilings on an H200 [GH/s]."""
    for variant in VARIANTS:
        for way, code_of in (("NVRTC", text_code), ("numba", numba_code)):
            code, k = code_of(variant), variant.midstates
            each = [f"{number / k:.0f}" for number in (code.counts.total, code.counts.alu, code.counts.fma, code.counts.wide)]
            slots = (1, 2, 4) if variant.wide else (1,)
            ceilings = [H200_SM_HZ * k / code.counts.clocks(wide_slots=number) / HASHES_PER_GH for number in slots]
            cells = [variant.name, way, *each, str(code.registers), str(resident_warps(code.registers))]
            cells += [f"{len(code.cubin) / 1000:.0f}", " / ".join(f"{ceiling:.2f}" for ceiling in ceilings)]
            yield f"| {' | '.join(cells)} |"


def resident_warps(registers: int) -> int:
    """Return how many warps an SM holds at so many registers a thread, which are given out by eights."""
    blocks = REGISTERS // (-(-registers // 8) * 8 * BLOCK_THREADS)
    return min(blocks, 2048 // BLOCK_THREADS) * BLOCK_THREADS // WARP_LANES


if __name__ == "__main__":
    sys.stdout.writelines(f"{row}\n" for row in table())
