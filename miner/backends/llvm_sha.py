"""The kernel on x86 SHA extensions: two rounds an instruction, some nonces side by side to hide its latency.

State and schedule are laid out as the instructions want them: ABEF and CDGH, four words of the schedule to a
vector. Two rounds at the end and the words that feed only them are never emitted: E after round 60 is all that the
screen needs. Source: Intel 64 and IA-32 Architectures Software Developer's Manual, SHA256RNDS2, SHA256MSG1, SHA256MSG2.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from miner.backends.llvm_vector import I32, LlvmWords, llvm_function
from miner.backends.sha256_text import INITIAL, ROUNDS, K

QUAD = ir.VectorType(I32, 4)
LAST_ROUND = 60  # E after this round is H after the last one
QUADS = ROUNDS // 4

_Pair = tuple[ir.Value, ir.Value]


def emit_tops(builder: ir.IRBuilder, chains: int, state: list[ir.Value], tail: list[ir.Value], first: ir.Value) -> ir.Value:
    """Emit the hashes of `chains` nonces from `first` on; return each one's top word, a vector of `chains`."""
    sha = _Sha(builder)
    words = LlvmWords(builder, chains)
    nonces = [words.swapped(builder.add(first, ir.Constant(I32, chain))) for chain in range(chains)]
    const = words.const
    padding = [const(0x80000000), *[const(0)] * 10, const(80 * 8)]
    digests = sha.compress(state, [[*tail, nonce, *padding] for nonce in nonces])
    padding = [const(0x80000000), *[const(0)] * 6, const(32 * 8)]
    tops = sha.last_word([const(value) for value in INITIAL], [[*digest, *padding] for digest in digests])
    result = ir.Constant(ir.VectorType(I32, chains), ir.Undefined)
    for chain, top in enumerate(tops):
        result = builder.insert_element(result, words.swapped(top), ir.Constant(I32, chain))
    return result


class _Sha:
    """Emits compressions of several independent blocks, quad of rounds by quad of rounds."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self._b = builder

    def compress(self, state: Sequence[ir.Value], blocks: list[list[ir.Value]]) -> list[list[ir.Value]]:
        """Return the state after each block, as 8 words A to H."""
        abef, cdgh = self._pack(state)
        pairs = self._rounds(abef, cdgh, [self._schedule(block) for block in blocks], QUADS)
        digests = []
        for last_abef, last_cdgh in pairs:
            high, low = self._b.add(last_abef, abef), self._b.add(last_cdgh, cdgh)
            f, e, b, a = (self._word(high, place) for place in range(4))
            h, g, d, c = (self._word(low, place) for place in range(4))
            digests.append([a, b, c, d, e, f, g, h])
        return digests

    def last_word(self, state: Sequence[ir.Value], blocks: list[list[ir.Value]]) -> list[ir.Value]:
        """Return only the last word, H, of the state after each block."""
        abef, cdgh = self._pack(state)
        schedules = [self._schedule(block) for block in blocks]
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

    def _schedule(self, block: list[ir.Value]) -> list[ir.Value]:
        """Return the first four quads of the schedule; `_with_constants` makes the others when they are due."""
        return [self._quad(block[place : place + 4]) for place in range(0, 16, 4)]

    def _with_constants(self, schedule: list[ir.Value], quad: int) -> ir.Value:
        if quad >= len(schedule):
            oldest, older, old, newest = schedule[-4:]
            due = self._b.add(self._call("msg1", oldest, older), self._shuffle(old, newest, (1, 2, 3, 4)))
            schedule.append(self._call("msg2", due, newest))
        return self._b.add(schedule[quad], ir.Constant(QUAD, [ir.Constant(I32, k) for k in K[4 * quad : 4 * quad + 4]]))

    def _pack(self, state: Sequence[ir.Value]) -> tuple[ir.Value, ir.Value]:
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
