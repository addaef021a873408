"""The bounds of every search: nonces are 32 bits and targets 256."""

from __future__ import annotations

from miner.errors import TargetError, WorkError
from miner.header import NONCE_SPACE
from miner.target import HASH_SPACE, Target


def check_bounds(start: int, count: int, target: Target) -> None:
    """Refuse what no kernel may be asked, since its machine code would cut the numbers off.

    Raises
    ------
    WorkError
        If the `count` nonces from `start` on leave 0 to 2^32; none at all are a range.
    TargetError
        If the target is not from 0 to 2^256 - 1.
    """
    if not 0 <= start <= start + count <= NONCE_SPACE:
        raise WorkError(
            f"nonces {start} to {start + count} leave the range 0 to 2^32; want start, and start + count, within it"
        )
    if not 0 <= target < HASH_SPACE:
        raise TargetError(f"target {target:#x} does not fit 256 bits; want 0 to 2^256 - 1")
