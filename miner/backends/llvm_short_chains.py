"""The rounds of SHA-256 with their sums in the order in which the terms are there, for processors that wait for results.

Zen 5 begins four operations on vectors of 512 bits a cycle, and has the result of each two cycles later. One batch of nonces
then waits for itself: in the standard's order ten cycles a round, from one e to the next. Here it is six, for one subtraction
more: e is added up from what was there long before to what comes last, and a, which is e - d + T2, comes out of it. The words
of the schedule are made some rounds early, so that there is something to do meanwhile. Compilers put sums into an order of
their own, hence the fences, which are no instructions. docs/benchmarks/kernels.md has the trials.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from llvmlite import ir

from miner.backends.llvm_batch import I32
from miner.backends.llvm_words import LlvmWords, llvm_function
from miner.backends.sha256_text import Sha256, Word, Words

WORDS_AHEAD: Final = 3
_MAJORITY: Final = 0xE8  # of vpternlogd: bit i says what becomes of three bits that are i together


class OrderedWords(Words[Word], Protocol[Word]):
    """Words whose sums are made in the order in which they are asked for."""

    def is_vector(self, x: Word) -> bool:
        """Return whether the lanes of `x` may differ."""
        ...

    def majority(self, x: Word, y: Word, z: Word) -> Word:
        """Return the bits that are set in two of three."""
        ...

    def sum(self, x: Word, y: Word) -> Word:
        """Return a sum such that what is added to it later is not added to `x` or `y` before."""
        ...

    def minus(self, x: Word, y: Word) -> Word:
        """Subtract modulo 2^32."""
        ...


class TernaryWords(LlvmWords):
    """Words on AVX-512: majorities in one instruction, sums that stay as they are, differences."""

    def majority(self, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
        """Return the bits that are set in two of three, in vectors."""
        kind = ir.VectorType(I32, self._lanes)
        signature = ir.FunctionType(kind, [kind, kind, kind, I32])
        ternary = llvm_function(self._builder.module, signature, "llvm.x86.avx512.pternlog.d.512")
        return self._builder.call(ternary, [self.wide(x), self.wide(y), self.wide(z), self.const(_MAJORITY)])

    def sum(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """Return a sum such that what is added to it later is not added to `x` or `y` before."""
        return self.fenced(self.add(x, y))

    def minus(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """Subtract modulo 2^32, in vectors."""
        return self._builder.sub(self.wide(x), self.wide(y))


class ShortChains(Sha256[Word]):
    """SHA-256 with short chains of sums; the tests hold it to the text that it is a form of."""

    words_ahead = WORDS_AHEAD

    def __init__(self, words: OrderedWords[Word]) -> None:
        super().__init__(words)
        self._words = words

    def maj(self, x: Word, y: Word, z: Word) -> Word:
        """Maj(x, y, z), in one instruction where all lanes do not agree anyway."""
        vectors = any(self._words.is_vector(word) for word in (x, y, z))
        return self._words.majority(x, y, z) if vectors else super().maj(x, y, z)

    def round(self, state: Sequence[Word], k: int, w: Word) -> list[Word]:
        """6.2.2, step 3: the new e is d + T1, the new a is T1 + T2, which is e - d + T2."""
        a, b, c, d, e, f, g, h = state
        words = self._words
        if not any(words.is_vector(word) for word in (*state, w)):
            return super().round(state, k, w)
        early = words.add(words.const(k), w, h, d)
        new_e = words.sum(words.sum(early, self.ch(e, f, g)), self.big_sigma_1(e))
        new_a = words.add(words.sum(new_e, words.minus(self.maj(a, b, c), d)), self.big_sigma_0(a))
        return [new_a, a, b, c, new_e, e, f, g]
