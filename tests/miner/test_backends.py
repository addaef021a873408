"""One suite for every backend: what hashlib finds, nothing more and nothing less, in order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from miner.backends.registry import BACKENDS, Backend, load
from miner.backends.scan_loop import BUFFER
from miner.errors import BackendUnavailableError, WorkError
from miner.target import Target, target_from_nbits
from miner.template import HeaderTemplate
from miner.vectors import header_at, headers

SPACE = 1 << 32
EVERYTHING = Target((1 << 256) - 1)
HEADER = header_at(125552).to_bytes()
TEMPLATE = HeaderTemplate(HEADER)
RAW = st.binary(min_size=80, max_size=80)
COUNTS = st.integers(1, 300)
STARTS = st.one_of(st.integers(0, SPACE - 300), st.integers(SPACE - 600, SPACE - 300), st.integers(0, 40))
# One nonce in 2 to one in 4096, and targets that are no power of two, so that the lower words of a target matter too.
TARGETS = st.one_of(st.integers(1, 12).map(lambda bits: (1 << 256 - bits) - 1), st.integers(1 << 244, (1 << 256) - 1)).map(
    Target
)


@pytest.fixture(scope="module", params=list(BACKENDS))
def backend(request: pytest.FixtureRequest) -> Backend:
    try:
        return load(request.param)
    except BackendUnavailableError as error:
        pytest.skip(str(error))


def digest(header: bytes, nonce: int) -> bytes:
    return sha256(sha256(header[:76] + nonce.to_bytes(4, "little")).digest()).digest()


def twin(header: bytes, start: int, count: int, target: int) -> list[tuple[int, str]]:
    """The slow one, written here once more: it shares no line with the program."""
    hashed = [(nonce, digest(header, nonce)) for nonce in range(start, start + count)]
    return [(nonce, raw[::-1].hex()) for nonce, raw in hashed if int.from_bytes(raw, "little") <= target]


def scanned(backend: Backend, header: bytes, start: int, count: int, target: int) -> list[tuple[int, str]]:
    return [(hit.nonce, hit.hash) for hit in backend.scan(HeaderTemplate(header), start, count, Target(target))]


def test_it_finds_the_nonce_of_every_shipped_block(backend: Backend) -> None:
    """Each at its own real target, block 0 first; the header's own nonce field must not be looked at."""
    for height, header in headers().items():
        blank = header.to_bytes()[:76] + bytes(4)
        found = scanned(backend, blank, header.nonce - 100, 233, target_from_nbits(header.nbits))
        assert found == [(header.nonce, header.hash_hex())], f"block {height}"


def test_it_finds_the_nonce_of_block_0_in_every_lane(backend: Backend) -> None:
    """The nonce is the last of 1 to 40: each lane of each kernel gets it, in a full batch and in a cut one."""
    genesis = header_at(0).to_bytes()
    for count in range(1, 41):
        found = backend.scan(HeaderTemplate(genesis), 2083236894 - count, count, target_from_nbits(header_at(0).nbits))
        assert [hit.nonce for hit in found] == [2083236893], f"last of {count}"


@settings(deadline=None)
@given(header=RAW, start=STARTS, count=COUNTS, target=TARGETS)
@example(header=HEADER, start=SPACE - 77, count=77, target=Target((1 << 254) - 1))
@example(header=HEADER, start=0, count=1, target=EVERYTHING)
@example(header=bytes(80), start=(1 << 31) - 50, count=101, target=Target((1 << 254) - 1))
def test_it_equals_hashlib(backend: Backend, header: bytes, start: int, count: int, target: Target) -> None:
    assert scanned(backend, header, start, count, target) == twin(header, start, count, target)


@settings(deadline=None)
@given(header=RAW, start=STARTS, count=COUNTS, data=st.data())
def test_a_hash_meets_a_target_equal_to_it_and_none_below(
    backend: Backend, header: bytes, start: int, count: int, data: st.DataObject
) -> None:
    """Both targets share their upper 32 bits with the hash, all that a kernel looks at."""
    nonce = start + data.draw(st.integers(0, count - 1))
    value = int.from_bytes(digest(header, nonce), "little")
    exactly, below = scanned(backend, header, start, count, value), scanned(backend, header, start, count, value - 1)
    assert exactly == twin(header, start, count, value)
    assert (nonce, f"{value:064x}") in exactly
    assert below == [hit for hit in exactly if hit[0] != nonce]


def test_targets_whose_upper_32_bits_are_0_are_held_to_all_256(backend: Backend) -> None:
    """On real blocks the screen sees 0 against 0; the lower bits alone decide."""
    for height, header in headers().items():
        raw, block_hash = header.to_bytes(), int(header.hash_hex(), 16)
        assert block_hash >> 224 == 0
        for target, wanted in ((block_hash, [header.nonce]), (block_hash - 1, []), (0xFFFFFFFF << 192, [header.nonce])):
            found = [hit.nonce for hit in backend.scan(HeaderTemplate(raw), header.nonce - 20, 41, Target(target))]
            assert found == wanted, f"block {height}, target {target:#x}"


def test_a_range_may_end_exactly_at_2_to_the_32(backend: Backend) -> None:
    """And does not go on at 0; the last nonce is searched."""
    assert [hit.nonce for hit in backend.scan(TEMPLATE, SPACE - 77, 77, EVERYTHING)] == list(range(SPACE - 77, SPACE))
    last = int.from_bytes(digest(HEADER, SPACE - 1), "little")
    assert [hit.nonce for hit in backend.scan(TEMPLATE, SPACE - 1, 1, Target(last))] == [SPACE - 1]
    assert backend.scan(TEMPLATE, SPACE - 1, 1, Target(last - 1)) == []


@pytest.mark.parametrize("count", [BUFFER - 1, BUFFER, BUFFER + 1, 2 * BUFFER + 777])
def test_more_hits_than_the_buffer_holds_are_all_there_once_and_in_order(backend: Backend, count: int) -> None:
    assert [hit.nonce for hit in backend.scan(TEMPLATE, 12345, count, EVERYTHING)] == list(range(12345, 12345 + count))


def test_a_buffer_that_fills_raggedly_loses_nothing(backend: Backend) -> None:
    """Half the nonces hit, so the buffer ends anywhere within a batch, three times over."""
    half = (1 << 255) - 1
    wanted = twin(HEADER, 7, 6 * BUFFER + 5, half)
    assert len(wanted) > 2.5 * BUFFER
    assert scanned(backend, HEADER, 7, 6 * BUFFER + 5, half) == wanted


def test_nothing_meets_a_target_of_0(backend: Backend) -> None:
    assert backend.scan(TEMPLATE, 0, 5000, Target(0)) == []


def test_hits_are_plain_python(backend: Backend) -> None:
    """They end in JSON, which knows no numpy numbers."""
    [hit] = backend.scan(TEMPLATE, 2504433986, 1, target_from_nbits(header_at(125552).nbits))
    assert (type(hit.nonce), type(hit.hash)) == (int, str)


def test_several_threads_equal_one(backend: Backend) -> None:
    """Four at a time on neighbouring ranges of one header, the last one short."""
    target = Target((1 << 253) - 1)
    ranges = [(start, min(997, 20_000 - start)) for start in range(0, 20_000, 997)]
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda part: scanned(backend, HEADER, *part, target), ranges))
    together = [hit for part in parts for hit in part]
    assert together == scanned(backend, HEADER, 0, 20_000, target) == twin(HEADER, 0, 20_000, target)


@settings(deadline=None)
@given(header=RAW, rolled=st.lists(st.binary(min_size=4, max_size=4), max_size=8), start=STARTS, count=COUNTS, target=TARGETS)
def test_headers_that_differ_in_their_version_are_searched_together(
    backend: Backend, header: bytes, rolled: list[bytes], start: int, count: int, target: Target
) -> None:
    """Any number of them, from none to more than a kernel takes; each gets its own hits, equal versions the same."""
    versions = [version + header[4:] for version in rolled]
    found = backend.scan_versions([HeaderTemplate(version) for version in versions], start, count, target)
    assert [[(hit.nonce, hit.hash) for hit in hits] for hits in found] == [
        twin(version, start, count, target) for version in versions
    ]


@pytest.mark.parametrize("number", [2, 3, 4])
def test_more_hits_of_several_headers_than_the_buffer_holds(backend: Backend, number: int) -> None:
    templates = [HeaderTemplate(bytes([place]) + HEADER[1:]) for place in range(number)]
    found = backend.scan_versions(templates, 12345, BUFFER + 777, EVERYTHING)
    assert [[hit.nonce for hit in hits] for hits in found] == [list(range(12345, 12345 + BUFFER + 777))] * number


@pytest.mark.parametrize(("start", "count"), [(0, 700), (0x1234_5678, 333), ((1 << 32) - 200, 200)])
def test_message_words_may_be_counted_up(backend: Backend, start: int, count: int) -> None:
    if backend.words is None:
        pytest.skip("this backend has no kernel for that")
    easy = Target((1 << 253) - 1)
    found = [(hit.nonce, hit.hash) for hit in backend.words(TEMPLATE, start, count, easy)]
    swapped = [int.from_bytes(word.to_bytes(4, "big"), "little") for word in range(start, start + count)]
    assert found == [hit for nonce in swapped for hit in twin(HEADER, nonce, 1, easy)] != []


def test_headers_of_different_tails_are_not_searched_together(backend: Backend) -> None:
    with pytest.raises(WorkError, match="share the last 16 bytes"):
        backend.scan_versions([TEMPLATE, HeaderTemplate(bytes(80))], 0, 5, EVERYTHING)
