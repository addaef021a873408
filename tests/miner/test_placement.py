"""Machine code is kept at the place where it ran faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from miner.backends.kernel import Kernel
from miner.backends.native import machine_code
from miner.backends.numba_cpu import default_kernel
from miner.backends.placement import PLACES, TURNS, attempt_of, best_placed


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


@pytest.mark.parametrize("midstates", [1, 2, 4])
def test_an_attempt_is_harmless_to_any_kernel(midstates: int) -> None:
    kernel = default_kernel()
    kernel = Kernel(kernel.kind, kernel.lanes, midstates if default_kernel().kind == 0 else 1)
    attempt = attempt_of(kernel)
    for _ in range(20):  # memory that it must not touch would be somebody else's by now
        attempt(machine_code(kernel))
