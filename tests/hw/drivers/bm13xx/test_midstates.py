"""Midstates side by side, held against the text of FIPS 180-4 one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.drivers.bm13xx.midstates import midstates
from miner.template import HeaderTemplate
from miner.vectors import headers

HEADERS = st.binary(min_size=80, max_size=80)


@given(st.lists(HEADERS, min_size=1, max_size=5))
def test_each_lane_is_that_of_the_slow_twin(raw: list[bytes]) -> None:
    assert midstates(raw) == tuple(HeaderTemplate(header).midstate for header in raw)


@pytest.mark.parametrize("fill", [0x00, 0xFF])
def test_full_lanes_do_not_run_over_into_the_next(fill: int) -> None:
    raw = [bytes([fill]) * 80, bytes([fill ^ 0xFF]) * 80] * 2
    assert midstates(raw) == tuple(HeaderTemplate(header).midstate for header in raw)


def test_those_of_real_blocks() -> None:
    raw = [header.to_bytes() for header in headers().values()][:8]
    assert midstates(raw) == tuple(HeaderTemplate(header).midstate for header in raw)
