"""A template is a header less its nonce, and a midstate is enough of one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miner.backends import reference
from miner.backends.registry import BACKENDS, load
from miner.errors import BackendUnavailableError, HeaderError
from miner.header import Nonce
from miner.search import Work, search
from miner.target import NBits, Target, target_from_nbits
from miner.template import HeaderTemplate, MidstateTemplate
from miner.vectors import header_at

GENESIS = header_at(0)


def midstate_of(header: bytes) -> MidstateTemplate:
    whole = HeaderTemplate(header)
    return MidstateTemplate(whole.midstate, whole.tail)


@given(header=st.binary(min_size=80, max_size=80), nonce=st.integers(0, (1 << 32) - 1), bits=st.integers(0, 6))
def test_a_midstate_checks_like_its_header(header: bytes, nonce: int, bits: int) -> None:
    target = Target((1 << 256 - bits) - 1)
    assert midstate_of(header).check(Nonce(nonce), target) == HeaderTemplate(header).check(Nonce(nonce), target)


@pytest.mark.parametrize("name", list(BACKENDS))
def test_every_backend_finds_block_0_from_its_midstate(name: str) -> None:
    try:
        load(name)
    except BackendUnavailableError as error:
        pytest.skip(str(error))
    template = midstate_of(GENESIS.to_bytes())
    work = Work(template=template, target=target_from_nbits(GENESIS.nbits), start=GENESIS.nonce - 20, count=50)
    found = search(work, backend=name, first_only=False)
    assert [(hit.nonce, hit.hash) for hit in found.hits] == [(GENESIS.nonce, GENESIS.hash_hex())]


def test_the_midstate_of_block_0_is_the_published_one() -> None:
    """As FPGA miners of 2011 carried it for their self-tests."""
    words = HeaderTemplate(GENESIS.to_bytes()).midstate
    assert (
        b"".join(word.to_bytes(4) for word in words).hex() == "bc909a336358bff090ccac7d1e59caa8c3c8d8e94f0103c896b187364719f91b"
    )


def test_the_golden_nonce_of_serial_miners_is_found_from_its_midstate() -> None:
    """Block 171874: mining programs probe serial devices with these words; the answer is bytes 00 01 87 a2."""
    state = bytes.fromhex("4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a")  # the last word first
    midstate = tuple(int.from_bytes(state[place : place + 4]) for place in range(28, -4, -4))
    template = MidstateTemplate(midstate, (0x2FA722CE, 0x1426674F, 0x87320B1A))
    nonce = int.from_bytes(bytes.fromhex("000187a2"), "little")
    work = Work(template=template, target=target_from_nbits(NBits(0x1A0B3287)), start=nonce - 1000, count=2000)
    assert [hit.nonce for hit in search(work, first_only=False).hits] == [nonce]


def test_the_nonce_of_the_header_is_not_looked_at() -> None:
    header = bytearray(GENESIS.to_bytes())
    wanted = reference.scan(HeaderTemplate(bytes(header)), 0, 300, Target(1 << 252))
    header[76:] = b"\xff" * 4
    assert reference.scan(HeaderTemplate(bytes(header)), 0, 300, Target(1 << 252)) == wanted
    assert wanted


@pytest.mark.parametrize(
    ("midstate", "tail", "told"),
    [
        ((0,) * 7, (0,) * 3, "a midstate is 8 words"),
        ((0,) * 8, (0,) * 4, "a tail is 3 words"),
        ((0,) * 7 + (1 << 32,), (0,) * 3, "a midstate is 8 words of 32 bits"),
        ((0,) * 8, (0, -1, 0), "a tail is 3 words of 32 bits"),
    ],
)
def test_words_that_are_no_template_are_refused(midstate: tuple[int, ...], tail: tuple[int, ...], told: str) -> None:
    with pytest.raises(HeaderError, match=told):
        MidstateTemplate(midstate, tail)


def test_a_cancelled_search_returns_what_it_found() -> None:
    """The second chunk is not asked for once the first is done and somebody says stop."""
    asked = iter([False, True])
    work = Work(template=HeaderTemplate(GENESIS.to_bytes()), target=Target(1 << 240), count=1 << 32)
    found = search(work, backend="reference", first_only=False, cancelled=lambda: next(asked))
    assert found.scanned == 2 * reference.CHUNK_NONCES
    assert [hit.nonce for hit in found.hits] == [
        hit.nonce for hit in reference.scan(work.template, 0, 2 * reference.CHUNK_NONCES, work.target)
    ]
