"""The scan around every CPU kernel: its machine code, a buffer of candidates, and the exact check.

A batch is screened by the top 32 bits of its hashes against those of the target, which loses no hit whatever the
target; candidates are checked exactly, in Python. A full buffer sends the loop back for more; no hit is lost there either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from miner.backends.kernel import Kernel
from miner.backends.loop_calls import BUFFER, Asked, candidates
from miner.backends.native import machine_code
from miner.bounds import check_bounds
from miner.header import NONCE_SPACE, Nonce, nonce_of_word
from miner.share import Hit
from miner.target import Target
from miner.template import Template, kernel_groups

CHUNK_NONCES: Final = 1 << 20  # 20 to 40 ms, a tenth of a second where vectors are narrow: Ctrl-C gets its turn


def scan_with(kernel: Kernel, templates: Sequence[Template], start: int, count: int, target: Target) -> list[list[Hit]]:
    """Return the hits of each template among the `count` nonces, or message words, from `start` on, in order.

    The templates share their tail; there are as many as the kernel has midstates.

    Raises
    ------
    WorkError
        If the range leaves 0 to 2^32.
    TargetError
        If the target is not from 0 to 2^256 - 1.
    BackendUnavailableError, BackendSelfTestError
        As `machine_code` does.
    """
    check_bounds(start, count, target)
    loop = machine_code(kernel)
    states = [word for template in templates for word in template.midstate]
    asked = Asked([*states, *templates[0].tail], start, start + count, target >> 224)
    hits: list[list[Hit]] = [[] for _ in templates]
    for some in candidates(loop, asked, BUFFER):
        for candidate in some.tolist():
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
