"""A search: the lowest hit whatever the threads, an honest count, and an end when it is told to end."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import count as counting

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import miner.search
from miner import chunks
from miner.backends import reference
from miner.backends.registry import Backend, load
from miner.chunks import MOST_HITS, crowded_chunk, most_hashes
from miner.errors import BackendUnavailableError, HeaderError, WorkError
from miner.header import Nonce
from miner.search import Work, search, search_versions
from miner.share import Hit
from miner.target import MAX_TARGET, Target, target_from_nbits
from miner.template import HeaderTemplate, MidstateTemplate, Template
from miner.vectors import header_at

BLOCK = header_at(125552)
HEADER = BLOCK.to_bytes()
TEMPLATE = HeaderTemplate(HEADER)
SPACE = 1 << 32
Scan = Callable[[bytes, int, int, Target], list[Hit]]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that lets `search` run on a given scan in chunks of a given size."""

    def use(scan: Scan, chunk_nonces: int) -> None:
        monkeypatch.setattr(miner.search, "load", lambda name: Backend(f"patched {name}", scan, chunk_nonces))

    return use


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("nonces")] == []


def twin(start: int, count: int, target: int) -> list[tuple[int, str]]:
    hashed = [
        (n, sha256(sha256(HEADER[:76] + n.to_bytes(4, "little")).digest()).digest()[::-1]) for n in range(start, start + count)
    ]
    return [(nonce, raw.hex()) for nonce, raw in hashed if int.from_bytes(raw, "big") <= target]


@pytest.mark.parametrize(
    ("start", "count"), [(-1, 10), (0, 0), (0, -1), (0, SPACE + 1), (SPACE - 1, 2), (SPACE, 1), (1, SPACE)]
)
def test_a_range_that_leaves_the_nonces_is_refused(start: int, count: int) -> None:
    with pytest.raises(WorkError, match=f"nonces {start} to {start + count} leave the range 0 to 2\\^32"):
        Work(template=TEMPLATE, target=MAX_TARGET, start=start, count=count)


@pytest.mark.parametrize("target", [-1, 1 << 256])
def test_a_target_that_is_no_256_bits_is_refused(target: int) -> None:
    with pytest.raises(WorkError, match=f"target {target:#x} does not fit 256 bits"):
        Work(template=TEMPLATE, target=Target(target))


@pytest.mark.parametrize("size", [0, 76, 81])
def test_a_header_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(HeaderError, match=f"80 bytes; got {size}"):
        HeaderTemplate(bytes(size))


def test_the_edges_are_work() -> None:
    """The whole range by default, its last nonce alone, and targets that everything and nothing meets."""
    assert (Work(template=TEMPLATE, target=Target(0)).start, Work(template=TEMPLATE, target=Target(0)).count) == (0, SPACE)
    last = Work(template=TEMPLATE, target=Target((1 << 256) - 1), start=SPACE - 1, count=1)
    found = search(last, backend="reference")
    assert ([hit.nonce for hit in found.hits], found.scanned) == ([SPACE - 1], 1)


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(BackendUnavailableError, match="'fpga'"):
        search(Work(template=TEMPLATE, target=MAX_TARGET, count=1), backend="fpga")


@pytest.mark.parametrize("threads", [1, 2])
def test_it_finds_the_nonce_of_a_real_block_across_chunks(threads: int) -> None:
    """The nonce of block 125552 lies in the second or third chunk of whatever is fastest here."""
    work = Work(template=TEMPLATE, target=target_from_nbits(BLOCK.nbits), start=BLOCK.nonce - 600_000, count=1 << 21)
    found = search(work, threads=threads)
    assert [(hit.nonce, hit.hash) for hit in found.hits] == [(BLOCK.nonce, BLOCK.hash_hex())]
    assert found.scanned == 600_001


@settings(deadline=None, max_examples=60)
@given(
    start=st.one_of(st.integers(0, 1000), st.integers(SPACE - 2000, SPACE - 400)),
    count=st.integers(1, 400),
    bits=st.integers(0, 9),
    chunk=st.integers(1, 500),
    threads=st.integers(1, 5),
)
def test_first_hit_all_hits_and_scanned_do_not_depend_on_chunks_or_threads(
    start: int, count: int, bits: int, chunk: int, threads: int
) -> None:
    work = Work(template=TEMPLATE, target=Target((1 << 256 - bits) - 1), start=start, count=count)
    wanted = twin(start, count, work.target)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(miner.search, "load", lambda name: Backend("patched", reference.scan, chunk))
        first = search(work, threads=threads)
        every = search(work, first_only=False, threads=threads)
    assert [(hit.nonce, hit.hash) for hit in every.hits] == wanted
    assert every.scanned == count
    assert [(hit.nonce, hit.hash) for hit in first.hits] == wanted[:1]
    assert first.scanned == (wanted[0][0] - start + 1 if wanted else count)
    assert (first.backend, every.backend) == ("patched", "patched")


def test_the_lowest_hit_wins_even_if_a_later_chunk_is_done_first(engine: Callable[..., None]) -> None:
    done = []

    def scan(header: bytes, start: int, count: int, target: Target) -> list[Hit]:
        time.sleep(0.05 if start == 100 else 0)
        done.append(start)
        return [Hit(Nonce(start + 3), "")]

    engine(scan, 10)
    found = search(Work(template=TEMPLATE, target=MAX_TARGET, start=100, count=100), threads=3)
    assert ([hit.nonce for hit in found.hits], found.scanned) == ([103], 4)
    assert done[0] != 100


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("hit_chunk", [0, 30])
def test_not_more_than_two_chunks_a_thread_are_ahead_of_the_hit(
    engine: Callable[..., None], threads: int, hit_chunk: int
) -> None:
    """The other 429 million are not begun; the hit is slow, so whatever was handed out before it is."""
    begun = []

    def scan(header: bytes, start: int, count: int, target: Target) -> list[Hit]:
        begun.append(start)
        if start != 10 * hit_chunk:
            return []
        time.sleep(0.05)
        return [Hit(Nonce(start), "")]

    engine(scan, 10)
    assert search(Work(template=TEMPLATE, target=MAX_TARGET), threads=threads).scanned == 10 * hit_chunk + 1
    assert len(begun) <= hit_chunk + 2 * threads


def test_chunks_cover_the_range_once_and_the_last_is_cut(engine: Callable[..., None]) -> None:
    begun = []

    def scan(header: bytes, start: int, count: int, target: Target) -> list[Hit]:
        begun.append((start, count))
        return []

    engine(scan, 10)
    assert search(Work(template=TEMPLATE, target=MAX_TARGET, start=5, count=33), threads=3).scanned == 33
    assert sorted(begun) == [(5, 10), (15, 10), (25, 10), (35, 3)]


def versions(number: int) -> list[HeaderTemplate]:
    return [HeaderTemplate((2 + version).to_bytes(4, "little") + HEADER[4:]) for version in range(number)]


@settings(deadline=None, max_examples=40)
@given(
    number=st.sampled_from([1, 2, 4]),
    start=st.one_of(st.integers(0, 1000), st.integers(SPACE - 2000, SPACE - 200)),
    count=st.integers(1, 200),
    chunk=st.integers(1, 300),
)
def test_versions_are_searched_together_as_one_by_one(number: int, start: int, count: int, chunk: int) -> None:
    """Whatever the chunks, which hold as many hashes as for one version; the last is cut."""
    templates, target, asked = versions(number), Target((1 << 251) - 1), []

    def scan_versions(given: list[Template], start: int, count: int, target: Target) -> list[list[Hit]]:
        asked.append(len(given) * count)
        return [reference.scan(template, start, count, target) for template in given]

    work = Work(template=templates[0], target=target, start=start, count=count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(miner.search, "load", lambda name: Backend("patched", reference.scan, chunk, scan_versions))
        found = search_versions(work, templates[1:])
    singly = [search(Work(template=one, target=target, start=start, count=count), backend="reference", first_only=False)
              for one in templates]  # fmt: skip
    assert [list(hits) for hits in found.hits] == [list(one.hits) for one in singly]
    assert found.scanned == count
    assert max(asked, default=0) <= max(chunk, number)


def test_a_search_of_versions_ends_between_two_chunks(engine: Callable[..., None]) -> None:
    """What was found until then is returned, with the nonces that were scanned."""
    begun: list[int] = []

    def scan(header: bytes, start: int, count: int, target: Target) -> list[Hit]:
        begun.append(start)
        return [Hit(Nonce(start), "")]

    engine(scan, 10)
    work = Work(template=TEMPLATE, target=MAX_TARGET, start=100, count=10_000)
    found = search_versions(work, [], cancelled=lambda: len(begun) == 3)
    assert begun == [100, 110, 120]
    assert ([hit.nonce for hit in found.hits[0]], found.scanned) == (begun, 30)


def test_versions_of_different_tails_are_not_searched_together() -> None:
    with pytest.raises(WorkError, match="share the last 16 bytes"):
        search_versions(Work(template=TEMPLATE, target=MAX_TARGET, count=1), [HeaderTemplate(bytes(80))], backend="reference")


@pytest.mark.parametrize("threads", [1, 3])
def test_ctrl_c_ends_the_search_and_its_threads(engine: Callable[..., None], threads: int) -> None:
    """A real SIGINT to the thread that consumes, while others scan; the whole range would take for ever."""
    calls = counting(1)
    begun = []

    def scan(header: bytes, start: int, count: int, target: Target) -> list[Hit]:
        begun.append(start)
        if next(calls) == 20:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        time.sleep(0.002)
        return []

    engine(scan, 10)
    with pytest.raises(KeyboardInterrupt):
        search(Work(template=TEMPLATE, target=MAX_TARGET), threads=threads)
    ended_at = len(begun)
    time.sleep(0.02)
    assert ended_at == len(begun) < 200


@pytest.mark.parametrize("threads", [1, 3])
def test_a_kernel_that_fails_is_heard_of(engine: Callable[..., None], threads: int) -> None:
    """An exception of a thread must not end as a range without hits."""

    def scan(header: bytes, start: int, count: int, target: Target) -> list[Hit]:
        if start == 70:
            raise MemoryError("no room")
        return []

    engine(scan, 10)
    with pytest.raises(MemoryError, match="no room"):
        search(Work(template=TEMPLATE, target=MAX_TARGET, count=1000), threads=threads)


@pytest.mark.parametrize("threads", [0, -1])
def test_fewer_than_one_thread_are_refused(threads: int) -> None:
    with pytest.raises(WorkError, match=f"{threads} threads; want 1 or more"):
        search(Work(template=TEMPLATE, target=MAX_TARGET, count=1), threads=threads)


@pytest.mark.parametrize("threads", [1, 8])
def test_the_first_hit_of_an_easy_target_takes_no_check_of_a_million(engine: Callable[..., None], threads: int) -> None:
    """A chunk of a kernel is a million nonces, each of which hits."""
    begun: list[int] = []

    def scan(header: bytes, start: int, count: int, target: Target) -> list[Hit]:
        begun.append(count)
        return [Hit(Nonce(start + more), "") for more in range(count)]

    engine(scan, 1 << 20)
    found = search(Work(template=TEMPLATE, target=Target((1 << 256) - 1)), threads=threads)
    assert (found.scanned, [hit.nonce for hit in found.hits]) == (1, [0])
    assert sum(begun) <= 2 * threads


@pytest.mark.parametrize("bits", [0, 1, 8, 20])
@pytest.mark.parametrize("threads", [1, 4, 1000])
def test_chunks_of_an_easy_target_bring_few_hits_at_a_time(engine: Callable[..., None], bits: int, threads: int) -> None:
    """64 in all threads together, whose checks take turns; `search_versions` has one thread and four headers."""
    begun: list[int] = []

    def scan(header: bytes, start: int, count: int, target: Target) -> list[Hit]:
        begun.append(count)
        return []

    engine(scan, 1 << 20)
    work = Work(template=TEMPLATE, target=Target((1 << 256 - bits) - 1), count=min(1000 << bits, 1 << 22))
    assert search(work, first_only=False, threads=threads).scanned == work.count
    assert max(begun) <= max(1, MOST_HITS // threads) << bits
    begun.clear()
    assert search_versions(work, [TEMPLATE] * 3).scanned == work.count
    assert max(begun) <= max(1, MOST_HITS // 4) << bits


@pytest.mark.parametrize("template", [TEMPLATE, MidstateTemplate(TEMPLATE.midstate, TEMPLATE.tail)], ids=["header", "midstate"])
@pytest.mark.parametrize("threads", [1, 4])
def test_a_search_in_which_everything_hits_is_ended_soon(template: Template, threads: int) -> None:
    """Checking a hit takes 0.7 ms where only a midstate is known; the best of three counts."""
    load("auto")
    waits_s = [cancelled_after_s(template, threads) for _ in range(3)]
    assert min(waits_s) < 0.1, waits_s


def cancelled_after_s(template: Template, threads: int) -> float:
    told_s: list[float] = []
    timer = threading.Timer(0.05, lambda: told_s.append(time.perf_counter()))
    timer.start()
    work = Work(template=template, target=Target((1 << 256) - 1))
    search(work, first_only=False, threads=threads, cancelled=lambda: bool(told_s))
    return time.perf_counter() - told_s[0]


def test_a_target_that_nothing_meets_leaves_chunks_as_they_are() -> None:
    assert most_hashes(Target(0)) == MOST_HITS << 256
    assert most_hashes(Target((1 << 256) - 1), 1) == 1
    assert most_hashes(Target((1 << 255) - 1)) == 2 * MOST_HITS


@pytest.mark.parametrize(
    ("name", "threads", "chunk"),
    [
        ("numba-cpu", 1, 1 << 20),
        ("numba-cpu", 2, 1 << 20),
        ("numba-cpu", 64, 1 << 15),
        ("numba-cpu", 1 << 20, 64),
        ("cuda", 4, 1 << 18),
        ("reference", 1, 1 << 20),
        ("reference", 2, 1 << 19),
    ],
)
def test_threads_that_take_turns_begin_less_at_a_time(
    monkeypatch: pytest.MonkeyPatch, name: str, threads: int, chunk: int
) -> None:
    """On two processors; a GPU and the interpreter serve one at a time."""
    monkeypatch.setattr(chunks, "usable_cpus", lambda: 2)
    assert crowded_chunk(Backend(name, reference.scan, 1 << 20), threads) == chunk
    assert crowded_chunk(Backend(name, reference.scan, 10), threads) == 10


def test_no_more_is_begun_than_can_be_ended_soon(engine: Callable[..., None]) -> None:
    begun: list[int] = []

    def scan(header: bytes, start: int, count: int, target: Target) -> list[Hit]:
        begun.append(count)
        return []

    engine(scan, 1 << 20)
    assert search(Work(template=TEMPLATE, target=MAX_TARGET, count=1 << 22), threads=64).scanned == 1 << 22
    assert max(begun) == 1 << 14
