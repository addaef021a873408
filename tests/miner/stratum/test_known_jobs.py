"""Known blocks: their transactions prove themselves, and served as work they are the genuine headers."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

import miner.stratum.known_jobs
from miner.errors import HeaderError, VectorError
from miner.header import Nonce
from miner.stratum.jobs import KnownJobs, SyntheticJobs
from miner.stratum.known_jobs import Split, known_block, known_blocks, known_work
from miner.target import NBits
from miner.vectors import header_at
from miner.work import Assignment, Roll, target_from_difficulty

HEIGHTS = [0, 1, 125552]


def twice(raw: bytes) -> bytes:
    return sha256(sha256(raw).digest()).digest()


def test_these_blocks_are_known() -> None:
    assert list(known_blocks()) == HEIGHTS
    assert [len(block.others) for block in known_blocks().values()] == [0, 0, 3]
    assert [known_block(height).difficulty for height in HEIGHTS] == [2536, 1, 35_987_218_905]


@pytest.mark.parametrize("split", list(Split))
@pytest.mark.parametrize("height", HEIGHTS)
def test_a_known_block_served_as_work_is_its_genuine_header(height: int, split: Split) -> None:
    block, header = known_block(height), header_at(height)
    work = known_work(block, split, "j1")
    given = Assignment(
        job=work.job,
        extranonce1=work.extranonce1,
        extranonce2_bytes=len(work.extranonce2),
        target=target_from_difficulty(block.difficulty),
    )
    assert given.coinbase(work.extranonce2) == block.coinbase
    raw = given.header(Roll(work.extranonce2, work.job.version, work.job.time_s), Nonce(header.nonce))
    assert raw == header.to_bytes()
    assert int.from_bytes(twice(raw), "little") <= given.target


def test_where_the_extranonces_lie() -> None:
    """As other programs need them: at 0 for ours, at 1 for bfgminer and cgminer, none for piaxe; see PROTOCOLS.md."""
    prevout, value, fixed = (known_work(known_block(0), split, "j") for split in Split)
    assert (prevout.extranonce1, prevout.extranonce2) == (bytes(4), bytes(4))
    assert value.job.coinbase1.endswith(bytes.fromhex("0100f205"))
    assert (value.extranonce1.hex(), value.extranonce2.hex()) == ("2a", "01000000")
    assert value.job.coinbase2.startswith(bytes.fromhex("434104678afd"))
    assert (fixed.extranonce1, fixed.extranonce2) == (bytes(8), b"")


def test_a_block_that_is_not_known_is_refused() -> None:
    with pytest.raises(VectorError, match="block 2 cannot be served as work; known coinbases: 0, 1, 125552"):
        known_block(2)


def test_transactions_that_do_not_give_the_merkle_root_are_refused() -> None:
    row = {"height": "0", "coinbase_hex": known_block(1).coinbase.hex(), "other_txids": ""}
    with pytest.raises(HeaderError, match="the transactions known of block 0 do not give"):
        miner.stratum.known_jobs._proven(row)


def test_a_known_block_is_served_anew_under_another_name() -> None:
    source = KnownJobs(known_block(0))
    first, second = (source.next_job(name, 0.0, new_block=False) for name in "ab")
    assert first.clean
    assert second.clean
    assert replace(first.job, job_id="b") == second.job
    assert source.extranonce1(0) == source.extranonce1(7) == bytes(4)
    assert first.transactions == ()
    assert KnownJobs(known_block(125552)).next_job("c", 0.0, new_block=True).transactions is None


# Synthetic jobs


def test_synthetic_jobs_depend_on_their_seed_alone() -> None:
    def jobs(seed: int) -> list[object]:
        source = SyntheticJobs(seed)
        return [source.next_job(str(at), 1000.0 + at, new_block=at % 3 == 0) for at in range(9)]

    assert jobs(1) == jobs(1)
    assert jobs(1) != jobs(2)


def test_synthetic_jobs_are_new_each_time_and_change_their_previous_block_when_told() -> None:
    source = SyntheticJobs(5, NBits(0x1C0FFFFF))
    served = [source.next_job(str(at), 1000.9, new_block=at % 3 == 0) for at in range(9)]
    assert [one.clean for one in served] == [True, False, False] * 3
    assert len({one.job.previous for one in served}) == 3
    assert all(one.job.previous.endswith(bytes(4)) for one in served)
    assert len({(one.job.coinbase1, one.job.coinbase2, one.job.branch) for one in served}) == 9
    assert {(one.job.nbits, one.job.time_s) for one in served} == {(0x1C0FFFFF, 1000)}
    assert len({source.extranonce1(number) for number in range(300)}) == 300


def test_a_synthetic_coinbase_is_a_transaction() -> None:
    """Read by the rules of the format, size after size, it ends where it should."""
    source = SyntheticJobs()
    job = source.next_job("1", 0.0, new_block=True).job
    raw = job.coinbase1 + source.extranonce1(3) + bytes(source.extranonce2_bytes) + job.coinbase2
    assert raw[:5].hex() == "0100000001"
    assert raw[5:41] == bytes(32) + b"\xff" * 4
    script_size = raw[41]
    script = raw[42 : 42 + script_size]
    assert 2 <= script_size <= 100  # consensus
    assert script[0] == 3
    assert int.from_bytes(script[1:4], "little") == 840_001  # the height, BIP 34
    rest = raw[42 + script_size :]
    assert rest[:5] == b"\xff" * 4 + b"\x01"
    assert int.from_bytes(rest[5:13], "little") == 312_500_000
    assert (rest[13], len(rest)) == (22, 14 + 22 + 4)
    at, sizes = 0, []
    while at < script_size:  # pushes only
        sizes.append(script[at])
        at += 1 + script[at]
    assert (at, sizes) == (script_size, [3, 18, 8])
