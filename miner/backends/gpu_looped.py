"""What a looped GPU kernel computes: the schedule that midstates share, once a nonce, then one midstate after the other.

As one piece of straight code, the hashes of four midstates are larger than an SM's instruction cache. Here all midstates run
through the same code in a loop, with words of their own. Of the schedule, each word with the constant of its round is handed
from the first part to the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Final, NamedTuple

from miner.backends.gpu_program import STATE_WORDS, TAIL_WORDS, Program, pruned
from miner.backends.gpu_trace import Kind, Node, Trace
from miner.backends.sha256_text import BLOCK_WORDS, INITIAL, ROUNDS, K, Sha256

_FIRST_HANDED: Final = BLOCK_WORDS  # words before are the block's own: what the host knows, and the nonce itself


class Looped(NamedTuple):
    """The `schedule`, whose results are handed on, and the hash of `one` midstate."""

    schedule: Program
    one: Program

    def uniforms(self, midstates: Sequence[Sequence[int]], tail: Sequence[int]) -> tuple[int, ...]:
        """Return the words that the kernel is given: those of the schedule, then each midstate's own."""
        own = [self.one.uniforms([state], tail) for state in midstates]
        return (*self.schedule.uniforms([], tail), *chain.from_iterable(own))


@cache
def looped() -> Looped:
    """Return both parts, which are the same for any number of midstates."""
    trace = Trace()
    words = _summed_words(trace, [trace.uniform(place) for place in range(TAIL_WORDS)])
    schedule = pruned(trace, [word for word in words[_FIRST_HANDED:] if word.kind == Kind.NONCE])
    return Looped(schedule, _hash_of_one())


def _hash_of_one() -> Program:
    """Write down the double hash of one midstate; words of its schedule are handed over where they depend on the nonce."""
    trace = Trace()
    inputs = [trace.uniform(place) for place in range(STATE_WORDS + TAIL_WORDS)]
    state, tail = inputs[:STATE_WORDS], inputs[STATE_WORDS:]
    sha, words, place = Sha256(trace), _summed_words(trace, tail), 0
    for at in range(_FIRST_HANDED, ROUNDS):
        if words[at].kind == Kind.NONCE:
            words[at] = trace.handed(place)
            place += 1
    after = state
    for word in words:
        after = sha.round(after, 0, word)
    digest = [trace.add(*pair) for pair in zip(state, after, strict=True)]
    initial = [trace.const(value) for value in INITIAL]
    return pruned(trace, [sha.rounds([initial], sha.digest_block(digest))[0][7]])


def _summed_words(trace: Trace, tail: Sequence[Node]) -> list[Node]:
    """Return the schedule of a header's end, each word with the constant of its round."""
    sha = Sha256(trace)
    words = sha.header_end(tail, trace.nonce())
    while len(words) < ROUNDS:
        words.append(sha.next_word(words))
    return [trace.add(word, trace.const(k)) for word, k in zip(words, K, strict=True)]
