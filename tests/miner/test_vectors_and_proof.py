"""The shipped headers prove themselves, and the program notices when they or a kernel do not."""

from __future__ import annotations

import csv
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

import miner.proof
from miner.backends.registry import load
from miner.errors import BackendSelfTestError, HeaderError, VectorError
from miner.header import BlockHeader, Nonce
from miner.proof import NonceCheck, prove_block, rehash_headers
from miner.search import Found, Work
from miner.share import Hit, check
from miner.target import target_from_nbits
from miner.vectors import header_at, headers

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "real_headers_small.csv"
SHIPPED = 99
needs_real = pytest.mark.skipif(not REAL.exists(), reason=f"the real headers are not here: {REAL}")


def real_rows() -> list[dict[str, str]]:
    with REAL.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_shipped_header_meets_its_target_by_hashlib_alone() -> None:
    """nBits as the format says: the lowest 3 bytes times 256 to the power of the highest less 3."""
    assert len(headers()) == SHIPPED
    for height, header in headers().items():
        raw = header.to_bytes()
        value = int.from_bytes(sha256(sha256(raw).digest()).digest(), "little")
        assert 0 < value <= int.from_bytes(raw[72:75], "little") << 8 * (raw[75] - 3), f"block {height}"


def test_shipped_headers_stand_in_order_and_link_where_they_follow_each_other() -> None:
    known = headers()
    assert list(known) == sorted(known)
    pairs = [(height, height + 1) for height in known if height + 1 in known]
    broken = [later for height, later in pairs if known[later].previous[::-1].hex() != known[height].hash_hex()]
    assert (len(pairs), broken) == (65, [])


@needs_real
def test_270_real_headers_parse_hash_and_link() -> None:
    """Fields and hashes as their collections have them, through the program's own code."""
    rows = real_rows()
    assert len(rows) == 270
    parsed = [BlockHeader.from_hex(row["header_80byte_hex"]) for row in rows]
    for row, header in zip(rows, parsed, strict=True):
        told = (header.hash_hex(), header.time_s, f"{header.nbits:08x}", header.nonce, header.to_bytes().hex())
        columns = (row["block_hash_hex"], row["time_unix_s"], row["nbits_hex"], row["nonce"], row["header_80byte_hex"])
        assert tuple(map(str, told)) == columns
        assert int(header.hash_hex(), 16) <= target_from_nbits(header.nbits)
    linked = [place for place, row in enumerate(rows) if row["linked_to_previous_row_height"] == "1"]
    assert [p for p in linked if parsed[p].previous[::-1].hex() != rows[p - 1]["block_hash_hex"]] == []
    assert len(linked) == 240


@needs_real
def test_what_ships_is_what_the_collection_holds() -> None:
    collected = {int(row["height"]): row["header_80byte_hex"] for row in real_rows()}
    shipped = {height: header.to_bytes().hex() for height, header in headers().items() if height in collected}
    assert headers().keys() - shipped.keys() == {125552}  # it proves itself, in test_header.py
    assert shipped == {height: collected[height] for height in shipped}


@pytest.mark.parametrize(
    ("height", "near"),
    [
        (700_000, "697535, 697536, 699551, 699552, 701567, 701568"),
        (11, "5, 6, 7, 8, 9, 10"),
        (-1, "0, 1, 2, 3, 4, 5"),
        (10**9, "705600, 707615, 707616, 709631, 709632, 806400"),
    ],
)
def test_an_unknown_height_is_told_the_nearest(height: int, near: str) -> None:
    with pytest.raises(VectorError) as caught:
        header_at(height)
    assert str(caught.value) == f"no header of block {height} ships; the nearest are {near}"


def test_the_headers_are_hashed_again() -> None:
    assert rehash_headers() == SHIPPED


def tampered(height: int, **change: object) -> dict[int, BlockHeader]:
    return {**headers(), height: replace(headers()[height], **change)}  # type: ignore[arg-type]


@pytest.mark.parametrize("height", [0, 125552, 806400])
@pytest.mark.parametrize("change", [{"time_s": 1231006506}, {"nonce": 0}, {"version": 3}, {"merkle_root": bytes(32)}])
def test_a_changed_header_is_noticed(monkeypatch: pytest.MonkeyPatch, height: int, change: dict[str, object]) -> None:
    monkeypatch.setattr(miner.proof, "headers", lambda: tampered(height, **change))
    with pytest.raises(HeaderError, match=f"header of block {height} does not meet its own target"):
        rehash_headers()


@pytest.mark.parametrize(("below", "meets"), [(0, True), (1, False)])
def test_a_header_must_hash_to_at_most_its_target(monkeypatch: pytest.MonkeyPatch, below: int, meets: bool) -> None:
    """To the last of 256 bits: block 0 against a target that equals its hash, and against one less."""
    genesis = header_at(0)
    target = int(genesis.hash_hex(), 16) - below
    monkeypatch.setattr(miner.proof, "headers", lambda: {0: genesis})
    monkeypatch.setattr(miner.proof, "target_from_nbits", lambda nbits: target)
    if meets:
        assert rehash_headers() == 1
    else:
        with pytest.raises(HeaderError, match="block 0 does not meet"):
            rehash_headers()


def test_a_real_header_at_a_wrong_height_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each proves itself; only the link gives it away."""
    known = headers()
    monkeypatch.setattr(miner.proof, "headers", lambda: {0: known[0], 1: known[1], 2: known[3]})
    with pytest.raises(HeaderError, match="header of block 2 does not follow block 1"):
        rehash_headers()


@pytest.mark.parametrize(("height", "nonce"), [(679392, 6_245_056), (687446, 49_440_465)])
def test_the_nonce_of_a_real_block_is_found_from_0_on(height: int, nonce: int) -> None:
    """The two smallest that ship, 0x005f4ac0 and 0x02f266d1: a second or so."""
    proof = prove_block(height)
    assert (proof.height, proof.nonce, proof.scanned) == (height, nonce, nonce + 1)
    assert proof.backend == load("auto").name


@pytest.mark.parametrize("nonces", [[], [2083236892], [2083236894]])
def test_a_search_that_misses_the_nonce_is_refused(monkeypatch: pytest.MonkeyPatch, nonces: list[int]) -> None:
    hits = tuple(Hit(Nonce(nonce), "00") for nonce in nonces)
    monkeypatch.setattr(miner.proof, "search", lambda work, **options: Found(hits=hits, scanned=1, backend="liar"))
    with pytest.raises(BackendSelfTestError, match=r"'liar': block 0 gave .*, not nonce 2083236893"):
        prove_block(0)


@pytest.mark.parametrize(
    ("height", "lower", "nonce"), [(1, 0x09B1AAF7, 0x9962E301), (2, 0x32D41EDD, 0x61BDD208), (10, 0x583EAED5, 0x65E52D1E)]
)
def test_a_block_with_a_lower_nonce_that_also_meets_its_target_is_proved(
    monkeypatch: pytest.MonkeyPatch, height: int, lower: int, nonce: int
) -> None:
    """At difficulty 1 the miner's nonce need not be the lowest; a backend that finds the other first is honest.

    Blocks 1, 2, 3, 4, 8 and 10 are such. The stand-in answers at once what a scan from 0 takes a minute to find first.
    """
    header = header_at(height)
    target = target_from_nbits(header.nbits)
    hits = [check(header.to_bytes(), Nonce(found), target) for found in (lower, nonce)]
    assert None not in hits, "both are real"

    def search(work: Work, *, first_only: bool = True, **options: object) -> Found:
        inside = tuple(hit for hit in hits if hit is not None and work.start <= hit.nonce < work.start + work.count)
        scanned = inside[0].nonce - work.start + 1 if inside and first_only else work.count
        return Found(hits=inside[:1] if first_only else inside, scanned=scanned, backend="honest")

    monkeypatch.setattr(miner.proof, "search", search)
    assert prove_block(height) == NonceCheck(height=height, nonce=nonce, backend="honest", scanned=nonce + 1)
