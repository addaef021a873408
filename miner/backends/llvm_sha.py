"""The kernel on x86 SHA extensions alone: two rounds an instruction, some nonces side by side to hide its latency.

For processors without AVX-512: there, the woven kernel would mix the extensions with wide vectors, which costs such a processor
hundreds of cycles each time. State and schedule are laid out as the instructions want them: ABEF and CDGH, four words of the
schedule to a vector. What feeds only the rounds after the 61st is never emitted: E after round 60 is all that the screen needs.
Source: Intel 64 and IA-32 Architectures Software Developer's Manual, SHA256RNDS2, SHA256MSG1, SHA256MSG2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from llvmlite import ir

from miner.backends.llvm_batch import I32, I64, Batch, bits_met
from miner.backends.llvm_words import LlvmWords, llvm_function
from miner.backends.sha256_text import INITIAL, ROUNDS, K

CHAINS: Final = 2  # nonces side by side
LAST_ROUND: Final = 60  # E after this round is H after the last one
QUADS: Final = ROUNDS // 4
QUAD: Final = ir.VectorType(I32, 4)

_Pair = tuple[ir.Value, ir.Value]


def emit_met(builder: ir.IRBuilder, batch: Batch) -> ir.Value:
    """Emit the hashes of a batch; return the bits of those that may meet the target."""
    sha, words = _Sha(builder), LlvmWords(builder, batch.lanes)
    const, lanes = words.const, range(batch.lanes)
    nonces = words.nonces(batch.first, by_word=batch.by_word)
    padding = [const(0x80000000), *[const(0)] * 10, const(80 * 8)]
    each = [builder.extract_element(nonces, const(lane)) for lane in lanes]
    first = [sha.schedule([*batch.tail, nonce, *padding]) for nonce in each]
    bits = ir.Constant(I64, 0)
    for number, state in enumerate(batch.midstates):
        digests = sha.compress(state, first)
        padding = [const(0x80000000), *[const(0)] * 6, const(32 * 8)]
        last = sha.last_words([const(value) for value in INITIAL], [[*digest, *padding] for digest in digests])
        tops = ir.Constant(ir.VectorType(I32, batch.lanes), ir.Undefined)
        for lane in lanes:
            tops = builder.insert_element(tops, last[lane], const(lane))
        bits = builder.or_(bits, bits_met(builder, batch, words.swapped(tops), const(number)))
    return bits


class _Sha:
    """Emits compressions of several independent blocks, quad of rounds by quad of rounds."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self._b = builder

    def schedule(self, block: list[ir.Value]) -> list[ir.Value]:
        """Return the first four quads of the schedule of a block; the rounds make the others when they are due."""
        return [self._quad(block[place : place + 4]) for place in range(0, 16, 4)]

    def compress(self, state: Sequence[ir.Value], schedules: list[list[ir.Value]]) -> list[list[ir.Value]]:
        """Return the state after each block, as 8 words A to H; the schedules are complete then."""
        abef, cdgh = self._pack(state)
        digests = []
        for last_abef, last_cdgh in self._rounds(abef, cdgh, schedules, QUADS):
            high, low = self._b.add(last_abef, abef), self._b.add(last_cdgh, cdgh)
            f, e, b, a = (self._word(high, place) for place in range(4))
            h, g, d, c = (self._word(low, place) for place in range(4))
            digests.append([a, b, c, d, e, f, g, h])
        return digests

    def last_words(self, state: Sequence[ir.Value], blocks: list[list[ir.Value]]) -> list[ir.Value]:
        """Return only the last word, H, of the state after each block."""
        abef, cdgh = self._pack(state)
        schedules = [self.schedule(block) for block in blocks]
        pairs = self._rounds(abef, cdgh, schedules, LAST_ROUND // 4)
        tops = []
        for (last_abef, last_cdgh), schedule in zip(pairs, schedules, strict=True):
            after = self._call("rnds2", last_cdgh, last_abef, self._with_constants(schedule, LAST_ROUND // 4))
            tops.append(self._b.add(self._word(after, 0), state[7]))  # F after round 61 is E after round 60
        return tops

    def _rounds(self, abef: ir.Value, cdgh: ir.Value, schedules: list[list[ir.Value]], quads: int) -> list[_Pair]:
        """Emit `quads` times four rounds for every schedule, side by side; the schedules grow as they are used."""
        pairs = [(abef, cdgh)] * len(schedules)
        for quad in range(quads):
            for chain, schedule in enumerate(schedules):
                high, low = pairs[chain]
                fed = self._with_constants(schedule, quad)
                low = self._call("rnds2", low, high, fed)
                high = self._call("rnds2", high, low, self._shuffle(fed, fed, (2, 3, 2, 3)))
                pairs[chain] = (high, low)
        return pairs

    def _with_constants(self, schedule: list[ir.Value], quad: int) -> ir.Value:
        if quad >= len(schedule):
            oldest, older, old, newest = schedule[-4:]
            due = self._b.add(self._call("msg1", oldest, older), self._shuffle(old, newest, (1, 2, 3, 4)))
            schedule.append(self._call("msg2", due, newest))
        return self._b.add(schedule[quad], ir.Constant(QUAD, [ir.Constant(I32, k) for k in K[4 * quad : 4 * quad + 4]]))

    def _pack(self, state: Sequence[ir.Value]) -> _Pair:
        a, b, c, d, e, f, g, h = state
        return self._quad([f, e, b, a]), self._quad([h, g, d, c])

    def _quad(self, words: list[ir.Value]) -> ir.Value:
        result = ir.Constant(QUAD, ir.Undefined)
        for place, word in enumerate(words):
            result = self._b.insert_element(result, word, ir.Constant(I32, place))
        return result

    def _word(self, quad: ir.Value, place: int) -> ir.Value:
        return self._b.extract_element(quad, ir.Constant(I32, place))

    def _shuffle(self, x: ir.Value, y: ir.Value, places: Sequence[int]) -> ir.Value:
        return self._b.shuffle_vector(x, y, ir.Constant(QUAD, [ir.Constant(I32, place) for place in places]))

    def _call(self, operation: str, *arguments: ir.Value) -> ir.Value:
        signature = ir.FunctionType(QUAD, [QUAD] * len(arguments))
        function = llvm_function(self._b.module, signature, f"llvm.x86.sha256{operation}")
        return self._b.call(function, list(arguments))
