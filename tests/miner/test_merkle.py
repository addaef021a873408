"""Merkle trees: real blocks under real headers, and any tree against a slow twin that recurses."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miner.errors import JobError
from miner.merkle import coinbase_branch, merkle_root, root_from_coinbase
from miner.vectors import header_at

GENESIS_COINBASE = bytes.fromhex(
    "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030"
    "332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffff"
    "ff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de"
    "5c384df7ba0b8d578a4c702b6bf11d5fac00000000"
)
BLOCK_125552 = [
    "51d37bdd871c9e1f4d5541be67a6ab625e32028744d7d4609d0c37747b40cd2d",
    "60c25dda8d41f8d3d7d5c6249e2ea1b05a25bf7ae2ad6d904b512b31f997e1a1",
    "01f314cdd8566d3e5dbdd97de2d9fbfbfd6873e916a00d48758282cbb81a45b9",
    "b519286a1040da6ad83c783eb2872659eaf57b1bec088e614776ffe7dc8f6d01",
]  # the four transactions of block 125552, as explorers print them; the root of its header proves them below

hashes = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70)


def pair(left: bytes, right: bytes) -> bytes:
    return sha256(sha256(left + right).digest()).digest()


def twin(txids: list[bytes], height: int, place: int = 0) -> bytes:
    """Return the node `place` of the level `height`; a node that is not there is its left neighbour."""
    width = -(-len(txids) // (1 << height))
    place = min(place, width - 1)
    return txids[place] if height == 0 else pair(twin(txids, height - 1, 2 * place), twin(txids, height - 1, 2 * place + 1))


def height_of(txids: list[bytes]) -> int:
    return (len(txids) - 1).bit_length()


def test_the_coinbase_of_block_0_is_its_root() -> None:
    root = header_at(0).merkle_root
    assert root_from_coinbase(GENESIS_COINBASE, ()) == root
    assert merkle_root([pair(GENESIS_COINBASE, b"")]) == root
    assert coinbase_branch([root]) == ()


def test_the_four_transactions_of_block_125552_give_the_root_in_its_header() -> None:
    txids = [bytes.fromhex(txid)[::-1] for txid in BLOCK_125552]
    header = header_at(125552)
    assert merkle_root(txids) == header.merkle_root
    first, second = coinbase_branch(txids)
    assert first == txids[1]
    assert pair(pair(txids[0], first), second) == header.merkle_root


@given(hashes)
def test_the_root_is_that_of_the_twin(txids: list[bytes]) -> None:
    assert merkle_root(txids) == twin(txids, height_of(txids))


@given(st.binary(max_size=200), hashes)
def test_a_branch_leads_any_coinbase_to_the_root(coinbase: bytes, others: list[bytes]) -> None:
    txids = [pair(coinbase, b""), *others]
    branch = coinbase_branch([bytes(32), *others])
    assert root_from_coinbase(coinbase, branch) == twin(txids, height_of(txids))
    assert len(branch) == height_of(txids)


@pytest.mark.parametrize("function", [merkle_root, coinbase_branch])
@pytest.mark.parametrize(("txids", "told"), [([], "got none"), ([bytes(32), bytes(31)], "32 bytes; got 31")])
def test_what_is_no_list_of_txids_is_refused(function, txids: list[bytes], told: str) -> None:
    with pytest.raises(JobError, match=told):
        function(txids)
