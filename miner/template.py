"""What a nonce search gets besides its nonces: a header without its nonce, whole or as far as SHA-256 has digested it.

The first 64 of a header's 80 bytes do not hold the nonce, so every kernel starts from the state after them (the midstate) and
the 12 bytes that follow (the tail). Some devices are sent no more than that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from struct import pack
from typing import Final, Protocol

from miner.backends import sha256_text
from miner.errors import HeaderError, WorkError
from miner.header import HEADER_BYTES, NONCE_SPACE, Nonce, hash_hex, hash_value, header_words
from miner.share import Hit, check
from miner.target import Target

Words = tuple[int, ...]

GROUPS: Final = (4, 2, 1)  # templates that one kernel can take


class Template(Protocol):
    """A header whose nonce is to be found.

    `midstate` is 8 words and `tail` 3 words of 32 bits, as SHA-256 counts them (big-endian).
    """

    @property
    def midstate(self) -> Words:
        """The state of SHA-256 after the first 64 bytes."""
        ...

    @property
    def tail(self) -> Words:
        """The next 12 bytes: end of the merkle root, time, nBits."""
        ...

    def check(self, nonce: Nonce, target: Target) -> Hit | None:
        """Return the hit if the header with `nonce` hashes to at most `target`: all 256 bits."""
        ...


@dataclass(frozen=True)
class HeaderTemplate:
    """A whole header of 80 bytes; its own nonce is not looked at. Raises HeaderError if it has not 80 bytes."""

    header: bytes

    def __post_init__(self) -> None:
        if len(self.header) != HEADER_BYTES:
            raise HeaderError(f"a block header has {HEADER_BYTES} bytes; got {len(self.header)}")

    @cached_property
    def midstate(self) -> Words:
        """The state of SHA-256 after the first 64 bytes."""
        return sha256_text.midstate(header_words(self.header))

    @property
    def tail(self) -> Words:
        """The next 12 bytes as three words."""
        return header_words(self.header)[16:19]

    def check(self, nonce: Nonce, target: Target) -> Hit | None:
        """Return the hit if the header with `nonce` hashes to at most `target`, by hashlib."""
        return check(self.header, nonce, target)


@dataclass(frozen=True)
class MidstateTemplate:
    """A midstate of 8 words and a tail of 3; what they were made from need not be known.

    Raises HeaderError if there are more or fewer, or one does not fit 32 bits.
    """

    midstate: Words
    tail: Words

    def __post_init__(self) -> None:
        for name, words, wanted in (("midstate", self.midstate, 8), ("tail", self.tail, 3)):
            if len(words) != wanted or not all(0 <= word < NONCE_SPACE for word in words):
                raise HeaderError(f"a {name} is {wanted} words of 32 bits; got {words!r}")

    def check(self, nonce: Nonce, target: Target) -> Hit | None:
        """Return the hit if the header with `nonce` hashes to at most `target`, by the text of FIPS 180-4 itself."""
        word = int.from_bytes(pack("<I", nonce), "big")
        [words] = sha256_text.REFERENCE.header_hashes([self.midstate], self.tail, word)
        digest = pack(">8I", *words)
        return Hit(nonce, hash_hex(digest)) if hash_value(digest) <= target else None


def check_shared_tail(templates: Sequence[Template]) -> None:
    """Refuse to search together what does not share its tail: WorkError."""
    if len({template.tail for template in templates}) > 1:
        raise WorkError("templates that are searched together share the last 16 bytes of their headers but the nonce")


def kernel_groups(templates: Sequence[Template]) -> Iterator[Sequence[Template]]:
    """Part templates into groups of 4, 2 and 1, in order."""
    at = 0
    while at < len(templates):
        size = next(group for group in GROUPS if group <= len(templates) - at)
        yield templates[at : at + size]
        at += size
