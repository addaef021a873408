"""What is said and borne only so often: sentences in a while, lines without sense among others."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from miner.stratum.patience import GOOD_FOR_BAD, Patience
from miner.stratum.sparing import SparingLog


def test_only_so_many_sentences_in_a_while(time_class: type[Any], caplog: pytest.LogCaptureFixture) -> None:
    clock = time_class()
    log = SparingLog(logging.getLogger("miner.test"), clock, most=3, span_s=60.0)
    for round_ in range(2):
        for number in range(1000):
            log.say(logging.WARNING, "sentence %d of round %d", number, round_)
        clock.now_s += 61
    assert [record.getMessage() for record in caplog.records] == [
        "sentence 0 of round 0",
        "sentence 1 of round 0",
        "sentence 2 of round 0; more like it are left out for 60 s",
        "sentence 0 of round 1",
        "sentence 1 of round 1",
        "sentence 2 of round 1; more like it are left out for 60 s",
    ]


def test_patience_ends_with_many_bad_lines_and_comes_back_with_good_ones() -> None:
    patience = Patience(3)
    assert [patience.bad() for _ in range(3)] == [False, False, True]
    for _ in range(2 * GOOD_FOR_BAD):
        patience.good()
    assert [patience.bad() for _ in range(2)] == [False, True]
    calm = Patience(3)
    for _ in range(10 * GOOD_FOR_BAD):
        calm.good()
    assert [calm.bad() for _ in range(3)] == [False, False, True]  # it is not saved up
