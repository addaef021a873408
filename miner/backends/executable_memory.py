"""Whether this process may run what it has written to its memory, as all machine code of its own needs.

Some services and containers may not: ``PR_SET_MDWE``, systemd's ``MemoryDenyWriteExecute``, SELinux. LLVM passes over the
refusal, and the first call of its code ends the process.
"""

from __future__ import annotations

import sys
from ctypes import CDLL, addressof, c_char, c_int, c_size_t, c_void_p
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, PAGESIZE, PROT_EXEC, PROT_READ, PROT_WRITE, mmap

from miner.errors import BackendUnavailableError


def check_executable_memory() -> None:
    """Write a page and make it executable, as LLVM does; raise BackendUnavailableError if the system refuses that."""
    if sys.platform != "linux":
        return
    with mmap(-1, PAGESIZE, flags=MAP_PRIVATE | MAP_ANONYMOUS, prot=PROT_READ | PROT_WRITE) as page:
        address = addressof(c_char.from_buffer(page))
        refused = CDLL(None).mprotect(c_void_p(address), c_size_t(PAGESIZE), c_int(PROT_READ | PROT_EXEC))
    if refused:
        raise BackendUnavailableError(
            "the system does not let this process run machine code that it wrote to its memory (PR_SET_MDWE, systemd's "
            "MemoryDenyWriteExecute, SELinux); allow it, or use the backend 'reference'"
        )
