"""The scan around every CPU kernel: its machine code, a buffer of candidates, and the exact check.

A batch is screened by the top 32 bits of its hashes against those of the target, which loses no hit whatever the
target; candidates are checked exactly, in Python. A full buffer sends the loop back for more; no hit is lost there either.
"""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref, c_int64, c_void_p
from typing import Final

import numpy as np
from numpy.typing import NDArray

from miner.backends.kernel import CACHE_LINE, SCRATCH_BYTES, Kernel
from miner.backends.native import machine_code
from miner.header import NONCE_SPACE, Nonce, nonce_of_word
from miner.share import Hit
from miner.target import Target
from miner.template import Template, kernel_groups

CHUNK_NONCES: Final = 1 << 20  # 20 to 40 ms, a tenth of a second where vectors are narrow: Ctrl-C gets its turn
BUFFER: Final = 1 << 12  # candidates a call can hold before it comes back for more


def scan_with(kernel: Kernel, templates: Sequence[Template], start: int, count: int, target: Target) -> list[list[Hit]]:
    """Return the hits of each template among the `count` nonces, or message words, from `start` on, in order.

    The templates share their tail; there are as many as the kernel has midstates.
    """
    loop = machine_code(kernel)
    states = [word for template in templates for word in template.midstate]
    words = np.array([*states, *templates[0].tail], dtype=np.uint32)
    candidates, scratch = np.empty(BUFFER, dtype=np.int64), _scratch()
    found, where, error = c_int64(), c_int64(start), c_void_p()
    stop = start + count
    hits: list[list[Hit]] = [[] for _ in templates]
    while where.value < stop:
        loop(
            byref(found),
            byref(error),
            words.ctypes.data,
            where.value,
            stop,
            target >> 224,
            candidates.ctypes.data,
            BUFFER,
            byref(where),
            scratch.ctypes.data,
        )
        for candidate in candidates[: found.value].tolist():
            place, counted = divmod(candidate, NONCE_SPACE)
            hit = templates[place].check(nonce_of_word(counted) if kernel.by_word else Nonce(counted), target)
            if hit is not None:
                hits[place].append(hit)
    return hits


def scan_versions_with(
    kernel: Kernel, templates: Sequence[Template], start: int, count: int, target: Target
) -> list[list[Hit]]:
    """Return the hits of each template, by kernels like `kernel` that take four templates of one tail at a time, two or one."""
    hits: list[list[Hit]] = []
    for group in kernel_groups(templates):
        hits += scan_with(kernel._replace(midstates=len(group)), group, start, count, target)
    return hits


def _scratch() -> NDArray[np.uint8]:
    """Return the memory in which a kernel's stages hand on their results, aligned to the widest vector."""
    raw = np.zeros(SCRATCH_BYTES + CACHE_LINE, dtype=np.uint8)
    skipped = -raw.ctypes.data % CACHE_LINE
    return raw[skipped : skipped + SCRATCH_BYTES]
