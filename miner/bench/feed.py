"""Work without end, each nonce of each header once: a real header whose time runs on when its nonces are used up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import count
from typing import NamedTuple

from miner.header import NONCE_SPACE, BlockHeader
from miner.template import HeaderTemplate, Template
from miner.vectors import header_at
from miner.work import VERSION_ROLLING_MASK, WORD_SPACE, spread_bits

BENCH_HEIGHT = 125552  # a real block of 2011; at nearly any other time it is a header that nobody mined


class Chunk(NamedTuple):
    """A range of nonces of one template, or of several that differ in their version only."""

    templates: tuple[Template, ...]
    start: int
    size: int

    @property
    def hashes(self) -> int:
        """Nonces times templates."""
        return self.size * len(self.templates)


class Feed:
    """Gives chunk after chunk of `chunk_nonces` hashes to whatever threads ask for one.

    It begins with header number `first_header`, from 0 to 2^32 - 1; a number chosen by chance makes the hits of two
    benchmarks independent of each other. With several `midstates` a chunk has fewer nonces, so that it takes as long.
    """

    def __init__(self, chunk_nonces: int, *, first_header: int, midstates: int = 1) -> None:
        self._size = min(max(1, chunk_nonces // midstates), NONCE_SPACE)  # many GPUs ask for more than a header has
        self._per_header = NONCE_SPACE // self._size
        self._first = first_header
        self._midstates = midstates
        self._numbers: Iterator[int] = count()  # one step of it is one instruction of the interpreter: threads need no lock

    @property
    def chunk_hashes(self) -> int:
        """Hashes of a chunk: nonces times templates."""
        return self._size * self._midstates

    def next(self) -> Chunk:
        """Return the next chunk."""
        later, place = divmod(next(self._numbers), self._per_header)
        return Chunk(_templates(self._first + later, self._midstates), place * self._size, self._size)


def rolled(header: BlockHeader, numbers: Iterable[int]) -> tuple[HeaderTemplate, ...]:
    """Return `header` with its version rolled in as many ways as there are `numbers`; 0 is the version it has."""
    versions = (header.version ^ spread_bits(number, VERSION_ROLLING_MASK) for number in numbers)
    return tuple(HeaderTemplate(replace(header, version=version).to_bytes()) for version in versions)


@lru_cache(maxsize=4)
def _templates(number: int, midstates: int) -> tuple[HeaderTemplate, ...]:
    header = header_at(BENCH_HEIGHT)
    return rolled(replace(header, time_s=(header.time_s + number) % WORD_SPACE), range(midstates))
