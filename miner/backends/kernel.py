"""Which nonce-search kernels there are for CPUs."""

from __future__ import annotations

from typing import Final, NamedTuple

VECTOR: Final = 0
WOVEN: Final = 1
SHA: Final = 2
PAIRED: Final = 3
AVX512_LANES: Final = 16  # words of 32 bits in its vectors
CACHE_LINE: Final = 64  # bytes; the scratch memory begins with one
STATE_WORDS: Final = 8
TAIL_WORDS: Final = 3  # between the midstate and the nonce
MOST_BITS: Final = 64  # of a batch: its lanes times its midstates
SCRATCH_BYTES: Final = 8192  # room for what a kernel's stages hand on


class Kernel(NamedTuple):
    """Which kernel it is (`VECTOR`, `PAIRED`, `WOVEN` or `SHA`), how many nonces a batch holds, and how many midstates.

    With `by_word` it counts the message's words up, as some devices do: nonces with their bytes reversed.
    """

    kind: int
    lanes: int
    midstates: int = 1
    by_word: bool = False

    @property
    def words(self) -> int:
        """How many words of 32 bits a loop is given: 8 of each midstate and 3 of the tail."""
        return STATE_WORDS * self.midstates + TAIL_WORDS

    def __str__(self) -> str:
        """Return it in words."""
        kind = ("vector", "woven", "SHA", "paired")[self.kind]
        counted = ", counting message words" if self.by_word else ""
        lanes, midstates = (f"{n} {what}{'s' * (n != 1)}" for n, what in ((self.lanes, "lane"), (self.midstates, "midstate")))
        return f"the {kind} kernel of {lanes} for {midstates}{counted}"
