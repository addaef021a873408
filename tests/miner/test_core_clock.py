"""The core clock, measured without privilege: plausible, steady, and of the core that asks."""

from __future__ import annotations

import pytest

core_clock = pytest.importorskip("miner.backends.core_clock", exc_type=ImportError)


def test_it_is_that_of_a_computer() -> None:
    assert 0.8e9 < core_clock.core_clock_hz() < 7e9


def test_the_chain_takes_as_long_as_it_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the steps, twice the time: the compiler has not folded the chain away."""
    short = min(core_clock._timed() for _ in range(20))
    monkeypatch.setattr(core_clock, "STEPS", 2 * core_clock.STEPS)
    assert min(core_clock._timed() for _ in range(20)) / short == pytest.approx(2, rel=0.15)


def test_the_chain_is_xorshift() -> None:
    x = 88172645463325252
    for _ in range(5):
        x ^= x << 13 & 0xFFFFFFFFFFFFFFFF
        x ^= x >> 7
        x ^= x << 17 & 0xFFFFFFFFFFFFFFFF
    assert int(core_clock._spin(5)) == x
