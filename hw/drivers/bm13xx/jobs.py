"""What a job carries: a whole header less its nonce (BM1362 and later), or midstates and a tail (BM1397).

Full form, 82 bytes: job id, count of midstates (1), start nonce, nBits, time, merkle root, previous hash, version. Midstate
form, 18 bytes and 32 for each midstate: job id, count, start nonce, nBits, time, end of the merkle root, midstates.

Numbers go as they lie in a header (little-endian). Each hash of the full form, and each midstate, goes with its eight words in
reversed order: the chips count words from the other end. Source: REFERENCE.md; the tests hold the order of the words against
real proof of work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from struct import Struct, pack, unpack
from typing import Final, Self

from hw.drivers.errors import FrameError
from miner.backends.sha256_text import MASK
from miner.header import HEADER_BYTES, Nonce
from miner.target import NBits
from miner.template import MidstateTemplate, Template, Words

FIRST_NONCE: Final = Nonce(0)
FULL_BYTES: Final = 82
MIDSTATE_COUNTS: Final = (1, 4)  # how many midstates a job may have; bitaxeorg/ESP-Miner bm1397.c
_FULL: Final = Struct("<BBIII32s32sI")
_HEADER: Final = Struct("<I32s32sIII")
_HEAD: Final = Struct("<BBI12s")  # of the midstate form
_MIDSTATE_BYTES: Final = 32


class JobForm(Enum):
    """Which of the two forms a chip takes: both have the same type byte, so a reader must be told."""

    FULL = "full"
    MIDSTATE = "midstate"


@dataclass(frozen=True, slots=True, kw_only=True)
class FullJob:
    """A header less its nonce, and the job id (8 bits) that answers bear.

    `previous` and `merkle_root` are 32 bytes in the header's order, `version` is unsigned, `time_s` Unix seconds. `start` is
    the nonce to begin with, which hosts leave 0, and `midstate_count` is 1 in every job seen. Raises FrameError if one does
    not fit.
    """

    job_id: int
    version: int
    previous: bytes
    merkle_root: bytes
    time_s: int
    nbits: NBits
    start: Nonce = FIRST_NONCE
    midstate_count: int = 1

    def __post_init__(self) -> None:
        for name, raw in (("previous hash", self.previous), ("merkle root", self.merkle_root)):
            if len(raw) != 32:
                raise FrameError(f"a {name} has 32 bytes; got {len(raw)}")
        for name, number in (("job id", self.job_id), ("count of midstates", self.midstate_count)):
            _check(name, number, 8)
        for name, number in (("version", self.version), ("time", self.time_s), ("nBits", self.nbits), ("start", self.start)):
            _check(name, number, 32)

    @classmethod
    def from_header(cls, header: bytes, job_id: int) -> Self:
        """Return the job of 80 header bytes, whose own nonce is not looked at; raise FrameError for more or fewer bytes."""
        if len(header) != HEADER_BYTES:
            raise FrameError(f"a block header has {HEADER_BYTES} bytes; got {len(header)}")
        version, previous, merkle_root, time_s, nbits, _ = _HEADER.unpack(header)
        return cls(
            job_id=job_id, version=version, previous=previous, merkle_root=merkle_root, time_s=time_s, nbits=NBits(nbits)
        )

    @classmethod
    def from_payload(cls, payload: bytes) -> Self:
        """Read 82 bytes; raise FrameError for more or fewer."""
        if len(payload) != FULL_BYTES:
            raise FrameError(f"a job in full form has {FULL_BYTES} bytes; got {len(payload)}")
        job_id, count, start, nbits, time_s, merkle_root, previous, version = _FULL.unpack(payload)
        return cls(
            job_id=job_id,
            version=version,
            previous=reverse_words(previous),
            merkle_root=reverse_words(merkle_root),
            time_s=time_s,
            nbits=NBits(nbits),
            start=Nonce(start),
            midstate_count=count,
        )

    def payload(self) -> bytes:
        """Return the 82 bytes between the length byte and the check sum."""
        hashes = reverse_words(self.merkle_root), reverse_words(self.previous)
        return _FULL.pack(self.job_id, self.midstate_count, self.start, self.nbits, self.time_s, *hashes, self.version)

    def header(self, nonce: Nonce, version_bits: int = 0) -> bytes:
        """Return the 80 bytes that a chip hashed: with `nonce`, and with `version_bits` (in place) set in its version."""
        _check("nonce", nonce, 32)
        _check("set of version bits", version_bits, 32)
        fields = self.previous, self.merkle_root, self.time_s, self.nbits, nonce
        return _HEADER.pack(self.version | version_bits, *fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class MidstateJob:
    """One midstate or four of 8 words, the tail of 3 words that they share, and the job id (8 bits) that answers bear.

    Words are as SHA-256 counts them, as in `miner.template`. Raises FrameError if there are more or fewer, or one does not fit.
    """

    job_id: int
    midstates: tuple[Words, ...]
    tail: Words
    start: Nonce = FIRST_NONCE

    def __post_init__(self) -> None:
        if len(self.midstates) not in MIDSTATE_COUNTS:
            raise FrameError(f"a job has one midstate or four; got {len(self.midstates)}")
        for name, words, wanted in (("tail", self.tail, 3), *(("midstate", words, 8) for words in self.midstates)):
            if len(words) != wanted:
                raise FrameError(f"a {name} has {wanted} words; got {len(words)}")
            if not all(0 <= word <= MASK for word in words):
                raise FrameError(f"a word of a {name} does not fit 32 bits: {', '.join(map(hex, words))}")
        _check("job id", self.job_id, 8)
        _check("start", self.start, 32)

    @classmethod
    def from_templates(cls, templates: Sequence[Template], job_id: int) -> Self:
        """Return the job that searches one template, or four of one tail, together; raise FrameError for others."""
        tails = {template.tail for template in templates}
        if len(tails) != 1:
            raise FrameError(f"the templates of a job share their tail; got {len(tails)} tails")
        return cls(job_id=job_id, midstates=tuple(template.midstate for template in templates), tail=tails.pop())

    @classmethod
    def from_payload(cls, payload: bytes) -> Self:
        """Read 18 bytes and 32 for each midstate; raise FrameError if that is not what there is."""
        count = payload[1] if len(payload) > 1 else 0
        if count not in MIDSTATE_COUNTS or len(payload) != midstate_payload_bytes(count):
            raise FrameError(f"a job with {count} midstates in {len(payload)} bytes; want one in 50 bytes, or four in 146")
        job_id, _, start, tail = _HEAD.unpack_from(payload)
        states = (payload[at : at + _MIDSTATE_BYTES] for at in range(_HEAD.size, len(payload), _MIDSTATE_BYTES))
        return cls(
            job_id=job_id,
            midstates=tuple(unpack(">8I", state)[::-1] for state in states),
            tail=unpack(">3I", tail)[::-1],
            start=Nonce(start),
        )

    def payload(self) -> bytes:
        """Return the 50 or 146 bytes between the length byte and the check sum."""
        head = _HEAD.pack(self.job_id, len(self.midstates), self.start, pack(">3I", *reversed(self.tail)))
        return head + b"".join(pack(">8I", *reversed(words)) for words in self.midstates)

    def templates(self) -> tuple[MidstateTemplate, ...]:
        """Return what is to be searched, one template for each midstate."""
        return tuple(MidstateTemplate(words, self.tail) for words in self.midstates)


Job = FullJob | MidstateJob


def midstate_payload_bytes(count: int) -> int:
    """Return the bytes of a payload in midstate form with `count` midstates."""
    return _HEAD.size + _MIDSTATE_BYTES * count


def reverse_words(raw: bytes) -> bytes:
    """Return 32 bytes with the eight words in reversed order and the bytes within each word where they were."""
    return pack(">8I", *reversed(unpack(">8I", raw)))


def _check(name: str, number: int, bits: int) -> None:
    if not 0 <= number < 1 << bits:
        raise FrameError(f"a {name} of {number:#x} does not fit {bits} bits")
