"""How a loop of machine code is called: with a buffer of candidates, again and again until its range is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ctypes import byref, c_int64, c_void_p
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from miner.backends.kernel import CACHE_LINE, SCRATCH_BYTES
from miner.backends.object_code import Loop
from miner.errors import BackendSelfTestError

BUFFER: Final = 1 << 12  # candidates a call can hold before it comes back for more


class Asked(NamedTuple):
    """Words of midstates and tail; nonces, or message words, from `start` up to `stop`; the limit of the hashes' top words."""

    words: Sequence[int]
    start: int
    stop: int
    limit: int


def candidates(loop: Loop, asked: Asked, room: int = BUFFER) -> Iterator[NDArray[np.int64]]:
    """Yield what `loop` finds, up to `room` of them at a time: int64[n], the number of the midstate above 32 bits of nonce.

    What was yielded is overwritten by what comes next.

    Raises
    ------
    BackendSelfTestError
        If the loop does not go on, or says that it failed.
    """
    words = np.array(asked.words, dtype=np.uint32)
    buffer, scratch = np.empty(room, dtype=np.int64), scratch_memory()
    found, where, error = c_int64(), c_int64(asked.start), c_void_p()
    while (at := where.value) < asked.stop:
        status = loop(
            byref(found),
            byref(error),
            words.ctypes.data,
            at,
            asked.stop,
            asked.limit,
            buffer.ctypes.data,
            room,
            byref(where),
            scratch.ctypes.data,
        )
        if status or where.value <= at:
            raise BackendSelfTestError(
                f"a kernel asked for nonces {at} to {asked.stop} ended with status {status} at {where.value}; "
                "want status 0 and to get on; it is refused"
            )
        yield buffer[: found.value]


def scratch_memory() -> NDArray[np.uint8]:
    """Return the memory in which a kernel's stages hand on their results, aligned to the widest vector."""
    raw = np.zeros(SCRATCH_BYTES + CACHE_LINE, dtype=np.uint8)
    skipped = -raw.ctypes.data % CACHE_LINE
    return raw[skipped : skipped + SCRATCH_BYTES]
