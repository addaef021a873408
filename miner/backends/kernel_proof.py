"""The proof that a CPU kernel gives before it is used: it names exactly the nonces that hashlib names, and in their order.

Each kernel is a program of its own: that the one for four midstates is right says nothing of the one for two. So the proof
belongs to the machine code, and nobody who calls it can go around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np

from miner.backends.genesis import GENESIS_NONCE
from miner.backends.kernel import Kernel
from miner.backends.known_answers import (
    BY_NONCE,
    BY_WORD,
    EVERYTHING,
    GENESIS_TAIL,
    OTHER_TAIL,
    VERSIONS,
    Answer,
    answer_of,
    version_words,
)
from miner.backends.loop_calls import BUFFER, Asked, candidates
from miner.backends.object_code import Loop
from miner.backends.sha256_text import midstate
from miner.errors import BackendSelfTestError
from miner.header import NONCE_SPACE, message_word

BESIDE: Final = 40  # nonces that follow that of block 0: some batches
ANYWHERE: Final = 12_345
OVERFLOWING: Final = BUFFER + 333  # nonces, all of them found: more than a call can hold
NOTHING: Final = answer_of(np.array([], dtype=np.int64))


def prove(kernel: Kernel, loop: Loop) -> None:
    """Ask `loop` for what is known; raise BackendSelfTestError if it is not the loop that `kernel` says."""
    for place in range(kernel.midstates):
        _prove_block_0(kernel, loop, place)
    for turn, case in enumerate(BY_WORD if kernel.by_word else BY_NONCE):
        versions = _versions(kernel, turn)
        asked = Asked(_words(versions, case.tail), case.start, case.start + case.size, case.limit)
        _compare(kernel, loop, asked, [case.answers[version] for version in versions])
    everything = Asked(_words(_versions(kernel, 0), OTHER_TAIL), ANYWHERE, ANYWHERE + OVERFLOWING, EVERYTHING)
    _compare(kernel, loop, everything, [answer_of(np.arange(everything.start, everything.stop))] * kernel.midstates)


def _prove_block_0(kernel: Kernel, loop: Loop, place: int) -> None:
    """Have block 0 found by the midstate at `place`, in every lane, as the last nonce of all, and not found where it is not."""
    own = message_word(GENESIS_NONCE) if kernel.by_word else GENESIS_NONCE
    words = _words(_versions(kernel, place), GENESIS_TAIL)
    ranges = [(own - lane, own + BESIDE) for lane in range(kernel.lanes)]
    for start, stop in (*ranges, (own - BESIDE, own + 1), (own - BESIDE, own), (own + 1, own + BESIDE)):
        wanted = [NOTHING] * kernel.midstates
        if start <= own < stop:
            wanted[place] = answer_of(np.array([own]))
        _compare(kernel, loop, Asked(words, start, stop, 0), wanted)


def _versions(kernel: Kernel, turn: int) -> list[int]:
    """Return whose midstate stands in each place: version 1 (called 0) in that of number `turn`, and the others around it."""
    return [(place - turn) % kernel.midstates % VERSIONS for place in range(kernel.midstates)]


def _words(versions: Sequence[int], tail: Sequence[int]) -> list[int]:
    return [*(word for version in versions for word in _midstate(version)), *tail]


@cache
def _midstate(version: int) -> tuple[int, ...]:
    return midstate(version_words(version))


def _compare(kernel: Kernel, loop: Loop, asked: Asked, wanted: Sequence[Answer]) -> None:
    """Hold what is found of each midstate against what is `wanted`."""
    together = np.concatenate([some.copy() for some in candidates(loop, asked)])
    places, nonces = together // NONCE_SPACE, together % NONCE_SPACE
    found = [answer_of(nonces[places == place]) for place in range(kernel.midstates)]
    if found != list(wanted) or sum(answer.number for answer in found) != len(together):
        raise BackendSelfTestError(
            f"{kernel}, asked for nonces {asked.start} to {asked.stop} up to {asked.limit:#x}, gave {len(together)} of them: "
            f"{_told(found)}; hashlib gives {_told(wanted)}; it is refused"
        )


def _told(answers: Sequence[Answer]) -> str:
    return " and ".join(f"{number} ({digest})" for number, digest in answers)
