"""What every CPU kernel is asked before it is used, and what hashlib found once: hashing anew would cost a start 0.1 s.

The headers differ from block 0 in their version, which is 1 to 4, and some of them in their last 16 bytes, which are then
those of block 125552. Each range is cut anywhere, so that batches do not fit; a test derives all of it again.
"""

from __future__ import annotations

from hashlib import sha256
from struct import unpack
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from miner.backends.genesis import GENESIS_HEADER
from miner.backends.sha256_text import BLOCK_WORDS
from miner.header import header_words

VERSIONS: Final = 4
EVERYTHING: Final = 0xFFFFFFFF  # a limit that every top word meets

GENESIS_TAIL: Final = header_words(GENESIS_HEADER)[16:19]
OTHER_TAIL: Final = unpack(">3I", bytes.fromhex("f1fc122bc7f5d74df2b9441a"))  # of block 125552


class Answer(NamedTuple):
    """How many nonces were found, and the first 16 hex digits of the SHA-256 of all of them, 4 bytes each, little-endian."""

    number: int
    digest: str


class Case(NamedTuple):
    """`size` nonces, or message words, from `start` on, and what is found of version 1, 2, 3 and 4.

    Found is whose hash's top word is at most `limit`.
    """

    start: int
    size: int
    limit: int
    tail: tuple[int, ...]
    answers: tuple[Answer, ...]


ACROSS: Final = ((1 << 31) - 501, 1003, 0x7FFFFFFF, OTHER_TAIL)  # signed numbers would change sign here, target 2^255 - 1
TO_THE_END: Final = ((1 << 32) - 777, 777, 0x3229B625, GENESIS_TAIL)  # the limit is the top word of the last, which it meets
LONG: Final = (0, 1 << 14, 0x00FFFFFF, OTHER_TAIL)  # one in 256 far behind the beginning

BY_NONCE: Final = (
    Case(
        *ACROSS,
        (
            Answer(489, "144d01b9d40e7042"),
            Answer(516, "602d1911a431685e"),
            Answer(502, "c4c6033a17b05d37"),
            Answer(511, "08639ccf861ccb0f"),
        ),
    ),
    Case(
        *TO_THE_END,
        (
            Answer(154, "15daa44cacdcd98a"),
            Answer(162, "933f519adf7db481"),
            Answer(175, "e91c14b5dcc6fa38"),
            Answer(165, "5d58a0a54face3cd"),
        ),
    ),
    Case(
        *LONG,
        (
            Answer(59, "5b88c4458cd76ea6"),
            Answer(68, "321f1898641091d0"),
            Answer(74, "8e70e8c9d49fb878"),
            Answer(67, "6bc3ce3f562ea305"),
        ),
    ),
)
BY_WORD: Final = (
    Case(
        *ACROSS,
        (
            Answer(474, "cb1a1f42e76927c2"),
            Answer(512, "1e6707053f23d7d0"),
            Answer(482, "b6237790eac66b60"),
            Answer(512, "9c68a3029e31d6a9"),
        ),
    ),
    Case(
        *TO_THE_END,
        (
            Answer(149, "87fc910e8a78fa78"),
            Answer(146, "22d48855ca1aaef5"),
            Answer(173, "ce2d52dbf30bad91"),
            Answer(167, "e1ef44a524e3e6ab"),
        ),
    ),
    Case(
        *LONG,
        (
            Answer(73, "c03bf13e94a3e55f"),
            Answer(52, "89a300acc44d993b"),
            Answer(52, "e38a675645f7bbf1"),
            Answer(67, "f1a88ecf70efca10"),
        ),
    ),
)


def version_words(version: int) -> tuple[int, ...]:
    """Return the first 16 words of block 0's header as if it were of `version`, 0 to 3 for 1 to 4."""
    return header_words(bytes([1 + version]) + GENESIS_HEADER[1:])[:BLOCK_WORDS]


def answer_of(nonces: NDArray[np.int64]) -> Answer:
    """Return what a list of nonces (int64[n]) comes to."""
    return Answer(len(nonces), sha256(nonces.astype("<u4").tobytes()).hexdigest()[:16])
