"""What a GPU kernel computes: E after round 60 of the second hash, for one nonce and one midstate or several.

E after round 60 is H after round 63, so the top word of the hash is that plus the last word of the initial value; rounds
61 to 63 feed nothing else. Several midstates belong to headers that differ in their first 64 bytes only, as those of
version rolling do (BIP 320): the message schedule of their second block is made once for all. Rounds of the midstates take
turns, so that a word of the schedule is used up where it is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeVar

from miner.backends.gpu_trace import WHOLE, Kind, Node, Trace, replay
from miner.backends.sha256_text import INITIAL, MASK, Sha256, Words

W = TypeVar("W")

STATE_WORDS: Final = 8
TAIL_WORDS: Final = 3
TOP_OF_INITIAL: Final = INITIAL[7]
TOP_IS_ZERO: Final = -TOP_OF_INITIAL & MASK  # E after round 60 of a hash whose top word is 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The operations of a kernel, or of a part of one, pruned.

    `job` is what the host computes once, `passed` the part of it that the kernel is given, `each` what the kernel computes
    for every nonce; `results` holds one word a midstate, or what the part hands on.
    """

    job: tuple[Node, ...]
    passed: tuple[Node, ...]
    each: tuple[Node, ...]
    results: tuple[Node, ...]

    def uniforms(self, midstates: Sequence[Sequence[int]], tail: Sequence[int]) -> tuple[int, ...]:
        """Return the words that the kernel is given: of 8-word midstates and the 3 words after them."""
        inputs = [word for state in midstates for word in state] + list(tail)
        values = {node.number: inputs[node.value] for node in self.job if node.operation == "uniform"}
        replay(self.job, WHOLE, values)
        return tuple(values[node.number] for node in self.passed)

    def run(self, words: Words[W], uniforms: Sequence[W], nonce: W, handed: Sequence[W] = ()) -> Iterator[W]:
        """Do what the kernel does, over `words`, and give each result once it is there.

        `nonce` is the word of the message, `handed` what an earlier part handed on.
        """
        values = {node.number: word for node, word in zip(self.passed, uniforms, strict=True)}
        values |= {node.number: nonce for node in self.each if node.operation == "nonce"}
        values |= {node.number: handed[node.value] for node in self.each if node.operation == "handed"}
        ends = {node.number for node in self.results}
        for node in self.each:
            replay([node], words, values)
            if node.number in ends:
                yield values[node.number]


@cache
def program(midstates: int) -> Program:
    """Return the program for so many midstates."""
    trace = Trace()
    places = range(STATE_WORDS * midstates + TAIL_WORDS)
    inputs = [trace.uniform(place) for place in places]
    states = [inputs[at : at + STATE_WORDS] for at in range(0, STATE_WORDS * midstates, STATE_WORDS)]
    return pruned(trace, _header_tops(trace, states, inputs[-TAIL_WORDS:]))


def pruned(trace: Trace, results: Sequence[Node]) -> Program:
    """Return what `results` need of a trace, parted into the host's and the kernel's."""
    live = trace.live(results)
    each = [node for node in live if node.kind == Kind.NONCE or node.operation == "const"]
    used = {number for node in each for number in node.operands}
    passed = [node for node in live if node.kind == Kind.UNIFORM and node.number in used]
    job = trace.live(passed)
    return Program(job=tuple(job), passed=tuple(passed), each=tuple(each), results=tuple(results))


def _header_tops(trace: Trace, states: Sequence[Sequence[Node]], tail: Sequence[Node]) -> list[Node]:
    """Write down the double hash of a header for each midstate; return what H adds to the last word of the initial value.

    First hashes take turns round by round, second ones come after each other: that needs the fewest words at a time.
    """
    const, sha = trace.const, Sha256(trace)
    padding = [const(0x80000000), *[const(0)] * 10, const(80 * 8)]
    digests = sha.compress(states, [*tail, trace.nonce(), *padding])
    padding = [const(0x80000000), *[const(0)] * 6, const(32 * 8)]
    initial = [const(value) for value in INITIAL]
    return [sha.rounds([initial], [*digest, *padding])[0][7] for digest in digests]
