"""Search a range of nonces for those that meet a target, on a chosen backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice

from miner.backends.registry import load
from miner.chunks import MOST_HITS, crowded_chunk, most_hashes
from miner.errors import WorkError
from miner.header import NONCE_SPACE
from miner.share import Hit
from miner.target import Target
from miner.template import Template

ScanRange = Callable[[int, int, Target], list[Hit]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What to search: a header without its nonce, a range of nonces and a target.

    Raises
    ------
    WorkError
        If the range leaves 0 to 2^32 or is empty, or the target is not from 0 to 2^256 - 1.
    """

    template: Template
    target: Target
    start: int = 0
    count: int = NONCE_SPACE

    def __post_init__(self) -> None:
        if self.start < 0 or self.count < 1 or self.start + self.count > NONCE_SPACE:
            raise WorkError(
                f"nonces {self.start} to {self.start + self.count} leave the range 0 to 2^32; "
                "want a count of 1 or more, and start + count within it"
            )
        if not 0 <= self.target < 1 << 256:
            raise WorkError(f"target {self.target:#x} does not fit 256 bits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The hits of a search in order of nonce, how many nonces were scanned, and by which backend."""

    hits: tuple[Hit, ...]
    scanned: int
    backend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundVersions:
    """The hits of each of several templates, each in order of nonce, and how many nonces of each were scanned."""

    hits: tuple[tuple[Hit, ...], ...]
    scanned: int


def search(
    work: Work,
    *,
    backend: str = "auto",
    first_only: bool = True,
    threads: int = 1,
    cancelled: Callable[[], bool] = lambda: False,
) -> Found:
    """Search `work` from its start on; stop after the first hit unless all are wanted.

    The first hit is the lowest nonce whatever the number of threads, and `scanned` counts the nonces up to and with
    it. Ctrl-C, and `cancelled` once it says so, end the search between two chunks, within a tenth of a second; what was
    found until then is returned in the second case. Chunks are the smaller the easier the target and the more threads there
    are; with a thousand threads on a few processors it may still take longer.

    Raises
    ------
    WorkError
        If there are to be fewer than one thread.
    BackendUnavailableError, BackendSelfTestError
        As `miner.backends.registry.load` does.
    """
    if threads < 1:
        raise WorkError(f"{threads} threads; want 1 or more")
    engine = load(backend)
    wanted = 1 if first_only else max(1, MOST_HITS // threads)
    size = min(crowded_chunk(engine, threads), most_hashes(work.target, wanted))
    hits: list[Hit] = []
    scanned = 0
    for start, count, found in _in_order(partial(engine.scan, work.template), work, size, threads):
        if found and first_only:
            return Found(hits=(found[0],), scanned=found[0].nonce - work.start + 1, backend=engine.name)
        hits += found
        scanned = start + count - work.start
        if cancelled():
            break
    return Found(hits=tuple(hits), scanned=scanned, backend=engine.name)


def search_versions(
    work: Work, others: Sequence[Template], *, backend: str = "auto", cancelled: Callable[[], bool] = lambda: False
) -> FoundVersions:
    """Search `work` and, over the same nonces and for the same target, `others`, whose headers differ in version only.

    All hits are wanted, in this thread. `cancelled` ends it between two chunks, as it does `search`.

    Raises
    ------
    WorkError
        If the templates do not share their tail.
    """
    engine, templates = load(backend), (work.template, *others)
    # A chunk is to last no longer for having more of them, and no longer for an easy target.
    chunk_nonces = max(min(engine.chunk_nonces, most_hashes(work.target)) // len(templates), 1)
    hits: tuple[list[Hit], ...] = tuple([] for _ in templates)
    scanned = 0
    while scanned < work.count:
        count = min(chunk_nonces, work.count - scanned)
        for all_of_one, found in zip(
            hits, engine.scan_versions(templates, work.start + scanned, count, work.target), strict=True
        ):
            all_of_one += found
        scanned += count
        if cancelled():
            break
    return FoundVersions(hits=tuple(map(tuple, hits)), scanned=scanned)


def _in_order(scan: ScanRange, work: Work, size: int, threads: int) -> Iterator[tuple[int, int, list[Hit]]]:
    """Yield (start, count, hits) of chunk after chunk of `size` nonces, while other threads are some chunks ahead."""
    stop = work.start + work.count
    chunks = ((at, min(size, stop - at)) for at in range(work.start, stop, size))
    if threads == 1:
        for start, count in chunks:
            yield start, count, scan(start, count, work.target)
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="nonces")
    try:
        ahead = [(chunk, pool.submit(scan, *chunk, work.target)) for chunk in islice(chunks, 2 * threads)]
        while ahead:
            (start, count), future = ahead.pop(0)
            yield start, count, future.result()
            ahead += [(chunk, pool.submit(scan, *chunk, work.target)) for chunk in islice(chunks, 1)]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
