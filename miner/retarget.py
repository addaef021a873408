"""The retarget rule: every 2016 blocks the target follows the time that they took."""

from __future__ import annotations

from typing import Final

from miner.target import MAX_TARGET, NBits, Target, nbits_from_target, target_from_nbits

EPOCH_BLOCKS: Final = 2016  # consensus: blocks between two retargets
TARGET_SPACING_S: Final = 600  # consensus: seconds wanted between two blocks
TIMESPAN_S: Final = EPOCH_BLOCKS * TARGET_SPACING_S  # 1,209,600 s, two weeks
MAX_STEP: Final = 4  # consensus: the span counts as at least a quarter and at most four times two weeks


def next_target(previous: Target, elapsed_s: int) -> Target:
    """Return the target of the next period before it is packed into nBits.

    `elapsed_s` [s] is the last header's time minus the first one's of the same period. It spans 2015 intervals, not
    2016: the off-by-one is consensus. Whole numbers throughout.

    Source: Bitcoin Core, ``src/pow.cpp``, ``CalculateNextWorkRequired``.
    """
    clamped_s = min(max(elapsed_s, TIMESPAN_S // MAX_STEP), TIMESPAN_S * MAX_STEP)
    return Target(min(previous * clamped_s // TIMESPAN_S, MAX_TARGET))


def next_nbits(nbits: NBits, elapsed_s: int) -> NBits:
    """Return the compact target of the next period, rounded as the chain rounds it."""
    return nbits_from_target(next_target(target_from_nbits(nbits), elapsed_s))
