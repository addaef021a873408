"""Answers to the jobs that were sent: what counts, what is an error, and what is nobody's."""

from __future__ import annotations

import pytest

from hw.device import DeviceWork
from hw.drivers.bm13xx.answers import AnswerBook
from hw.drivers.bm13xx.chips import CHIPS
from hw.drivers.bm13xx.registers import VERSION_SHIFT
from hw.drivers.bm13xx.responses import NonceResponse
from hw.drivers.bm13xx.work import send
from miner.backends.registry import GENESIS_HASH, GENESIS_HEADER, GENESIS_NONCE
from miner.header import Nonce
from miner.target import MAX_TARGET, Target
from miner.template import HeaderTemplate
from miner.vectors import headers
from miner.work import VERSION_ROLLING_MASK

JOB = 8


def book_with(
    name: str, mask: int = VERSION_ROLLING_MASK, target: Target = MAX_TARGET, header: bytes = GENESIS_HEADER
) -> AnswerBook:
    book = AnswerBook(CHIPS[name])
    work = DeviceWork(number=1, template=HeaderTemplate(header), target=target, version_mask=mask)
    book.add(JOB, send(work, CHIPS[name], JOB)[0])
    return book


def counts(book: AnswerBook) -> tuple[int, int, int]:
    return book.nonces, book.errors, book.unknown


@pytest.mark.parametrize(("name", "version"), [("BM1366", 0), ("BM1397", None)])
def test_the_answer_to_block_0_is_a_share_once(name: str, version: int | None) -> None:
    book, answer = book_with(name), NonceResponse(GENESIS_NONCE, 0, JOB, version)
    solution = book.check(answer)
    assert solution is not None
    assert (solution.hit.nonce, solution.hit.hash, solution.version) == (GENESIS_NONCE, GENESIS_HASH, 1)
    assert book.check(answer) is None
    assert counts(book) == (1, 1, 0)


def test_a_nonce_that_misses_the_share_target_is_counted_only() -> None:
    book = book_with("BM1366", target=Target(int(GENESIS_HASH, 16) - 1))
    assert book.check(NonceResponse(GENESIS_NONCE, 0, JOB, 0)) is None
    assert counts(book) == (1, 0, 0)


@pytest.mark.parametrize(
    ("nonce", "version"),
    [
        pytest.param(GENESIS_NONCE ^ 1, 0, id="another nonce"),
        pytest.param(GENESIS_NONCE, 1, id="another version"),
    ],
)
def test_a_hash_without_32_zero_bits_is_an_error(nonce: int, version: int) -> None:
    book = book_with("BM1366")
    assert book.check(NonceResponse(Nonce(nonce), 0, JOB, version)) is None
    assert counts(book) == (0, 1, 0)


def test_version_bits_that_the_chip_may_not_roll_are_an_error_whatever_the_hash() -> None:
    """A block whose version has such bits anyway: told as rolled they change nothing, but nobody let the chip roll them."""
    block = next(header for header in headers().values() if header.version & VERSION_ROLLING_MASK)
    bits = (block.version & VERSION_ROLLING_MASK) >> VERSION_SHIFT
    for mask, expected in ((0, (0, 1, 0)), (VERSION_ROLLING_MASK, (1, 0, 0))):
        book = book_with("BM1366", mask=mask, header=block.to_bytes())
        book.check(NonceResponse(Nonce(block.nonce), 0, JOB, bits))
        assert counts(book) == expected


@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_midstate_that_was_never_sent_is_an_error(place: int) -> None:
    """Without versions to roll a job has one midstate, and an answer may still name four."""
    book = book_with("BM1397", mask=0)
    assert book.check(NonceResponse(GENESIS_NONCE, 0, JOB | place)) is None
    assert counts(book) == (0, 1, 0)


def test_answers_to_jobs_that_are_not_held_are_nobodys() -> None:
    book = book_with("BM1366")
    assert book.check(NonceResponse(GENESIS_NONCE, 0, JOB + 8, 0)) is None
    book.keep_only(JOB)
    assert book.check(NonceResponse(GENESIS_NONCE, 0, JOB, 0)) is not None
    book.keep_only()
    assert book.check(NonceResponse(GENESIS_NONCE, 0, JOB, 0)) is None
    assert counts(book) == (1, 0, 2)
