"""Machine code of the kernels' loops: compiled by Numba once, kept in a file, and loaded without Numba from then on.

Importing Numba and asking its own cache takes longer than a second; loading the object code takes a tenth of that. The
file's name is the digest of everything that decides its content: the text that emits it, the kernel, the processor and the
versions of the compilers. A file that is damaged is compiled anew, and one that cannot be written is done without.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from ctypes import CFUNCTYPE, c_int32, c_int64, c_uint32, c_void_p
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

import llvmlite.binding as llvm

VECTOR: Final = 0
WOVEN: Final = 1
SCRATCH_BYTES: Final = 8192  # room for what a kernel's stages hand on

_TEXT: Final = (
    "compile_loop.py",
    "llvm_batch.py",
    "llvm_tape.py",
    "llvm_vector.py",
    "llvm_woven.py",
    "native.py",
    "sha256_text.py",
)
_FORCED: Final = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_OPT")  # what a user may tell the compiler
_DIGEST_BYTES: Final = 32

# status = loop(hits*, error**, words*, start, stop, limit, found*, room, where*, scratch*), Numba's own convention
_LOOP: Final = CFUNCTYPE(
    c_int32, c_void_p, c_void_p, c_void_p, c_int64, c_int64, c_uint32, c_void_p, c_int64, c_void_p, c_void_p
)
Loop = Callable[..., int]


class Kernel(NamedTuple):
    """Which instructions a kernel uses (`VECTOR` or `WOVEN`), how many nonces a batch holds, and how many midstates."""

    kind: int
    lanes: int
    midstates: int = 1


@cache
def machine_code(kernel: Kernel) -> Loop:
    """Return the loop of `kernel`, ready to be called; it lets go of Python's lock while it runs."""
    path = cache_folder() / f"{kernel_digest(kernel)}.kernel"
    kept = _read(path)
    if kept is None:
        from miner.backends.compile_loop import compile_loop

        kept = compile_loop(kernel)
        _write(path, *kept)
    return _load(*kept)


def kernel_digest(kernel: Kernel, folder: Path = Path(__file__).parent) -> str:
    """Return the digest of all that decides the machine code; `folder` holds the files that emit it."""
    parts = [(folder / name).read_text(encoding="utf-8") for name in _TEXT]
    parts += [repr(tuple(kernel)), llvm.get_host_cpu_name(), repr(sorted(llvm.get_host_cpu_features().items()))]
    parts += [version("numba"), version("llvmlite"), *(os.environ.get(name, "") for name in _FORCED)]
    return sha256("\0".join(parts).encode()).hexdigest()


def cache_folder() -> Path:
    """Return where machine code is kept: ``$NUMBA_CACHE_DIR``, else ``hashwatt`` in the user's cache folder."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(home) / "hashwatt"


def _read(path: Path) -> tuple[str, bytes] | None:
    """Return symbol and object code, or None if there is no such file or it is not whole."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, kept = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if sha256(kept).digest() != digest:
        return None
    symbol, _, object_code = kept.partition(b"\n")
    return symbol.decode(), object_code


def _write(path: Path, symbol: str, object_code: bytes) -> None:
    """Keep symbol and object code, whole or not at all; a folder that cannot be written to is no error."""
    kept = symbol.encode() + b"\n" + object_code
    beside = path.with_suffix(f".{os.getpid()}.part")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(sha256(kept).digest() + kept)
        beside.replace(path)


def _load(symbol: str, object_code: bytes) -> Loop:
    """Return the function of that symbol, from an engine of its own: two kernels may well have been given one symbol."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(object_code))
    engine.finalize_object()
    loop = _LOOP(engine.get_function_address(symbol))
    loop.engine = engine  # type: ignore[attr-defined]  # the code lives as long as its engine
    return loop
