"""Machine code of loops: compiled by Numba once, kept in a file, and loaded without Numba from then on.

Importing Numba and asking its own cache takes longer than a second; loading the object code takes a tenth of that. The
file's name is the digest of everything that decides its content: the text that emits it, what is asked for, the processor and
the versions of the compilers. A file that is damaged is compiled anew, and one that cannot
be written, or for which there is no folder, is done without.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from ctypes import CFUNCTYPE, c_int32
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from stat import S_ISREG
from typing import Any, Final

import llvmlite.binding as llvm

from miner.backends.executable_memory import check_executable_memory
from miner.backends.instructions import FORCED, host_features, target_features
from miner.errors import BackendUnavailableError

__all__ = [
    "Compiled",
    "Loop",
    "cache_folder",
    "compiled_parts",
    "digest_of",
    "kept_code",
    "kept_loop",
    "loaded",
    "target_features",
]

_SETTINGS: Final = ".numba_config.yaml"  # of Numba's, in the working folder
_DIGEST_BYTES: Final = 32

Loop = Callable[..., int]
Compiled = tuple[str, bytes]
"""Symbol and object code."""


def kept_loop(digest: str, compile_loop: Callable[[], Compiled], arguments: Sequence[Any]) -> Loop:
    """Return the loop of that digest, ready to be called with `arguments` (ctypes); it lets go of Python's lock.

    Numba's own convention: it returns a status, and takes a pointer to the result and one to an error first.
    """
    return loaded(kept_code(digest, compile_loop), arguments)


def kept_code(digest: str, compile_loop: Callable[[], Compiled]) -> Compiled:
    """Return the code of that digest, compiled if it is not kept.

    Raises
    ------
    BackendUnavailableError
        If this process may not run machine code of its own.
    """
    check_executable_memory()
    folder = cache_folder()
    if folder is None:
        return compile_loop()
    path = folder / f"{digest}.kernel"
    kept = _read(path)
    if kept is None:
        kept = compile_loop()
        _write(path, *kept)
    return kept


def digest_of(files: Sequence[str | Path], *wanted: str) -> str:
    """Return the digest of what decides machine code: the `files` that emit it, what is `wanted`, and this machine."""
    parts = [Path(path).read_text(encoding="utf-8") for path in (*files, __file__)]
    parts += [*wanted, llvm.get_host_cpu_name(), repr(sorted(host_features().items()))]
    parts += [version("numba"), version("llvmlite"), *(os.environ.get(name, "") for name in FORCED)]
    parts.append(repr(_content(Path(_SETTINGS))))
    return sha256("\0".join(parts).encode()).hexdigest()


def compiled_parts(compiled: Any) -> Compiled:  # noqa: ANN401  numba is untyped
    """Return symbol and object code of what Numba compiled."""
    _, _, (object_code, _) = compiled.library.serialize_using_object_code()
    return compiled.fndesc.llvm_func_name, object_code


def cache_folder() -> Path | None:
    """Return where machine code is kept: ``$NUMBA_CACHE_DIR``, else ``hashwatt`` in the user's cache folder.

    There is none for a user without a home, as in containers that run under any number.
    """
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return Path(named)
    try:
        home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    except RuntimeError:
        return None
    return Path(home) / "hashwatt"


def _read(path: Path) -> Compiled | None:
    """Return symbol and object code, or None if there is no such file or it is not whole."""
    content = _content(path)
    if content is None:
        return None
    digest, kept = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if sha256(kept).digest() != digest:
        return None
    symbol, _, object_code = kept.partition(b"\n")
    return symbol.decode(), object_code


def _content(path: Path) -> bytes | None:
    """Return what is in a regular file, or None; a pipe of that name is not waited for."""
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))) as file:
            return file.read() if S_ISREG(os.fstat(file.fileno()).st_mode) else None
    except OSError:
        return None


def _write(path: Path, symbol: str, object_code: bytes) -> None:
    """Keep symbol and object code, whole or not at all; a folder that cannot be written to is no error."""
    kept = symbol.encode() + b"\n" + object_code
    beside = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.part")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_bytes(sha256(kept).digest() + kept)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


def loaded(code: Compiled, arguments: Sequence[Any]) -> Loop:
    """Return the loop of `code`, from an engine and at a place of its own: two loops may well have been given one symbol.

    Raises
    ------
    BackendUnavailableError
        If the code does not hold its symbol.
    """
    symbol, object_code = code
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(object_code))
    engine.finalize_object()
    address = engine.get_function_address(symbol)
    if not address:
        raise BackendUnavailableError(f"machine code of {len(object_code)} bytes does not hold its symbol {symbol!r}")
    loop = CFUNCTYPE(c_int32, *arguments)(address)
    loop.engine = engine  # type: ignore[attr-defined]  # the code lives as long as its engine
    return loop
