"""The kernel on x86 SHA extensions: rounds in the SHA unit, message schedules in the vector units, at the same time.

A batch of 8 nonces passes through four stages: the schedule of its first block, that block's rounds, the schedule of the second
hash, its rounds. Where several midstates are tried, the first stage is the same for all of them, and the batch passes through
the others once for each. Rounds of one pass and a schedule of its neighbour depend on nothing of each other, so one step
of the loop emits for every pass, woven into each other, in two halves:

    first rounds of this pass             with  second schedule of the pass before
    second rounds of the pass before      with  first schedule of the batch to come, in the last pass of a batch

Stages hand their results on through a small scratch memory. Rounds take two schedule words (plus constants) an instruction,
schedules make eight nonces' words a vector, so what a schedule stores is interleaved pairwise on the way.

A message word enters A and E of its round by addition alone. So the one round before the first that depends on the nonce
is done once for all, with a word of zero, and the word is added to the state; 60 rounds are left of each block.

Source: Intel 64 and IA-32 Architectures Software Developer's Manual, SHA256RNDS2. Why 8 lanes and no ternary logic:
``docs/benchmarks/kernels.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

from llvmlite import ir

from miner.backends.llvm_batch import I32, I64, Batch, any_of, bits_met, either, unmoved
from miner.backends.llvm_tape import Later, Tape, Word
from miner.backends.llvm_words import LlvmWords, llvm_function
from miner.backends.sha256_text import INITIAL, K, Sha256

LANES: Final = 8
STAGES: Final = 2  # steps between the first that touches a batch and the one that has its result
CHAINS: Final = 4  # nonces whose rounds take turns: the latency of the instruction
MOST_MIDSTATES: Final = 4
PAIRS: Final = 30  # of rounds after the entering word
WORD_BYTES: Final = 4
PAIR, QUAD, VECTOR = ir.VectorType(I32, 2), ir.VectorType(I32, 4), ir.VectorType(I32, LANES)

BLOCK_BYTES: Final = (1 + PAIRS) * LANES * 2 * WORD_BYTES  # the entering word and the pairs of one schedule
DIGEST_BYTES: Final = 8 * LANES * WORD_BYTES
QUAD_BYTES: Final = 4 * WORD_BYTES
STATES_BYTES: Final = MOST_MIDSTATES * 4 * QUAD_BYTES
FIRST_AT, SECOND_AT, DIGEST_AT, STATES_AT = 0, BLOCK_BYTES, 2 * BLOCK_BYTES, 2 * BLOCK_BYTES + DIGEST_BYTES
KEPT_AT: Final = STATES_AT + STATES_BYTES
SCRATCH_BYTES: Final = KEPT_AT + 8

Given = tuple[int, ir.Value, ir.Value]  # a nonce's lane, ABEF and CDGH
_UNDEFINED: Final = ir.Constant(I32, ir.Undefined)


class Block(NamedTuple):
    """One of the two blocks, ready for its rounds: which of its words enters alone, and where its schedule lies.

    `before` holds the words before the entering one; `shared` the pairs of schedule words that are the same for all nonces.
    """

    at: int
    before: list[ir.Value]
    shared: dict[int, tuple[ir.Value, ir.Value]]


def emit_met(builder: ir.IRBuilder, batch: Batch) -> ir.Value:
    """Emit one step; return the bits of the hashes of `batch` that may meet the target.

    The batch after it gets its first rounds on the way and the one after that its first schedule: the result is right once
    STAGES steps have gone before. The scratch holds SCRATCH_BYTES, aligned to a vector.
    """
    step, passes = _Step(builder, batch.scratch), len(batch.midstates)
    const = step.words.const
    ahead = Tape(step.words)
    to_come = partial(step.words.nonces, by_word=batch.by_word)
    nonces = ahead.put(lambda: to_come(builder.add(unmoved(builder, batch.first), const(STAGES * LANES))))
    padding = [const(0x80000000), *[const(0)] * 10, const(80 * 8)]
    first = step.schedule(ahead, FIRST_AT, [*batch.tail, nonces, *padding])
    step.keep_states(first, batch.midstates)

    def one_pass(number: ir.Value) -> ir.Value:
        behind = Tape(step.words)
        padding = [const(0x80000000), *[const(0)] * 6, const(32 * 8)]
        second = step.schedule(behind, SECOND_AT, [*step.load_digest(behind), *padding])
        _weave(step.digests(first, number), behind)
        if passes == 1:
            tops = step.tops(second, ahead)
        else:
            is_last = builder.icmp_unsigned("==", number, const(passes - 1))
            tops = either(builder, is_last, lambda: step.tops(second, ahead), lambda: step.tops(second, Tape(step.words)))
        return bits_met(builder, batch, tops, number)

    return step.in_order(any_of(builder, passes, one_pass), passes)


def _weave(rounds: Iterator[Given | None], tape: Tape) -> list[Given]:
    """Emit the rounds and, evenly between them, the entries of the tape; return what the rounds gave."""
    given: list[Given] = []
    emitted = 0
    for number, result in enumerate(rounds, 1):
        if result is not None:
            given.append(result)
        due = min(len(tape.entries), len(tape.entries) * number // (PAIRS * LANES))
        for entry in tape.entries[emitted:due]:
            entry.emit()
        emitted = max(emitted, due)
    for entry in tape.entries[emitted:]:
        entry.emit()
    return given


class _PairwiseWords(LlvmWords):
    """Words whose exclusive or of three stays two instructions: ternary logic would hold up the SHA unit."""

    def xor(self, *terms: ir.Value) -> ir.Value:
        result, *rest = terms
        for number, term in enumerate(rest):
            result = super().xor(self.fenced(result) if number else result, term)
        return result


class _Step:
    """Emits the stages of one step."""

    def __init__(self, builder: ir.IRBuilder, scratch: ir.Value) -> None:
        self._b = builder
        self._scratch = scratch
        self.words = _PairwiseWords(builder, LANES)

    def schedule(self, tape: Tape, at: int, message: Sequence[Word]) -> Block:
        """Put on the tape the schedule of `message` and its stores; the first word that depends on the nonce enters alone."""
        sha = Sha256(tape)
        entering = next(number for number, word in enumerate(message) if isinstance(word, Later))
        self._store_pair(tape, at, self.words.const(0), message[entering])
        w, shared = list(message), {}
        for pair in range(PAIRS):
            t = entering + 1 + 2 * pair
            while len(w) < t + 2:
                w.append(sha.next_word(w))
            both = [tape.add(w[t + k], self.words.const(K[t + k])) for k in range(2)]
            if any(isinstance(word, Later) for word in both):
                self._store_pair(tape, at + (1 + pair) * LANES * 2 * WORD_BYTES, *both)
            else:
                shared[pair] = (both[0], both[1])
        return Block(at, [word for word in message[:entering] if not isinstance(word, Later)], shared)

    def keep_states(self, block: Block, midstates: Sequence[Sequence[ir.Value]]) -> None:
        """Emit what `digests` will load: each midstate, and what the entering word is added to."""
        for number, midstate in enumerate(midstates):
            for place, words in enumerate((midstate, self._entered(block, midstate))):
                for half, quad in enumerate(self._packed(words)):
                    self._b.store(quad, self._state(self.words.const(number), 2 * place + half), align=QUAD_BYTES)

    def digests(self, block: Block, number: ir.Value) -> Iterator[None]:
        """Emit the rounds of a first block from a midstate and store its digests; give way after each SHA instruction."""
        quads = [self._b.load(self._state(number, place), align=QUAD_BYTES) for place in range(4)]
        for rounds in self._rounds(block, (quads[2], quads[3])):
            if rounds is not None:
                lane, abef, cdgh = rounds
                column = lane % 4 * LANES * WORD_BYTES + lane // 4 * 4 * WORD_BYTES
                self._store(self._b.add(abef, quads[0]), DIGEST_AT + column)
                self._store(self._b.add(cdgh, quads[1]), DIGEST_AT + DIGEST_BYTES // 2 + column)
            yield None

    def tops(self, block: Block, tape: Tape) -> ir.Value:
        """Emit the rounds of a second block, woven into a tape; return E after round 60 of each nonce as the top word."""
        initial = [self.words.const(value) for value in INITIAL]
        vector: ir.Value = ir.Constant(VECTOR, ir.Undefined)
        for lane, abef, _ in _weave(self._rounds(block, self._packed(self._entered(block, initial))), tape):
            after_60 = self._b.extract_element(abef, self.words.const(1))  # which is H after the last round
            vector = self._b.insert_element(vector, after_60, self.words.const(lane))
        return self.words.swapped(self._b.add(vector, self.words.spread(self.words.const(INITIAL[7]))))

    def in_order(self, bits: ir.Value, passes: int) -> ir.Value:
        """Return the bits of a batch: those of its last midstate come first among `bits`, the others were kept a step ago."""
        if passes == 1:
            return bits
        kept = self._b.bitcast(self._b.gep(self._scratch, [ir.Constant(I64, KEPT_AT)], inbounds=True), I64.as_pointer())
        last = self._b.and_(bits, ir.Constant(I64, (1 << LANES) - 1))
        result = self._b.or_(self._b.load(kept), self._b.shl(last, ir.Constant(I64, (passes - 1) * LANES)))
        self._b.store(self._b.lshr(bits, ir.Constant(I64, LANES)), kept)
        return result

    def load_digest(self, tape: Tape) -> list[Word]:
        """Put on the tape what turns the stored digests (F E B A, H G D C by nonce) into 8 words, each a vector by nonce."""
        words: list[Word] = []
        for half in range(2):
            at = DIGEST_AT + half * DIGEST_BYTES // 2
            rows = [tape.put(lambda at=at, row=row: self._load(at + row * LANES * WORD_BYTES, VECTOR)) for row in range(4)]
            low = [self._shuffled(tape, rows[row], rows[row + 1], (0, 4, 1, 5)) for row in (0, 2)]
            high = [self._shuffled(tape, rows[row], rows[row + 1], (2, 6, 3, 7)) for row in (0, 2)]
            for two in (low, high):
                words += [self._shuffled(tape, two[0], two[1], places) for places in ((0, 1, 4, 5), (2, 3, 6, 7))]
        f, e, b, a, h, g, d, c = words
        return [a, b, c, d, e, f, g, h]

    def _rounds(self, block: Block, entered: tuple[ir.Value, ir.Value]) -> Iterator[Given | None]:
        """Emit 60 rounds for 8 nonces, four by turns; give (lane, ABEF, CDGH) with the last instruction of each."""
        high, low = entered
        shared = {pair: self._quad([*words, _UNDEFINED, _UNDEFINED]) for pair, words in block.shared.items()}
        for first in range(0, LANES, CHAINS):
            states = [(self._b.add(high, self._entering(block.at, first + chain)), low) for chain in range(CHAINS)]
            for pair in range(PAIRS):
                for chain, (abef, cdgh) in enumerate(states):
                    fed = shared[pair] if pair in shared else self._fed(block.at, pair, first + chain)
                    states[chain] = (self._rnds2(cdgh, abef, fed), abef)
                    yield (first + chain, *states[chain]) if pair == PAIRS - 1 else None

    def _entered(self, block: Block, state: Sequence[ir.Value]) -> list[ir.Value]:
        """Return `state` after the rounds up to the entering word's, done with a zero in its place."""
        sha, after = Sha256(self.words), list(state)
        for k, word in zip(K, [*block.before, self.words.const(0)], strict=False):
            after = sha.round(after, k, word)
        return after

    def _entering(self, at: int, lane: int) -> ir.Value:
        """Load a nonce's entering word as F E B A = 0, word, 0, word."""
        pair = self._load(at + self._place(lane), I64)
        both = ir.Constant(ir.VectorType(I64, 2), ir.Undefined)
        for place in range(2):
            both = self._b.insert_element(both, pair, ir.Constant(I32, place))
        return self._b.bitcast(both, QUAD)

    def _fed(self, at: int, pair: int, lane: int) -> ir.Value:
        """Load two schedule words of one nonce into the low half of a vector."""
        two = self._load(at + (1 + pair) * LANES * 2 * WORD_BYTES + self._place(lane), PAIR)
        places = ir.Constant(QUAD, [ir.Constant(I32, place) for place in range(4)])
        return self._b.shuffle_vector(two, ir.Constant(PAIR, ir.Undefined), places)

    def _place(self, lane: int) -> int:
        """Return where interleaving puts the pair of a lane, in bytes."""
        half, column = lane % 4 // 2, lane // 4
        return (half * LANES + column * 4 + lane % 2 * 2) * WORD_BYTES

    def _store_pair(self, tape: Tape, at: int, x: Word, y: Word) -> None:
        """Put on the tape: interleave two words, so that the two of one nonce lie side by side, and store them."""
        x, y = (word if isinstance(word, Later) else self.words.spread(word) for word in (x, y))
        for half, places in enumerate(((0, 4, 1, 5), (2, 6, 3, 7))):
            mixed = self._shuffled(tape, x, y, places)
            tape.put(lambda value, half=half: self._store(value, at + half * LANES * WORD_BYTES), mixed)

    def _shuffled(self, tape: Tape, x: Word, y: Word, places: Sequence[int]) -> Later:
        """Put on the tape a shuffle that does the same in each quarter: places 0 to 3 are of `x`, 4 to 7 of `y`."""
        spots = [(LANES if place > 3 else 0) + place % 4 + quarter for quarter in range(0, LANES, 4) for place in places]
        mask = ir.Constant(VECTOR, [ir.Constant(I32, spot) for spot in spots])
        return tape.put(lambda left, right: self._b.shuffle_vector(left, right, mask), x, y)

    def _packed(self, state: Sequence[ir.Value]) -> tuple[ir.Value, ir.Value]:
        a, b, c, d, e, f, g, h = state
        return self._quad([f, e, b, a]), self._quad([h, g, d, c])

    def _quad(self, words: Sequence[ir.Value]) -> ir.Value:
        result = ir.Constant(QUAD, ir.Undefined)
        for place, word in enumerate(words):
            result = self._b.insert_element(result, word, ir.Constant(I32, place))
        return result

    def _rnds2(self, cdgh: ir.Value, abef: ir.Value, fed: ir.Value) -> ir.Value:
        function = llvm_function(self._b.module, ir.FunctionType(QUAD, [QUAD] * 3), "llvm.x86.sha256rnds2")
        return self._b.call(function, [cdgh, abef, fed])

    def _load(self, at: int, kind: ir.Type) -> ir.Value:
        return self._b.load(self._pointer(at, kind), align=8 if kind in (I64, PAIR) else LANES * WORD_BYTES)

    def _store(self, value: ir.Value, at: int) -> ir.Value:
        size = value.type.count * WORD_BYTES
        return self._b.store(value, self._pointer(at, value.type), align=size)

    def _state(self, number: ir.Value, place: int) -> ir.Value:
        """Return where one of the four quads of a midstate lies."""
        at = self._b.add(
            self._b.mul(number, self.words.const(4 * QUAD_BYTES)), self.words.const(STATES_AT + place * QUAD_BYTES)
        )
        return self._b.bitcast(self._b.gep(self._scratch, [self._b.zext(at, I64)], inbounds=True), QUAD.as_pointer())

    def _pointer(self, at: int, kind: ir.Type) -> ir.Value:
        return self._b.bitcast(self._b.gep(self._scratch, [ir.Constant(I64, at)], inbounds=True), kind.as_pointer())
