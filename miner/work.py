"""From a pool's job to headers to search: every header once, shared out over threads and devices.

A job leaves four things open: the extranonce2 within the coinbase, the version bits that a mask allows (BIP 320), the time
within a limit, and the nonce. Together they are the space of a job; `miner.work_queue` hands it out in pieces, each once.

Sources: BIP 310 (version rolling in Stratum), BIP 320 (the bits meant for it); for difficulty, Bitcoin Core,
``src/rpc/blockchain.cpp``, ``GetDifficulty``: difficulty 1 is the target 0xFFFF * 2^208.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from struct import pack
from typing import Final

from miner.errors import JobError, TargetError, WorkError
from miner.header import NONCE_SPACE, Nonce
from miner.merkle import HASH_BYTES, root_from_coinbase
from miner.target import HASH_SPACE, MAX_TARGET, NBits, Target
from miner.template import HeaderTemplate

WORD_SPACE: Final = 1 << 32
VERSION_ROLLING_MASK: Final = 0x1FFFE000  # BIP 320: 16 bits that carry no meaning
MOST_EXTRANONCE_BYTES: Final = 32
Difficulty = int | float | Fraction


def target_from_difficulty(difficulty: Difficulty) -> Target:
    """Return the highest hash value that is a share of `difficulty`: 0xFFFF * 2^208 / difficulty, exact and cut off.

    Raises
    ------
    TargetError
        If `difficulty` is no finite number above 0, so small that every hash would do, or so large that none would.
    """
    if isinstance(difficulty, bool) or not isinstance(difficulty, int | float | Fraction):
        raise TargetError(f"difficulty {difficulty!r:.60} is not a number; want one above 0, such as 1 or 0.001")
    if (isinstance(difficulty, float) and not isfinite(difficulty)) or difficulty <= 0:
        raise TargetError(f"difficulty {_told(difficulty)} is not a finite number above 0; want one such as 1 or 0.001")
    target = MAX_TARGET // Fraction(difficulty)
    if target >= HASH_SPACE:
        raise TargetError(f"difficulty {_told(difficulty)} is met by every hash; want more than 2^-32")
    if target == 0:
        raise TargetError(f"difficulty {_told(difficulty)} is met by no hash; want less than 2^224")
    return Target(target)


def hash_difficulty(value: int) -> float:
    """Return the difficulty of the hardest share that a hash of `value` is; infinite for 0."""
    return MAX_TARGET / value if value else float("inf")


def roll_version(version: int, mask: int, bits: int) -> int:
    """Return `version` with the bits of `mask` taken from `bits`, as BIP 310 says."""
    return (version & ~mask) | (bits & mask)


def swap_words(raw: bytes) -> bytes:
    """Return `raw` with the four bytes of each word reversed: how Stratum writes the previous block's hash."""
    return b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a pool asks to be mined: the parts of a header and of its coinbase, hashes in wire order, `time_s` Unix seconds.

    `version` is unsigned here. Raises JobError if a field does not fit its place.
    """

    job_id: str
    previous: bytes
    coinbase1: bytes
    coinbase2: bytes
    branch: tuple[bytes, ...]
    version: int
    nbits: NBits
    time_s: int

    def __post_init__(self) -> None:
        for name, digest in (("previous block's hash", self.previous), *(("hash of the branch", one) for one in self.branch)):
            if len(digest) != HASH_BYTES:
                raise JobError(f"job {self.job_id!r}: a {name} has {HASH_BYTES} bytes; got {len(digest)}")
        for name, number in (("version", self.version), ("nBits", self.nbits), ("time", self.time_s)):
            if not 0 <= number < WORD_SPACE:
                raise JobError(f"job {self.job_id!r}: {name} {number} does not fit 32 bits")


@dataclass(frozen=True, slots=True)
class Roll:
    """One choice of everything but the nonce: extranonce2, version (unsigned), time [s, Unix]."""

    extranonce2: bytes
    version: int
    time_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A job as one connection was given it: with its extranonce1, its share target and the version bits it may roll.

    Raises
    ------
    JobError
        If an extranonce is too long, or the mask does not fit 32 bits.
    """

    job: Job
    extranonce1: bytes
    extranonce2_bytes: int
    target: Target
    version_mask: int = 0

    def __post_init__(self) -> None:
        for name, size in (("extranonce1", len(self.extranonce1)), ("extranonce2", self.extranonce2_bytes)):
            if not 0 <= size <= MOST_EXTRANONCE_BYTES:
                raise JobError(f"an {name} of {size} bytes; want 0 to {MOST_EXTRANONCE_BYTES}")
        if not 0 <= self.version_mask < WORD_SPACE:
            raise JobError(f"version mask {self.version_mask:#x} does not fit 32 bits")

    def coinbase(self, extranonce2: bytes) -> bytes:
        """Return the coinbase transaction; raise JobError if `extranonce2` is of another length than agreed."""
        if len(extranonce2) != self.extranonce2_bytes:
            raise JobError(f"extranonce2 {extranonce2.hex()!r} has {len(extranonce2)} bytes; want {self.extranonce2_bytes}")
        return self.job.coinbase1 + self.extranonce1 + extranonce2 + self.job.coinbase2

    def header(self, roll: Roll, nonce: Nonce = Nonce(0)) -> bytes:  # noqa: B008  a number
        """Return the 80 bytes of the header that `roll` and `nonce` choose.

        Raises
        ------
        JobError
            If the extranonce2 is of another length, or version, time or nonce does not fit 32 bits.
        """
        for name, number in (("version", roll.version), ("time", roll.time_s), ("nonce", nonce)):
            if not 0 <= number < WORD_SPACE:
                raise JobError(f"{name} {number} does not fit 32 bits")
        root = root_from_coinbase(self.coinbase(roll.extranonce2), self.job.branch)
        return pack("<I32s32sIII", roll.version, self.job.previous, root, roll.time_s, self.job.nbits, nonce)


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Which nonces of a header are searched, and by how many seconds a job's time may be moved on."""

    nonces: range = range(NONCE_SPACE)
    time_roll_s: int = 0

    def __post_init__(self) -> None:
        if self.nonces.step != 1 or not 0 <= self.nonces.start < self.nonces.stop <= NONCE_SPACE:
            raise WorkError(f"nonces {self.nonces} are no piece of 0 to 2^32; want a range that is not empty, in steps of 1")
        if self.time_roll_s < 0:
            raise WorkError(f"time roll of {self.time_roll_s} s; want 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkUnit:
    """A piece of a job's space: `count` nonces from `start` on, of each of some headers that differ in version only.

    `templates` are the headers that `rolls` choose, in the same order.
    """

    assignment: Assignment
    rolls: tuple[Roll, ...]
    templates: tuple[HeaderTemplate, ...]
    start: int
    count: int

    @property
    def hashes(self) -> int:
        """How many hashes it takes."""
        return self.count * len(self.templates)


def spread_bits(number: int, mask: int) -> int:
    """Return the lowest bits of `number` laid out over the set bits of `mask`, in order."""
    spread = 0
    while mask:
        lowest = mask & -mask
        if number & 1:
            spread |= lowest
        number >>= 1
        mask ^= lowest
    return spread


def _told(difficulty: Difficulty) -> str:
    """Return a difficulty for a message; one of thousands of digits, which Python refuses to print, by its size."""
    if isinstance(difficulty, float):
        return repr(difficulty)
    bits = Fraction(difficulty).numerator.bit_length(), Fraction(difficulty).denominator.bit_length()
    return str(difficulty) if max(bits) <= 128 else f"of {max(bits)} bits"
