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
from miner.backends.gpu_ceilings import ceiling_hps
from miner.backends.gpu_sass import Counts, disassembled, loop_counts
from miner.backends.gpu_variant import LOOPED, VARIANTS, Variant
from miner.units import HASHES_PER_GH

CAPABILITY: Final = (9, 0)  # H100, H200
H200_SM_HZ: Final = 132 * 1.98e9  # SMs times their highest clock: NVIDIA's data sheet, and nvidia-smi on such a board
REGISTERS: Final = 65536  # of an SM of this capability
SHARED_BYTES: Final = 228 << 10  # of an SM of this capability
SYSTEM_BYTES: Final = 1 << 10  # of those, what each block costs besides its own
WARP_LANES: Final = 32
_USED: Final = re.compile(r"Used (\d+) registers")
_SHARED: Final = re.compile(r"(\d+) bytes smem")
_SPILLED: Final = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineCode:
    """A kernel's cubin, the registers of a thread, its stack and what it spills [bytes], and its loop's instructions.

    `shared_bytes` is the shared memory of a block.
    """

    cubin: bytes
    registers: int
    shared_bytes: int
    stack_bytes: int
    spilled_bytes: int
    counts: Counts


def text_code(variant: Variant) -> MachineCode:
    """Return a kernel's machine code by way of CUDA C++ and NVRTC."""
    return compiled_text(source(variant), variant.midstates if variant.looped else 1)


@cache
def compiled_text(text: str, inner_passes: int = 1) -> MachineCode:
    """Compile CUDA C++ with one kernel; raise ValueError with the compiler's log if it refuses.

    The loop within the kernel's loop is counted `inner_passes` times.
    """
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
    return _described(bytes(cubin), log.decode(), inner_passes)


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
    from miner.backends.gpu_numba import cuda, kernel_function

    types = cuda.types
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


def _described(cubin: bytes, log: str, inner_passes: int = 1) -> MachineCode:
    used, spilled = _USED.search(log), _SPILLED.search(log)
    if used is None or spilled is None:
        raise ValueError(f"the compiler does not say what registers it uses: {log}")
    stack, stored, loaded = map(int, spilled.groups())
    shared = _SHARED.search(log)
    return MachineCode(
        cubin=cubin,
        registers=int(used[1]),
        shared_bytes=int(shared[1]) if shared else 0,
        stack_bytes=stack,
        spilled_bytes=stored + loaded,
        counts=loop_counts(disassembled(cubin), inner_passes),
    )


def table() -> Iterator[str]:
    """Yield a row for each variant and way of compiling: instructions a hash, registers, and ceilings on an H200 [GH/s]."""
    for variant in (*VARIANTS, *LOOPED):
        ways = {"NVRTC": text_code(variant)} | ({} if variant.looped else {"numba": numba_code(variant)})
        for way, code in ways.items():
            k = variant.midstates
            each = [f"{number / k:.0f}" for number in (code.counts.total, code.counts.alu, code.counts.fma, code.counts.wide)]
            slots = (1, 2, 4) if variant.wide else (1,)
            ceilings = [ceiling_hps(code.counts, k, H200_SM_HZ, wide_slots=number) / HASHES_PER_GH for number in slots]
            cells = [variant.name, way, *each, str(code.registers), str(resident_warps(code))]
            cells += [f"{len(code.cubin) / 1000:.0f}", " / ".join(f"{ceiling:.2f}" for ceiling in ceilings)]
            yield f"| {' | '.join(cells)} |"


def resident_warps(code: MachineCode) -> int:
    """Return how many warps an SM holds: of the registers, which are given out by eights, and of the shared memory."""
    blocks = [2048 // BLOCK_THREADS, REGISTERS // (-(-code.registers // 8) * 8 * BLOCK_THREADS)]
    if code.shared_bytes:
        blocks.append(SHARED_BYTES // (code.shared_bytes + SYSTEM_BYTES))
    return min(blocks) * BLOCK_THREADS // WARP_LANES


def counts_table() -> Iterator[str]:
    """Yield the lines of `miner.backends.gpu_ceilings.COUNTS`: a pass of the loop as NVRTC compiles it."""
    for variant in (*VARIANTS, *LOOPED):
        counts = text_code(variant).counts
        yield f'    "{variant.name}": ({counts.total}, {counts.alu}, {counts.fma}, {counts.wide}),'


if __name__ == "__main__":
    sys.stdout.writelines(f"{row}\n" for row in (counts_table() if sys.argv[1:] == ["counts"] else table()))
