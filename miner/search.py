"""Search a range of nonces for those that meet a target, on a chosen backend."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from miner.backends.registry import Backend, load
from miner.errors import HeaderError, WorkError
from miner.header import HEADER_BYTES, NONCE_SPACE
from miner.share import Hit
from miner.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What to search: 80 header bytes (their nonce ignored), a range of nonces and a target.

    Raises
    ------
    HeaderError
        If the header has not 80 bytes.
    WorkError
        If the range leaves 0 to 2^32 or is empty, or the target is not from 0 to 2^256 - 1.
    """

    header: bytes
    target: Target
    start: int = 0
    count: int = NONCE_SPACE

    def __post_init__(self) -> None:
        if len(self.header) != HEADER_BYTES:
            raise HeaderError(f"a block header has {HEADER_BYTES} bytes; got {len(self.header)}")
        if self.start < 0 or self.count < 1 or self.start + self.count > NONCE_SPACE:
            raise WorkError(
                f"nonces {self.start} to {self.start + self.count} leave the range 0 to 2^32; want start + count within it"
            )
        if not 0 <= self.target < 1 << 256:
            raise WorkError(f"target {self.target:#x} does not fit 256 bits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The hits of a search in order of nonce, how many nonces were scanned, and by which backend."""

    hits: tuple[Hit, ...]
    scanned: int
    backend: str


def search(work: Work, *, backend: str = "auto", first_only: bool = True, threads: int = 1) -> Found:
    """Search `work` from its start on; stop after the first hit unless all are wanted.

    The first hit is the lowest nonce whatever the number of threads, and `scanned` counts the nonces up to and with
    it. Ctrl-C is answered between two chunks, within a tenth of a second or so.
    """
    engine = load(backend)
    hits: list[Hit] = []
    scanned = 0
    for start, count, found in _in_order(engine, work, threads):
        if found and first_only:
            return Found(hits=(found[0],), scanned=found[0].nonce - work.start + 1, backend=engine.name)
        hits += found
        scanned = start + count - work.start
    return Found(hits=tuple(hits), scanned=scanned, backend=engine.name)


def _in_order(engine: Backend, work: Work, threads: int) -> Iterator[tuple[int, int, list[Hit]]]:
    """Yield (start, count, hits) of chunk after chunk, while other threads are some chunks ahead."""
    stop = work.start + work.count
    chunks = ((at, min(engine.chunk_nonces, stop - at)) for at in range(work.start, stop, engine.chunk_nonces))
    if threads == 1:
        for start, count in chunks:
            yield start, count, engine.scan(work.header, start, count, work.target)
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="nonces")
    try:
        ahead = [(chunk, pool.submit(engine.scan, work.header, *chunk, work.target)) for chunk in islice(chunks, 2 * threads)]
        while ahead:
            (start, count), future = ahead.pop(0)
            yield start, count, future.result()
            ahead += [(chunk, pool.submit(engine.scan, work.header, *chunk, work.target)) for chunk in islice(chunks, 1)]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
