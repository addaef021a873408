"""What a driver costs a host, by itself and against a loop that only sleeps and reads, in the same minutes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hw.drivers.pace import REST_S, STRETCH_S

pytestmark = pytest.mark.slow

FLOOR = "sleep 50 ms and read"
# 1 % on a processor of 2024; half as fast a one takes 1.9 % for a BM1397, which wants 18 jobs a second besides.
BARS_PERCENT = {"bm1366": 1.0, "bm1370": 1.0, "bm1397": 2.5, "erupter": 1.0}


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """Return what `measure.py` prints: it refuses a run in which an answer is lost, wrong or out of order."""
    command = [sys.executable, str(Path(__file__).with_name("measure.py")), "3", "5", FLOOR, *BARS_PERCENT]
    told: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return told


@pytest.mark.parametrize(("kind", "most_percent"), BARS_PERCENT.items())
def test_a_driver_takes_less_than_its_bar(measured: dict[str, Any], kind: str, most_percent: float) -> None:
    assert measured[kind]["cpu_percent"]["median"] < most_percent


@pytest.mark.parametrize(("kind", "times"), [("bm1366", 7), ("bm1370", 7), ("bm1397", 10)])
def test_a_driver_costs_a_few_times_what_reading_costs(measured: dict[str, Any], kind: str, times: float) -> None:
    """It was 17 and 39 times as much when each answer woke it, and four midstates were worked out one by one."""
    assert measured[kind]["cpu_percent"]["median"] < times * measured[FLOOR]["cpu_percent"]["median"]


@pytest.mark.parametrize("kind", ["bm1366", "bm1370", "bm1397"])
def test_no_answer_waits_for_much_longer_than_the_longest_rest(measured: dict[str, Any], kind: str) -> None:
    late_ms = measured[kind]["late_ms"]
    assert late_ms["middle"] <= 1000 * REST_S
    assert late_ms["p99"] <= 1000 * (REST_S + STRETCH_S) + 20  # a busy machine takes its time to wake a process
