"""A job's space is shared out without gap or overlap, among any number of threads, one version at a time or several."""

from __future__ import annotations

import threading
from dataclasses import replace
from hashlib import sha256
from itertools import combinations, islice, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miner.errors import WorkError
from miner.target import MAX_TARGET, NBits, Target
from miner.work import VERSION_ROLLING_MASK, Assignment, Job, Roll, Space, WorkUnit
from miner.work_queue import WorkQueue

JOB = Job(
    job_id="j",
    previous=bytes(32),
    coinbase1=b"before",
    coinbase2=b"after",
    branch=(),
    version=0x20000000,
    nbits=NBits(0x1D00FFFF),
    time_s=1231006505,
)


def assigned(job: Job = JOB, **changes: object) -> Assignment:
    usual = {"extranonce1": bytes(4), "extranonce2_bytes": 4, "target": MAX_TARGET, "version_mask": 0}
    return Assignment(job=job, **{**usual, **changes})


def done(units: list[WorkUnit]) -> list[tuple[bytes, int]]:
    return [
        (template.header, nonce)
        for unit in units
        for template in unit.templates
        for nonce in range(unit.start, unit.start + unit.count)
    ]


def taken(queue: WorkQueue, sizes: list[int]) -> list[WorkUnit]:
    units = []
    while unit := queue.take(sizes[len(units) % len(sizes)]):
        units.append(unit)
    return units


@settings(max_examples=80)
@given(
    mask=st.sampled_from([0, 0x2000, 0x10002000, 0x1C000000]),
    together=st.sampled_from([1, 2, 3, 4]),
    size=st.integers(0, 1),
    time_roll_s=st.integers(0, 2),
    nonces=st.tuples(st.integers(0, 20), st.integers(1, 6)),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5),
)
def test_every_header_of_the_space_is_searched_once(
    mask: int, together: int, size: int, time_roll_s: int, nonces: tuple[int, int], sizes: list[int]
) -> None:
    """Against headers written down directly: all versions, extranonces and times, however many are taken at once."""
    given_ = assigned(extranonce2_bytes=size, version_mask=mask)
    space = Space(nonces=range(nonces[0], nonces[0] + nonces[1]), time_roll_s=time_roll_s)
    units = taken(WorkQueue(given_, space, together), sizes)
    found = done(units)
    assert max(len(unit.templates) for unit in units) == min(together, 1 << mask.bit_count())
    places = [1 << place for place in range(32) if mask >> place & 1]
    versions = {0x20000000 ^ sum(chosen) for number in range(4) for chosen in combinations(places, number)}
    wanted = set()
    for version, number, later_s in product(versions, range(256**size), range(time_roll_s + 1)):
        coinbase = JOB.coinbase1 + bytes(4) + bytes([number] * size) + JOB.coinbase2
        root = sha256(sha256(coinbase).digest()).digest()
        words = version.to_bytes(4, "little"), bytes(32), root, (JOB.time_s + later_s).to_bytes(4, "little")
        header = b"".join(words) + JOB.nbits.to_bytes(4, "little") + bytes(4)
        wanted |= {(header, nonce) for nonce in space.nonces}
    assert len(found) == len(wanted)
    assert set(found) == wanted


def test_units_say_how_their_header_came_about() -> None:
    given_ = assigned(extranonce2_bytes=1, version_mask=0x6000)
    for unit in taken(WorkQueue(given_, Space(nonces=range(7, 9), time_roll_s=1)), [1]):
        (roll,) = unit.rolls
        assert (given_.header(roll),) == tuple(template.header for template in unit.templates)
        assert unit.assignment is given_


@pytest.mark.parametrize(("mask", "widths"), [(0, {1}), (0x2000, {2}), (0x6000, {4}), (0xE000, {4})])
def test_four_versions_at_once_share_all_but_the_version(mask: int, widths: set[int]) -> None:
    """Same extranonce2, same time, same nonces: their tails are the same, which is what a kernel of several midstates needs."""
    given_ = assigned(extranonce2_bytes=1, version_mask=mask)
    units = taken(WorkQueue(given_, Space(nonces=range(7, 12), time_roll_s=1), 4), [8])
    assert {len(unit.rolls) for unit in units} == widths
    for unit in units:
        assert len({(roll.extranonce2, roll.time_s) for roll in unit.rolls}) == 1
        assert len({roll.version for roll in unit.rolls}) == len(unit.rolls) == len(unit.templates)
        assert [given_.header(roll) for roll in unit.rolls] == [template.header for template in unit.templates]
        assert len({template.tail for template in unit.templates}) == 1
        assert unit.hashes == unit.count * len(unit.rolls) <= 8


def test_a_piece_is_of_one_nonce_at_least() -> None:
    unit = WorkQueue(assigned(version_mask=0x6000), Space(nonces=range(9)), 4).take(1)
    assert unit is not None
    assert (unit.count, unit.hashes) == (1, 4)


def test_the_first_header_is_the_job_as_it_came() -> None:
    """Extranonce2 from 0 in little-endian, no version rolled, the pool's time: a known-answer job needs no more."""
    queue = WorkQueue(assigned(version_mask=VERSION_ROLLING_MASK), Space(nonces=range(5, 6)))
    first, second = queue.take(10), queue.take(10)
    assert first is not None
    assert second is not None
    assert (first.rolls, first.start, first.count) == ((Roll(bytes(4), 0x20000000, JOB.time_s),), 5, 1)
    assert second.rolls == (Roll(bytes(4), 0x20002000, JOB.time_s),)
    unrolled_queue = WorkQueue(assigned(extranonce2_bytes=2), Space(nonces=range(1)))
    unrolled = list(islice(iter(lambda: unrolled_queue.take(1), None), 257))
    assert [unit.rolls[0].extranonce2.hex() for unit in unrolled][:2] == ["0000", "0100"]
    assert unrolled[256].rolls[0].extranonce2.hex() == "0001"


def test_threads_share_a_queue_without_gap_or_overlap() -> None:
    queue = WorkQueue(assigned(extranonce2_bytes=1, version_mask=0xE000), Space(nonces=range(20)), 4)
    lists: list[list[WorkUnit]] = [[] for _ in range(4)]

    def work(mine: list[WorkUnit], size: int) -> None:
        mine += iter(lambda: queue.take(size), None)

    threads = [threading.Thread(target=work, args=(mine, 3 + 2 * at)) for at, mine in enumerate(lists)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = done([unit for mine in lists for unit in mine])
    assert len(found) == len(set(found)) == 256 * 20 * 8


def test_a_time_is_not_rolled_over_its_32_bits() -> None:
    queue = WorkQueue(assigned(replace(JOB, time_s=(1 << 32) - 2), extranonce2_bytes=0), Space(nonces=range(1), time_roll_s=9))
    assert [unit.rolls[0].time_s for unit in taken(queue, [1])] == [(1 << 32) - 2, (1 << 32) - 1]
    assert queue.take(1) is None


@pytest.mark.parametrize(
    "nonces", [range(0), range(5, 5), range(-1, 4), range((1 << 32) + 1), range(0, 10, 2), range(9, 3, -1)]
)
def test_a_space_without_nonces_is_refused(nonces: range) -> None:
    with pytest.raises(WorkError, match="nonces"):
        Space(nonces=nonces)


def test_what_else_is_no_space_is_refused() -> None:
    with pytest.raises(WorkError, match="time roll"):
        Space(time_roll_s=-1)
    with pytest.raises(WorkError, match="0 hashes"):
        WorkQueue(assigned()).take(0)
    with pytest.raises(WorkError, match="0 versions at once"):
        WorkQueue(assigned(), together=0)


def test_targets_travel_with_the_work() -> None:
    unit = WorkQueue(assigned(target=Target(77))).take(1)
    assert unit is not None
    assert unit.assignment.target == 77
