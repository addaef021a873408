"""The core clock, measured without privilege: plausible, steady, and of the core that asks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize("damage", [lambda whole: b"", lambda whole: whole[:-1], lambda whole: whole[:40] + b"?" + whole[41:]])
def test_kept_code_that_is_damaged_is_compiled_anew(
    tmp_path: Path, python: Callable[..., Any], damage: Callable[[bytes], bytes]
) -> None:
    """Emptied by a full disk, say. In interpreters of their own, each of which loads it once."""

    def ask() -> None:
        done = python("-c", "from miner.backends import core_clock as c; print(c._spin(1))", NUMBA_CACHE_DIR=str(tmp_path))
        assert (done.stdout, done.stderr) == (f"{core_clock._spin(1)}\n", "")

    ask()
    kept = {path: damage(path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file()}
    for path, damaged in kept.items():
        path.write_bytes(damaged)
    ask()
    assert [path.read_bytes() for path in kept] != list(kept.values())
