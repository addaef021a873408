"""The retarget rule against the real chain, to the bit."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miner.retarget import EPOCH_BLOCKS, TIMESPAN_S, next_nbits, next_target
from miner.target import MAX_TARGET, NBits, Target
from miner.vectors import headers

EPOCHS = Path(__file__).parents[2].parent / "shared" / "data" / "difficulty_epochs.csv"
TWO_WEEKS_S = 14 * 24 * 60 * 60


@pytest.mark.parametrize(
    ("nbits", "first_s", "last_s", "wanted"),
    [
        pytest.param(0x1D00FFFF, 1261130161, 1262152739, 0x1D00D86A, id="get_next_work: block 32256"),
        pytest.param(0x1D00FFFF, 1231006505, 1233061996, 0x1D00FFFF, id="get_next_work_pow_limit: block 2016"),
        pytest.param(0x1C05A3F4, 1279008237, 1279297671, 0x1C0168FD, id="get_next_work_lower_limit_actual: block 68544"),
        pytest.param(0x1C387F6F, 1263163443, 1269211443, 0x1D00E1FD, id="get_next_work_upper_limit_actual: made up there"),
    ],
)
def test_the_vectors_of_bitcoin_core(nbits: int, first_s: int, last_s: int, wanted: int) -> None:
    """`pow_tests.cpp`; the last two are held by the clamp at a quarter and at four times two weeks."""
    assert next_nbits(NBits(nbits), last_s - first_s) == wanted


def test_every_retarget_between_shipped_headers() -> None:
    """The first and the last header of an epoch and the first of the next; here without any file beside the program."""
    known = headers()
    firsts = [height for height in known if height % 2016 == 0 and {height + 2015, height + 2016} <= known.keys()]
    wanted = {height: known[height + 2016].nbits for height in firsts}
    found = {h: next_nbits(known[h].nbits, known[h + 2015].time_s - known[h].time_s) for h in firsts}
    assert len(firsts) == 24
    assert found == wanted


@pytest.mark.skipif(not EPOCHS.exists(), reason=f"the chain data are not here: {EPOCHS}")
def test_all_356_retargets_until_2022() -> None:
    """From block 0 to block 717696: sixteen epochs at the limit, the clamp of 2010, the ban of 2021."""
    with EPOCHS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    nbits = [NBits(int(row["nbits_hex"], 16)) for row in rows]
    elapsed_s = [int(row["end_time_unix_s"]) - int(row["start_time_unix_s"]) for row in rows]
    assert [int(row["first_height"]) for row in rows] == list(range(0, 357 * 2016, 2016))
    assert [next_nbits(*epoch) for epoch in zip(nbits[:-1], elapsed_s[:-1], strict=True)] == nbits[1:]


def test_an_epoch_is_two_weeks_of_2016_blocks() -> None:
    assert (EPOCH_BLOCKS, TIMESPAN_S) == (2016, TWO_WEEKS_S)


@pytest.mark.parametrize(
    ("elapsed_s", "wanted"),
    [
        (TWO_WEEKS_S, 10**60),
        (TWO_WEEKS_S - 1, 10**60 * (TWO_WEEKS_S - 1) // TWO_WEEKS_S),
        (TWO_WEEKS_S // 4, 10**60 // 4),
        (TWO_WEEKS_S // 4 - 1, 10**60 // 4),
        (0, 10**60 // 4),
        (-7200, 10**60 // 4),  # header times may run backwards
        (TWO_WEEKS_S * 4, 4 * 10**60),
        (TWO_WEEKS_S * 4 + 1, 4 * 10**60),
    ],
)
def test_the_span_counts_from_a_quarter_to_four_times_two_weeks(elapsed_s: int, wanted: int) -> None:
    assert next_target(Target(10**60), elapsed_s) == wanted


@given(st.integers(4, MAX_TARGET), st.integers(-TWO_WEEKS_S, 10 * TWO_WEEKS_S), st.integers(0, TWO_WEEKS_S))
def test_a_slower_period_never_makes_the_next_one_harder(previous: int, elapsed_s: int, slower_s: int) -> None:
    once, then = (next_target(Target(previous), span_s) for span_s in (elapsed_s, elapsed_s + slower_s))
    assert previous // 4 <= once <= then <= min(4 * previous, MAX_TARGET)
