"""The search behind emulated devices: in the order of the device, where the backend has a kernel for that."""

from __future__ import annotations

import threading
import time

import pytest

from hw.finder import KernelFinder
from miner.backends.registry import GENESIS_HEADER, load
from miner.header import message_word
from miner.share import Hit
from miner.target import Target
from miner.template import HeaderTemplate

EASY = Target((1 << 246) - 1)  # one in 1024
WANTED = 40


def first_hits(finder: KernelFinder) -> list[Hit]:
    hits: list[Hit] = []
    enough = threading.Event()

    def found(_: int, hit: Hit) -> None:
        hits.append(hit)
        if len(hits) == WANTED:
            enough.set()

    finder.begin([HeaderTemplate(GENESIS_HEADER)], found, EASY)
    assert enough.wait(30)
    finder.close()
    return hits[:WANTED]


@pytest.mark.parametrize("name", ["reference", "auto"])
def test_a_device_that_counts_words_finds_the_lowest_words_first(name: str) -> None:
    hits = first_hits(KernelFinder(load(name), by_word=True))
    words = [message_word(hit.nonce) for hit in hits]
    assert words == sorted(words)
    assert words[-1] < 1024 * WANTED * 3
    template = HeaderTemplate(GENESIS_HEADER)
    assert all(template.check(hit.nonce, EASY) == hit for hit in hits)


@pytest.mark.parametrize("parts", [2, 4])
def test_parts_of_the_words_are_searched_at_the_same_time(parts: int) -> None:
    """Each from its beginning on, all in turn: as a single sweep of as many hits, told in the order of finding."""
    share = (1 << 32) // parts
    words = [message_word(hit.nonce) for hit in first_hits(KernelFinder(load("auto"), by_word=True, parts=parts))]
    places = [word % share for word in words]
    assert {word // share for word in words} == set(range(parts))
    assert places == sorted(places)
    assert places[-1] < 1024 * WANTED * 3 // parts


def test_a_part_is_searched_no_faster_than_its_share_of_the_rate() -> None:
    """At 200 kH/s some 40 hits in 1024 hashes each take 0.2 s, however many parts share them."""
    began_s = time.monotonic()
    words = [message_word(hit.nonce) for hit in first_hits(KernelFinder(load("auto"), 200e3, by_word=True, parts=2))]
    assert time.monotonic() - began_s >= 2 * (words[-1] % (1 << 31)) / 200e3


def test_without_a_kernel_for_words_nonces_come_in_their_own_order() -> None:
    nonces = [hit.nonce for hit in first_hits(KernelFinder(load("auto")._replace(words=None), by_word=True))]
    assert nonces == sorted(nonces)
    assert nonces[-1] < 1024 * WANTED * 3
