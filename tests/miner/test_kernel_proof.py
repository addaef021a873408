"""A kernel that lies in any way is refused, whoever calls it; what it is asked is what hashlib says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ctypes import c_int64, c_uint32
from hashlib import sha256
from typing import Any

import pytest

from miner.backends import native
from miner.backends.genesis import GENESIS_HEADER
from miner.backends.kernel import PAIRED, SHA, VECTOR, WOVEN, Kernel
from miner.backends.kernel_proof import prove
from miner.backends.known_answers import BY_NONCE, BY_WORD, EVERYTHING, Answer, Case
from miner.backends.native import machine_code
from miner.backends.registry import load
from miner.backends.scan_loop import scan_versions_with
from miner.errors import BackendSelfTestError, BackendUnavailableError
from miner.search import Work, search, search_versions
from miner.target import MAX_TARGET, Target
from miner.template import HeaderTemplate
from miner.vectors import header_at

SPACE = 1 << 32
ONE, TWO, WORDS = Kernel(VECTOR, 4), Kernel(VECTOR, 4, 2), Kernel(VECTOR, 4, by_word=True)
GENESIS_TIME = int.from_bytes(GENESIS_HEADER[68:72], "big")


class Call:
    """One call of a loop: what it is given, and what it has answered. It may be changed before and after."""

    def __init__(self, honest: Callable[..., int], kernel: Kernel, given: tuple[Any, ...]) -> None:
        self._honest, self.kernel, self.given = honest, kernel, list(given)
        self.words = (c_uint32 * kernel.words).from_address(given[2])
        self.start, self.stop, self.limit, self.room = given[3], given[4], given[5], given[7]
        self._buffer = (c_int64 * self.room).from_address(given[6])

    def answer(self) -> int:
        """Let the honest loop answer."""
        self.given[5] = self.limit
        return self._honest(*self.given)

    @property
    def found(self) -> list[int]:
        return list(self._buffer[: self.given[0]._obj.value])

    @found.setter
    def found(self, candidates: list[int]) -> None:
        self._buffer[: len(candidates)] = candidates
        self.given[0]._obj.value = len(candidates)

    def goes_on_at(self, nonce: int) -> None:
        self.given[8]._obj.value = nonce


def keeping(wanted: Callable[[Call, int], bool]) -> Callable[[Call], int]:
    """Return the lie of a loop that loses what is not `wanted`."""

    def lie(call: Call) -> int:
        status = call.answer()
        call.found = [candidate for candidate in call.found if wanted(call, candidate)]
        return status

    return lie


def with_limit(other: Callable[[int], int]) -> Callable[[Call], int]:
    """Return the lie of a loop that screens by another limit."""

    def lie(call: Call) -> int:
        call.limit = other(call.limit)
        return call.answer()

    return lie


def after(change: Callable[[list[int]], list[int]]) -> Callable[[Call], int]:
    """Return the lie of a loop that changes what it found."""

    def lie(call: Call) -> int:
        status = call.answer()
        call.found = change(call.found)
        return status

    return lie


def first_of_a_batch(call: Call) -> int:
    status, firsts = call.answer(), dict[int, int]()
    for candidate in call.found:
        firsts.setdefault((candidate % SPACE - call.start) // call.kernel.lanes, candidate)
    call.found = list(firsts.values())
    return status


def full_buffer_ends_it(call: Call) -> int:
    status = call.answer()
    if len(call.found) == call.room:
        call.goes_on_at(call.stop)
    return status


def time_of_block_0(call: Call) -> int:
    before, call.words[-2] = call.words[-2], GENESIS_TIME
    status = call.answer()
    call.words[-2] = before
    return status


def does_not_go_on(call: Call) -> int:
    call.found = []
    call.goes_on_at(call.start)
    return 0


LIES: dict[str, Callable[[Call], int]] = {
    "the limit is 0": with_limit(lambda limit: 0),
    "every lane passes": with_limit(lambda limit: EVERYTHING),
    "the limit has a sign": with_limit(lambda limit: limit if limit < 1 << 31 else 0),
    "the limit is not met by its equal": with_limit(lambda limit: max(limit - 1, 0)),
    "from 2^31 on nothing": keeping(lambda call, candidate: candidate % SPACE < 1 << 31),
    "after 4096 nonces nothing": keeping(lambda call, candidate: candidate % SPACE < call.start + 4096),
    "after 10000 nonces nothing": keeping(lambda call, candidate: candidate % SPACE < call.start + 10_000),
    "the first lane is lost": keeping(lambda call, candidate: (candidate % SPACE - call.start) % call.kernel.lanes != 0),
    "the last nonce is lost": keeping(lambda call, candidate: candidate % SPACE != call.stop - 1),
    "one of a batch": first_of_a_batch,
    "a full buffer ends it": full_buffer_ends_it,
    "the time is that of block 0": time_of_block_0,
    "backwards": after(lambda found: found[::-1]),
    "twice": after(lambda found: [*found[:1], *found] if len(found) < 4000 else found),
    "a midstate that is not there": after(lambda found: [*found, 99 * SPACE] if len(found) == 1 else found),
    "it does not go on": does_not_go_on,
    "it failed": lambda call: call.answer() or 1,
}


def liar(kernel: Kernel, lie: Callable[[Call], int], honest: Kernel | None = None) -> Callable[..., int]:
    loop = machine_code(honest or kernel)
    return lambda *given: lie(Call(loop, kernel, given))


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Kernel, Callable[..., int]], None]]:
    """Return a function that puts a loop where the machine code of a kernel is looked for, for the time of a test."""
    places, placed = dict[Kernel, Callable[..., int]](), native._placed

    def plant(kernel: Kernel, loop: Callable[..., int]) -> None:
        places[kernel] = loop
        machine_code.cache_clear()

    monkeypatch.setattr(native, "_placed", lambda kernel: places[kernel] if kernel in places else placed(kernel))
    yield plant
    machine_code.cache_clear()


@pytest.mark.parametrize("kernel", [ONE, TWO, WORDS], ids=str)
def test_honest_machine_code_passes(kernel: Kernel) -> None:
    prove(kernel, machine_code(kernel))


@pytest.mark.parametrize("kernel", [ONE, TWO, WORDS], ids=str)
@pytest.mark.parametrize("lie", LIES)
def test_machine_code_that_lies_is_refused(kernel: Kernel, lie: str) -> None:
    with pytest.raises(BackendSelfTestError, match="it is refused"):
        prove(kernel, liar(kernel, LIES[lie]))


def test_who_counts_nonces_instead_of_words_is_refused() -> None:
    with pytest.raises(BackendSelfTestError, match=r"counting message words, asked for nonces .* hashlib gives 1 "):
        prove(WORDS, liar(WORDS, lambda call: call.answer(), honest=ONE))


def test_midstates_out_of_their_places_are_refused() -> None:
    def swapped(call: Call) -> int:
        status = call.answer()
        call.found = [candidate % SPACE + (SPACE if candidate < SPACE else 0) for candidate in call.found]
        return status

    with pytest.raises(BackendSelfTestError, match="for 2 midstates"):
        prove(TWO, liar(TWO, swapped))


def test_nobody_goes_around_it(planted: Callable[[Kernel, Callable[..., int]], None]) -> None:
    """The kernel for four midstates finds nothing, the others are right: a search of four must not end without hits."""
    four = ONE._replace(midstates=4)
    planted(four, liar(four, with_limit(lambda limit: 0)))
    headers = [HeaderTemplate(bytes([1 + place]) + GENESIS_HEADER[1:]) for place in range(4)]
    for _ in range(2):  # a refusal is not remembered as a success
        with pytest.raises(BackendSelfTestError, match="for 4 midstates"):
            scan_versions_with(ONE, headers, 0, 1000, Target((1 << 255) - 1))
    [[hit], []] = scan_versions_with(ONE, headers[:2], 2083236893 - 5, 9, MAX_TARGET)
    assert hit.nonce == 2083236893


def test_a_search_of_versions_hears_of_a_broken_kernel(planted: Callable[[Kernel, Callable[..., int]], None]) -> None:
    """Its caller loaded the backend for one midstate, where it is right."""
    try:
        load("numba-sha")
    except BackendUnavailableError as error:
        pytest.skip(str(error))
    from miner.backends.numba_sha import KERNEL

    assert KERNEL.kind in {SHA, WOVEN}
    four = KERNEL._replace(midstates=4)
    planted(four, liar(four, with_limit(lambda limit: 0)))
    headers = [HeaderTemplate(bytes([1 + place]) + GENESIS_HEADER[1:]) for place in range(4)]
    work = Work(template=headers[0], target=Target((1 << 255) - 1), count=1000)
    assert search(work, backend="numba-sha").hits
    with pytest.raises(BackendSelfTestError, match="for 4 midstates"):
        search_versions(work, headers[1:], backend="numba-sha")


@pytest.mark.parametrize("by_word", [False, True])
def test_the_known_answers_are_those_of_hashlib(by_word: bool) -> None:
    for case in BY_WORD if by_word else BY_NONCE:
        for version, answer in enumerate(case.answers):
            nonces = found_by_hashlib(case, version, "big" if by_word else "little")
            digest = sha256(b"".join(nonce.to_bytes(4, "little") for nonce in nonces)).hexdigest()
            assert answer == Answer(len(nonces), digest[:16])


def found_by_hashlib(case: Case, version: int, order: Any) -> list[int]:
    header = bytes([1 + version]) + GENESIS_HEADER[1:64] + b"".join(word.to_bytes(4, "big") for word in case.tail)
    counted = range(case.start, case.start + case.size)
    return [one for one in counted if top_word(header + one.to_bytes(4, order)) <= case.limit]


def top_word(header: bytes) -> int:
    return int.from_bytes(sha256(sha256(header).digest()).digest()[28:], "little")


def test_the_cases_reach_where_kernels_erred() -> None:
    """Two tails, the edge of signed numbers, the last nonce of all with a hash that just meets the limit."""
    across, to_the_end, long = BY_NONCE
    assert [across.tail, to_the_end.tail] == [words(125552), words(0)]
    assert all(one != other for one, other in zip(words(125552), words(0), strict=True))
    assert across.start < 1 << 31 < across.start + across.size
    assert to_the_end.start + to_the_end.size == SPACE
    assert to_the_end.limit == top_word(GENESIS_HEADER[:76] + b"\xff" * 4)
    assert long.size > 10_000
    assert [case[:4] for case in BY_WORD] == [case[:4] for case in BY_NONCE]


def words(height: int) -> tuple[int, ...]:
    raw = header_at(height).to_bytes()
    return tuple(int.from_bytes(raw[at : at + 4], "big") for at in (64, 68, 72))


def test_a_kernel_says_what_it_is() -> None:
    assert str(Kernel(PAIRED, 16)) == "the paired kernel of 16 lanes for 1 midstate"
    assert str(Kernel(VECTOR, 1, 2, by_word=True)) == "the vector kernel of 1 lane for 2 midstates, counting message words"
