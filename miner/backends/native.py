"""Machine code of the nonce-search kernels, and what decides it.

Load a kernel before starting threads or child processes: a process that forks while another of its threads compiles leaves the
child with locks, Numba's and those of `once`, that nobody there will ever open, and the child's first search hangs.
"""

from __future__ import annotations

from ctypes import c_int64, c_uint32, c_void_p
from pathlib import Path
from typing import Final

from miner.backends.error_words import first_line
from miner.backends.kernel import Kernel
from miner.backends.kernel_proof import prove
from miner.backends.object_code import Compiled, Loop, digest_of, kept_code, loaded
from miner.backends.once import once
from miner.backends.placement import attempt_of, best_placed
from miner.errors import BackendError, BackendUnavailableError

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


@once
def machine_code(kernel: Kernel) -> Loop:
    """Return the loop of `kernel`, ready to be called; it lets go of Python's lock while it runs.

    Raises
    ------
    BackendUnavailableError
        If it cannot be compiled or loaded here.
    BackendSelfTestError
        If it does not find what hashlib finds.
    """
    try:
        loop = _placed(kernel)
    except BackendError:
        raise
    except Exception as error:  # compiler and loader raise what they like
        raise BackendUnavailableError(f"{kernel} cannot be compiled or loaded here: {first_line(error)}") from error
    prove(kernel, loop)
    return loop


def _placed(kernel: Kernel) -> Loop:
    def compiled() -> Compiled:
        from miner.backends.compile_loop import compile_loop

        return compile_loop(kernel)

    code = kept_code(kernel_digest(kernel), compiled)
    return best_placed(lambda: loaded(code, _ARGUMENTS), attempt_of(kernel))


def kernel_digest(kernel: Kernel, folder: Path = Path(__file__).parent) -> str:
    """Return the digest of all that decides the machine code; `folder` holds the files that emit it."""
    return digest_of([folder / name for name in _TEXT], repr(tuple(kernel)))
