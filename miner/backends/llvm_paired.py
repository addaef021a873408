"""The vector kernel for AVX-512: the first hash of a batch beside the second hash of the batch before, a nonce in every lane.

A Zen 5 begins four operations on 512 bits a cycle and has the result of each two cycles later: one hash by itself waits for its
own results a third of the time. Two that do not wait for each other fill the gaps, and these two are no more instructions than
one batch takes, which fit the processor's first cache. The compiler would rather do many rounds of one and then many of the
other, and so far ahead no processor looks: every few rounds both have to be there before it goes on.
docs/benchmarks/kernels.md has the trials.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from llvmlite import ir

from miner.backends.kernel import AVX512_LANES
from miner.backends.llvm_batch import I32, Batch, bits_met
from miner.backends.llvm_words import LlvmWords, llvm_function
from miner.backends.sha256_text import INITIAL, ROUNDS, K, Sha256

STAGES: Final = 1  # batches that are begun before the first whose bits come
MEET_ROUNDS: Final = 8
VECTOR_BYTES: Final = 64
DIGEST_WORDS: Final = 8
_VECTOR: Final = ir.VectorType(I32, AVX512_LANES)
_MAJORITY: Final = 0xE8  # of vpternlogd: bit i says what becomes of three bits that are i together
_A, _E = 0, 4  # of a state: what a round makes anew


def emit_met(builder: ir.IRBuilder, batch: Batch) -> ir.Value:
    """Emit the second hashes of a batch and the first of the next; return the bits of the batch that may meet the target."""
    [midstate] = batch.midstates
    words = _TernaryWords(builder, AVX512_LANES)
    sha = _TernarySha(words)
    places = _places(builder, batch.scratch)
    begun = [builder.load(place, align=VECTOR_BYTES) for place in places]
    following = builder.add(batch.first, words.const(AVX512_LANES))
    blocks = [
        sha.header_end(batch.tail, words.nonces(following, by_word=batch.by_word)),
        sha.digest_block(begun),
    ]
    initial = [words.const(value) for value in INITIAL]
    first, second = sha.rounds_beside([midstate, initial], blocks)
    for place, *sum_of_two in zip(places, midstate, first, strict=True):
        builder.store(words.wide(words.add(*sum_of_two)), place, align=VECTOR_BYTES)
    return bits_met(builder, batch, words.swapped(words.add(initial[-1], second[-1])), words.const(0))


class _TernaryWords(LlvmWords):
    """Words on AVX-512."""

    def majority(self, *three: ir.Value) -> ir.Value:
        """Return the bits that are set in two of three, in one instruction, for which compilers take two."""
        ternary = llvm_function(
            self._builder.module, ir.FunctionType(_VECTOR, [_VECTOR] * 3 + [I32]), "llvm.x86.avx512.pternlog.d.512"
        )
        return self._builder.call(ternary, [*map(self.wide, three), self.const(_MAJORITY)])

    def meet(self, vectors: Sequence[ir.Value]) -> list[ir.Value]:
        """Return `vectors`, such that all instructions before come before all that use them; this itself is none."""
        kinds = [_VECTOR] * len(vectors)
        places = ",".join([*["=v"] * len(vectors), *map(str, range(len(vectors)))])
        together = self._builder.asm(ir.FunctionType(ir.LiteralStructType(kinds), kinds), "", places, vectors, side_effect=True)
        return [self._builder.extract_value(together, place) for place in range(len(vectors))]


class _TernarySha(Sha256[ir.Value]):
    """The text of SHA-256, with both hashes of a header by turns."""

    def __init__(self, words: _TernaryWords) -> None:
        super().__init__(words)
        self._words = words

    def maj(self, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
        """Maj(x, y, z)."""
        if any(self._words.is_vector(word) for word in (x, y, z)):
            return self._words.majority(x, y, z)
        return super().maj(x, y, z)

    def rounds_beside(self, states: Sequence[Sequence[ir.Value]], blocks: Sequence[list[ir.Value]]) -> list[list[ir.Value]]:
        """6.2.2, steps 1 to 3, for several states with a block each, a round of each by turns."""
        after, schedules = [list(state) for state in states], [list(block) for block in blocks]
        for t in range(ROUNDS):
            for number, w in enumerate(schedules):
                if t >= len(w):
                    w.append(self.next_word(w))
                after[number] = self.round(after[number], K[t], w[t])
            if t % MEET_ROUNDS == 0:
                self._meet(after)
        return after

    def _meet(self, states: list[list[ir.Value]]) -> None:
        made = [(state, place) for state in states for place in (_A, _E) if self._words.is_vector(state[place])]
        for (state, place), word in zip(made, self._words.meet([state[place] for state, place in made]), strict=True):
            state[place] = word


def _places(builder: ir.IRBuilder, scratch: ir.Value) -> list[ir.Value]:
    """Return where the words of a batch's digests wait for the next step."""
    kept = builder.bitcast(scratch, _VECTOR.as_pointer())
    return [builder.gep(kept, [ir.Constant(I32, place)], inbounds=True) for place in range(DIGEST_WORDS)]
