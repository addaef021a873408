"""Work without end, each nonce of each header once: a real header whose time runs on when its nonces are used up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import count
from typing import NamedTuple

from miner.header import NONCE_SPACE
from miner.template import HeaderTemplate, Template
from miner.vectors import header_at

BENCH_HEIGHT = 125552  # a real block of 2011; its later times make headers that nobody mined


class Chunk(NamedTuple):
    """A range of nonces of one template."""

    template: Template
    start: int
    size: int


class Feed:
    """Gives chunk after chunk of `chunk_nonces` to whatever threads ask for one."""

    def __init__(self, chunk_nonces: int) -> None:
        self._per_header = NONCE_SPACE // chunk_nonces
        self._size = chunk_nonces
        self._numbers: Iterator[int] = count()  # one step of it is one instruction of the interpreter: threads need no lock

    def next(self) -> Chunk:
        """Return the next chunk."""
        header, place = divmod(next(self._numbers), self._per_header)
        return Chunk(_template(header), place * self._size, self._size)


@lru_cache(maxsize=4)
def _template(seconds_later: int) -> HeaderTemplate:
    header = header_at(BENCH_HEIGHT)
    return HeaderTemplate(replace(header, time_s=header.time_s + seconds_later).to_bytes())
