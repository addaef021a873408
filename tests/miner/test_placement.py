"""Machine code is kept at the place where it ran faster."""

from __future__ import annotations

from collections.abc import Callable
from ctypes import c_void_p, cast, memset
from gc import collect
from typing import Any

import pytest

from miner.backends.kernel import CACHE_LINE, PAIRED, SCRATCH_BYTES, VECTOR, WOVEN, Kernel
from miner.backends.native import machine_code
from miner.backends.numba_cpu import default_kernel
from miner.backends.placement import PLACES, TRIAL_NONCES, attempt_of, best_placed
from miner.backends.trial import TURNS


@pytest.mark.parametrize("slow", range(PLACES))
def test_the_faster_place_is_kept_though_it_was_held_up_once(slow: int) -> None:
    now_s, tried = 0.0, list[Any]()
    places = iter(range(PLACES))

    def attempt(place: Any) -> None:
        nonlocal now_s
        held_up_s = 9.0 if place != slow and place not in tried else 0.0
        now_s += held_up_s + (3e-3 if place == slow else 1e-3)
        tried.append(place)

    load: Callable[[], Any] = lambda: next(places)  # noqa: E731
    assert best_placed(load, attempt, lambda: now_s) != slow
    assert tried == list(range(PLACES)) * TURNS


@pytest.mark.parametrize("kernel", [Kernel(PAIRED, 16), Kernel(VECTOR, 16, 4), Kernel(WOVEN, 8, 2), Kernel(VECTOR, 1)])
def test_an_attempt_lends_a_loop_all_the_memory_that_it_may_use(kernel: Kernel) -> None:
    """It is written to the last byte here, again and again after what is not held was given back."""
    attempt, lent = attempt_of(kernel), list[int]()

    def loop(hits: Any, error: Any, words: Any, start: int, stop: int, limit: int, found: Any, room: int, *more: Any) -> int:
        _, scratch = more
        address = cast(scratch, c_void_p).value or 0
        lent.append(address)
        assert (len(words), address % CACHE_LINE, limit) == (8 * kernel.midstates + 3, 0, 0)
        assert room == len(found) >= kernel.lanes * kernel.midstates
        assert stop * kernel.midstates == TRIAL_NONCES
        memset(address, 0xFF, SCRATCH_BYTES)
        return 0

    for _ in range(3):
        attempt(loop)
        collect()
        held = [bytearray(SCRATCH_BYTES + CACHE_LINE) for _ in range(50)]
        attempt(loop)
        assert not any(map(any, held))
    assert len(set(lent)) == 1


def test_it_lets_the_kernel_of_this_machine_find_nothing() -> None:
    attempt_of(default_kernel())(machine_code(default_kernel()))
