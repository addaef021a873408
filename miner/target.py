"""Targets and their compact form, nBits, exactly as consensus has them.

A block is valid when its hash, read as a 256-bit little-endian number, is at most the target. nBits packs a target
into 32 bits: one byte of size, a sign bit that must be clear, 23 bits of mantissa.

Source: Bitcoin Core, ``src/arith_uint256.cpp``, ``SetCompact`` and ``GetCompact``; ``src/pow.cpp``, ``CheckProofOfWork``.
"""

from __future__ import annotations

from typing import Final, NewType

from miner.errors import TargetError

NBits = NewType("NBits", int)
Target = NewType("Target", int)

MAX_TARGET: Final = Target(0xFFFF << 208)  # proof-of-work limit of the main chain once packed: difficulty 1
HASH_SPACE: Final = 1 << 256
_MANTISSA: Final = 0x007FFFFF
_SIGN: Final = 0x00800000


def target_from_nbits(nbits: NBits) -> Target:
    """Return the target that `nbits` packs.

    Raises
    ------
    TargetError
        If the target would be negative, zero, above the proof-of-work limit, or wider than 256 bits.
    """
    if not 0 <= nbits < 1 << 32:
        raise TargetError(f"nBits {nbits:#x} does not fit 32 bits; want a number such as 0x1d00ffff")
    size, mantissa = nbits >> 24, nbits & _MANTISSA
    target = mantissa >> 8 * (3 - size) if size <= 3 else mantissa << 8 * (size - 3)
    if nbits & _SIGN and mantissa:
        raise TargetError(f"nBits {nbits:#010x} is a negative target; want the sign bit 0x00800000 clear")
    if not 0 < target <= MAX_TARGET:
        raise TargetError(f"nBits {nbits:#010x} is no target from 1 to the limit 0x1d00ffff")
    return Target(target)


def nbits_from_target(target: Target) -> NBits:
    """Return the compact form of `target`: the highest 23 bits or less, the rest cut off.

    Raises
    ------
    TargetError
        If `target` is not from 1 to the proof-of-work limit.
    """
    if not 0 < target <= MAX_TARGET:
        raise TargetError(f"target {target:#x} is not from 1 to the limit {MAX_TARGET:#x}")
    size = (target.bit_length() + 7) // 8
    mantissa = target << 8 * (3 - size) if size <= 3 else target >> 8 * (size - 3)
    if mantissa & _SIGN:  # the sign bit must stay clear: one byte more of size instead
        mantissa >>= 8
        size += 1
    return NBits(size << 24 | mantissa)


def difficulty(target: Target) -> float:
    """Return how many times harder `target` is than the easiest one."""
    return MAX_TARGET / target


def expected_hashes(target: Target) -> float:
    """Return the mean number of hashes until one is at most `target`: 2^256 / (target + 1)."""
    return HASH_SPACE / (target + 1)
