"""The 80 bytes of a block header: build, parse, hash, and split for a nonce search.

Every field is little-endian on the wire. Hashes are kept here as the 32 bytes on the wire and shown reversed, as
explorers print them. Source: Bitcoin Core, ``src/primitives/block.h``; FIPS 180-4 for the words of SHA-256.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from hashlib import sha256
from string import hexdigits
from typing import Final, NewType, Self

from miner.errors import HeaderError
from miner.target import NBits

Nonce = NewType("Nonce", int)

HEADER_BYTES: Final = 80
NONCE_AT: Final = 76  # byte offset of the nonce, the last field
NONCE_SPACE: Final = 1 << 32
_LAYOUT: Final = struct.Struct("<i32s32sIII")


def message_word(nonce: Nonce) -> int:
    """Return the word of SHA-256's message that holds `nonce`: its bytes reversed, since the message is big-endian."""
    return int.from_bytes(nonce.to_bytes(4, "little"), "big")


def nonce_of_word(word: int) -> Nonce:
    """Return the nonce that a word of the message holds."""
    return Nonce(int.from_bytes(word.to_bytes(4, "big"), "little"))


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockHeader:
    """A block header's six fields; `previous` and `merkle_root` are 32 bytes in wire order, `time_s` Unix seconds."""

    version: int
    previous: bytes
    merkle_root: bytes
    time_s: int
    nbits: NBits
    nonce: Nonce

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Parse 80 bytes.

        Raises
        ------
        HeaderError
            If `raw` is not exactly 80 bytes.
        """
        if len(raw) != HEADER_BYTES:
            raise HeaderError(f"a block header has {HEADER_BYTES} bytes; got {len(raw)}")
        version, previous, merkle_root, time_s, nbits, nonce = _LAYOUT.unpack(raw)
        return cls(
            version=version, previous=previous, merkle_root=merkle_root, time_s=time_s, nbits=NBits(nbits), nonce=Nonce(nonce)
        )

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Parse 160 hex digits; raise HeaderError for anything else."""
        if not set(text) <= set(hexdigits):  # bytes.fromhex would skip white space
            raise HeaderError(f"{text[:20]!r} is not hex; want {2 * HEADER_BYTES} hex digits")
        if len(text) != 2 * HEADER_BYTES:
            raise HeaderError(f"a block header has {2 * HEADER_BYTES} hex digits; got {len(text)}")
        return cls.from_bytes(bytes.fromhex(text))

    def to_bytes(self) -> bytes:
        """Return the 80 bytes as they go on the wire.

        Raises
        ------
        HeaderError
            If a field does not fit its place.
        """
        if len(self.previous) != 32 or len(self.merkle_root) != 32:
            raise HeaderError(f"a hash has 32 bytes; got {len(self.previous)} and {len(self.merkle_root)}")
        try:
            return _LAYOUT.pack(self.version, self.previous, self.merkle_root, self.time_s, self.nbits, self.nonce)
        except struct.error as error:
            raise HeaderError(f"a header field does not fit its 32 bits: {error}") from None

    def with_nonce(self, nonce: Nonce) -> Self:
        """Return this header with another nonce."""
        return replace(self, nonce=nonce)

    def hash_hex(self) -> str:
        """Return the block hash as explorers print it."""
        return hash_hex(double_sha256(self.to_bytes()))


def double_sha256(raw: bytes) -> bytes:
    """Return SHA-256 of SHA-256 of `raw`, 32 bytes."""
    return sha256(sha256(raw).digest()).digest()


def hash_value(digest: bytes) -> int:
    """Return a 32-byte hash as the number that is held against the target: little-endian."""
    return int.from_bytes(digest, "little")


def hash_hex(digest: bytes) -> str:
    """Return a 32-byte hash as explorers print it: the bytes reversed."""
    return digest[::-1].hex()


def header_words(raw: bytes) -> tuple[int, ...]:
    """Return the 20 big-endian words of SHA-256 that 80 header bytes are; word 19 is the nonce, byte-swapped."""
    return struct.unpack(">20I", raw)
