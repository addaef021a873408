"""Known-answer jobs: real blocks served as work, so that the nonce their miner found is found again and accepted.

Every coinbase has places that may hold the extranonces without a change to the block. The previous output's hash is 32 zero
bytes: extranonces of zero within it give the genuine header at extranonce2 = 0. Programs that use up 0 for a test of the pool
get the place of the output's value instead, where the genuine extranonce2 is 1. Programs that begin at random get none.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

from miner.errors import HeaderError, VectorError
from miner.header import BlockHeader, double_sha256
from miner.merkle import coinbase_branch, merkle_root
from miner.target import MAX_TARGET
from miner.vectors import header_at
from miner.work import WORD_SPACE, Job

_PREVIOUS_OUTPUT_AT = 5  # behind the version and the number of inputs
_SCRIPT_AT = 41  # behind the previous output: 32 bytes of hash, 4 of index


class Split(StrEnum):
    """Where in the coinbase the extranonces lie, and so at which extranonce2 the genuine block is."""

    PREVOUT = "prevout"
    VALUE = "value"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBlock:
    """A real block: its header, its coinbase transaction and the txids of the others, in wire order."""

    height: int
    header: BlockHeader
    coinbase: bytes
    others: tuple[bytes, ...]

    @property
    def difficulty(self) -> float:
        """The difficulty of its hash, rounded down where it is above 1: its nonce is a share of it."""
        exact = MAX_TARGET / int(self.header.hash_hex(), 16)
        return exact if exact < 1 else exact // 1


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownWork:
    """A known block as a job, and the extranonces that its genuine header has."""

    job: Job
    extranonce1: bytes
    extranonce2: bytes


@cache
def known_blocks() -> dict[int, KnownBlock]:
    """Return the blocks that can be served, by height.

    Raises
    ------
    HeaderError
        If the transactions of one do not give the merkle root in its header.
    """
    text = (files("miner") / "data" / "known_coinbases.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {int(row["height"]): _proven(row) for row in rows}


def known_block(height: int) -> KnownBlock:
    """Return the block at `height`; raise VectorError, which names the known ones, if it cannot be served."""
    try:
        return known_blocks()[height]
    except KeyError:
        known = ", ".join(map(str, known_blocks()))
        raise VectorError(f"block {height} cannot be served as work; known coinbases: {known}") from None


def known_work(block: KnownBlock, split: Split, job_id: str) -> KnownWork:
    """Return `block` as a job whose coinbase is cut where `split` says."""
    start, first, second = _places(block.coinbase)[split]
    middle, end = start + first, start + first + second
    txids = (double_sha256(block.coinbase), *block.others)
    header = block.header
    job = Job(
        job_id=job_id,
        previous=header.previous,
        coinbase1=block.coinbase[:start],
        coinbase2=block.coinbase[end:],
        branch=coinbase_branch(txids),
        version=header.version % WORD_SPACE,
        nbits=header.nbits,
        time_s=header.time_s,
    )
    return KnownWork(job=job, extranonce1=block.coinbase[start:middle], extranonce2=block.coinbase[middle:end])


def _places(coinbase: bytes) -> dict[Split, tuple[int, int, int]]:
    """Return where the extranonces begin and the size of each [bytes]."""
    value_at = _SCRIPT_AT + 1 + coinbase[_SCRIPT_AT] + 4 + 1  # a script's size, itself, the sequence, the number of outputs
    return {
        Split.PREVOUT: (_PREVIOUS_OUTPUT_AT, 4, 4),
        Split.VALUE: (value_at + 3, 1, 4),
        Split.FIXED: (_PREVIOUS_OUTPUT_AT, 8, 0),
    }


def _proven(row: dict[str, str]) -> KnownBlock:
    height = int(row["height"])
    coinbase = bytes.fromhex(row["coinbase_hex"])
    others = tuple(bytes.fromhex(txid)[::-1] for txid in row["other_txids"].split())
    header = header_at(height)
    if merkle_root([double_sha256(coinbase), *others]) != header.merkle_root:
        raise HeaderError(f"the transactions known of block {height} do not give the merkle root in its header")
    return KnownBlock(height=height, header=header, coinbase=coinbase, others=others)
