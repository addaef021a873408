"""Machine code of the nonce-search kernels, and what decides it."""

from __future__ import annotations

from ctypes import c_int64, c_uint32, c_void_p
from functools import cache
from pathlib import Path
from typing import Final

from miner.backends.kernel import Kernel
from miner.backends.object_code import Compiled, Loop, digest_of, kept_code, loaded
from miner.backends.placement import attempt_of, best_placed

_TEXT: Final = (
    "compile_loop.py",
    "kernel.py",
    "llvm_batch.py",
    "llvm_paired.py",
    "llvm_sha.py",
    "llvm_tape.py",
    "llvm_vector.py",
    "llvm_words.py",
    "llvm_woven.py",
    "native.py",
    "sha256_text.py",
)

# status = loop(hits*, error**, words*, start, stop, limit, found*, room, where*, scratch*)
_ARGUMENTS: Final = (c_void_p, c_void_p, c_void_p, c_int64, c_int64, c_uint32, c_void_p, c_int64, c_void_p, c_void_p)


@cache
def machine_code(kernel: Kernel) -> Loop:
    """Return the loop of `kernel`, ready to be called; it lets go of Python's lock while it runs."""

    def compiled() -> Compiled:
        from miner.backends.compile_loop import compile_loop

        return compile_loop(kernel)

    code = kept_code(kernel_digest(kernel), compiled)
    return best_placed(lambda: loaded(code, _ARGUMENTS), attempt_of(kernel))


def kernel_digest(kernel: Kernel, folder: Path = Path(__file__).parent) -> str:
    """Return the digest of all that decides the machine code; `folder` holds the files that emit it."""
    return digest_of([folder / name for name in _TEXT], repr(tuple(kernel)))
