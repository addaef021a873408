"""SHA-256 written once, over abstract words; every fast kernel is generated from this text.

FIPS 180-4, sections 4.1.2 (functions), 4.2.2 (constants), 5.3.3 (initial value) and 6.2.2 (the hash computation), in
its own order and with its own letters. A word is whatever `Words` computes with: with Python's whole numbers this *is*
the reference, and gives midstates; with values of a compiler it emits a kernel, and what does not depend on the nonce,
is constant, or is not asked for needs no code of its own here: the compiler hoists, folds and drops it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Generic, Protocol, TypeVar

Word = TypeVar("Word")

MASK: Final = 0xFFFFFFFF
BLOCK_WORDS: Final = 16
ROUNDS: Final = 64


class Words(Protocol[Word]):
    """Arithmetic on 32-bit words; `const` makes a word from a whole number."""

    def const(self, value: int) -> Word:
        """Return the word of a whole number."""
        ...

    def add(self, *terms: Word) -> Word:
        """Return the sum modulo 2^32."""
        ...

    def xor(self, *terms: Word) -> Word:
        """Return the exclusive or of all terms."""
        ...

    def and_(self, x: Word, y: Word) -> Word:
        """Return the bits set in both."""
        ...

    def not_(self, x: Word) -> Word:
        """Return the bits not set."""
        ...

    def rotr(self, x: Word, n: int) -> Word:
        """Return `x` rotated right by `n` bits."""
        ...

    def shr(self, x: Word, n: int) -> Word:
        """Return `x` shifted right by `n` bits."""
        ...


class WholeNumbers:
    """Words as Python's whole numbers: the reference."""

    def const(self, value: int) -> int:
        """Return `value` itself."""
        return value & MASK

    def add(self, *terms: int) -> int:
        """Return the sum modulo 2^32."""
        return sum(terms) & MASK

    def xor(self, *terms: int) -> int:
        """Return the exclusive or of all terms."""
        result = 0
        for term in terms:
            result ^= term
        return result

    def and_(self, x: int, y: int) -> int:
        """Return the bits set in both."""
        return x & y

    def not_(self, x: int) -> int:
        """Return the bits not set."""
        return x ^ MASK

    def rotr(self, x: int, n: int) -> int:
        """Return `x` rotated right by `n` bits."""
        return (x >> n | x << 32 - n) & MASK

    def shr(self, x: int, n: int) -> int:
        """Return `x` shifted right by `n` bits."""
        return x >> n


def _root_bits(prime: int, root: int) -> int:
    """Return the first 32 bits of the fractional part of the square (2) or cube (3) root of `prime`, exactly."""
    scaled, low, high = prime << 32 * root, 0, 1 << 40
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**root <= scaled else (low, middle)
    return low & MASK


_PRIMES: Final = [n for n in range(2, 312) if all(n % d for d in range(2, n))]

K: Final = tuple(_root_bits(prime, 3) for prime in _PRIMES[:ROUNDS])  # 4.2.2
INITIAL: Final = tuple(_root_bits(prime, 2) for prime in _PRIMES[:8])  # 5.3.3


class Sha256(Generic[Word]):
    """The hash function over words of one kind."""

    def __init__(self, words: Words[Word]) -> None:
        self._w = words

    def ch(self, x: Word, y: Word, z: Word) -> Word:
        """Ch(x, y, z) = (x and y) xor (not x and z)."""
        return self._w.xor(self._w.and_(x, y), self._w.and_(self._w.not_(x), z))

    def maj(self, x: Word, y: Word, z: Word) -> Word:
        """Maj(x, y, z) = (x and y) xor (x and z) xor (y and z)."""
        return self._w.xor(self._w.and_(x, y), self._w.and_(x, z), self._w.and_(y, z))

    def big_sigma_0(self, x: Word) -> Word:
        """Rotations by 2, 13 and 22."""
        return self._w.xor(self._w.rotr(x, 2), self._w.rotr(x, 13), self._w.rotr(x, 22))

    def big_sigma_1(self, x: Word) -> Word:
        """Rotations by 6, 11 and 25."""
        return self._w.xor(self._w.rotr(x, 6), self._w.rotr(x, 11), self._w.rotr(x, 25))

    def small_sigma_0(self, x: Word) -> Word:
        """Rotations by 7 and 18, shift by 3."""
        return self._w.xor(self._w.rotr(x, 7), self._w.rotr(x, 18), self._w.shr(x, 3))

    def small_sigma_1(self, x: Word) -> Word:
        """Rotations by 17 and 19, shift by 10."""
        return self._w.xor(self._w.rotr(x, 17), self._w.rotr(x, 19), self._w.shr(x, 10))

    def next_word(self, w: Sequence[Word]) -> Word:
        """6.2.2, step 1: the word of the message schedule that follows the words `w`, 16 or more."""
        return self._w.add(self.small_sigma_1(w[-2]), w[-7], self.small_sigma_0(w[-15]), w[-16])

    def round(self, state: Sequence[Word], k: int, w: Word) -> list[Word]:
        """6.2.2, step 3: the state after one round with its constant and its word of the schedule."""
        a, b, c, d, e, f, g, h = state
        t1 = self._w.add(h, self.big_sigma_1(e), self.ch(e, f, g), self._w.const(k), w)
        t2 = self._w.add(self.big_sigma_0(a), self.maj(a, b, c))
        return [self._w.add(t1, t2), a, b, c, self._w.add(d, t1), e, f, g]

    def rounds(self, states: Sequence[Sequence[Word]], block: Sequence[Word]) -> list[list[Word]]:
        """6.2.2, steps 1 to 3, for states that share a block of 16 words: a word of the schedule, then a round of each."""
        w, after = list(block), [list(state) for state in states]
        for t in range(ROUNDS):
            if t >= len(w):
                w.append(self.next_word(w))
            after = [self.round(state, K[t], w[t]) for state in after]
        return after

    def compress(self, states: Sequence[Sequence[Word]], block: Sequence[Word]) -> list[list[Word]]:
        """6.2.2, steps 1 to 4: each state of 8 words after one block of 16 that they share."""
        return [[*map(self._w.add, *pair)] for pair in zip(states, self.rounds(states, block), strict=True)]

    def header_hashes(self, midstates: Sequence[Sequence[Word]], tail: Sequence[Word], nonce: Word) -> list[list[Word]]:
        """Double SHA-256 of 80 header bytes for each midstate: 8 words, big-endian as FIPS counts them.

        A midstate is the state after the first 64 bytes, `tail` the next three words, `nonce` the last one. Headers that
        differ in their version alone share all but their midstates.
        """
        initial = [self._w.const(value) for value in INITIAL]
        firsts = self.compress(midstates, self.header_end(tail, nonce))
        return [self.compress([initial], self.digest_block(first))[0] for first in firsts]

    def header_end(self, tail: Sequence[Word], nonce: Word) -> list[Word]:
        """Return the second block of a header: its last four words, and the padding of 5.1.1."""
        return [*tail, nonce, *self._padding(12, bits=80 * 8)]

    def digest_block(self, digest: Sequence[Word]) -> list[Word]:
        """Return the only block of a message that is a hash of 8 words: those, and the padding of 5.1.1."""
        return [*digest, *self._padding(8, bits=32 * 8)]

    def _padding(self, words: int, *, bits: int) -> list[Word]:
        const = self._w.const
        return [const(0x80000000), *[const(0)] * (words - 2), const(bits)]


REFERENCE: Final = Sha256(WholeNumbers())


def midstate(header_words: Sequence[int]) -> tuple[int, ...]:
    """Return the state after the first 16 of a header's 20 words."""
    return tuple(REFERENCE.compress([INITIAL], header_words[:BLOCK_WORDS])[0])
