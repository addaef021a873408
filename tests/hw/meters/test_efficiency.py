"""Joules a terahash: of a device, and of a fleet by its sums."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.errors import PowerError
from hw.meters.efficiency import Efficiency, Spent, efficiency, spent_between
from hw.power import PowerSample

START = PowerSample(time_s=0.0, power_w=0.0, energy_j=0.0, source="meter A", boundary="wall", quality="measured")
TH = 10**12


def after(joules: float, **more: Any) -> PowerSample:
    return replace(START, time_s=60.0, energy_j=joules, **more)


def window(joules: float, hashes: int, **more: Any) -> Spent:
    return spent_between(replace(START, **more), after(joules, **more), hashes)


def test_an_s19_for_a_minute() -> None:
    """95 TH/s at 3250 W are 34.2 J/TH (its nameplate)."""
    told = efficiency([spent_between(START, after(3250.0 * 60), 95 * TH * 60)])
    assert told.j_per_th == pytest.approx(34.2105, rel=1e-5)
    assert told == Efficiency(j_per_th=told.j_per_th, energy_j=195_000.0, hashes=5700 * TH, boundary="wall", quality="measured")


def test_a_fleet_is_its_joules_over_its_hashes() -> None:
    """Not the mean of 10 and 100 J/TH: the efficient one hashes nine times as much."""
    told = efficiency([window(90.0, 9 * TH), window(100.0, TH)])
    assert told.j_per_th == 19.0


def test_who_draws_and_hashes_nothing_counts_with_its_joules() -> None:
    assert efficiency([window(90.0, 9 * TH), window(90.0, 0)]).j_per_th == 20.0


@given(st.lists(st.tuples(st.floats(0, 1e9), st.integers(1, 10**18)), min_size=1, max_size=10))
def test_a_fleet_lies_between_its_best_and_its_worst(devices: list[tuple[float, int]]) -> None:
    windows = [window(joules, hashes) for joules, hashes in devices]
    each = [efficiency([one]).j_per_th for one in windows]
    assert min(each) * (1 - 1e-12) <= efficiency(windows).j_per_th <= max(each) * (1 + 1e-12)


def test_the_weakest_quality_is_that_of_all() -> None:
    qualities = ("measured", "integrated", "modelled", "nameplate")
    for weakest in range(4):
        windows = [window(1.0, TH, quality=quality) for quality in qualities[: weakest + 1]]
        assert efficiency(windows).quality == qualities[weakest]


def test_two_times_of_one_device_add_up() -> None:
    both = window(90.0, TH, quality="integrated").and_then(window(10.0, TH))
    assert both == Spent(energy_j=100.0, hashes=2 * TH, boundary="wall", quality="integrated")


@pytest.mark.parametrize(("joules", "hashes"), [(-1.0, 1.0), (float("nan"), 1.0), (1.0, float("inf"))])
def test_what_cannot_have_been_spent(joules: float, hashes: float) -> None:
    with pytest.raises(PowerError, match="want 0 or more"):
        Spent(energy_j=joules, hashes=hashes, boundary="wall", quality="measured")


def test_a_machine_is_metered_at_the_wall() -> None:
    assert efficiency([window(1.0, TH, boundary="machine"), window(1.0, TH)]).j_per_th == 1.0


@pytest.mark.parametrize(
    ("windows", "sentence"),
    [
        ([], "watts of no device"),
        ([(1.0, TH, "wall"), (1.0, TH, "chip")], "watts of chip, wall; want devices metered at one boundary"),
        ([(1.0, 0, "wall")], "no hashes; want at least one"),
        ([(1.0, -1, "wall")], "-1 hashes; want 0 or more"),
        ([(-1.0, TH, "wall")], "energy_j is -1.0"),
    ],
)
def test_what_gives_no_energy_a_hash(windows: list[tuple[float, int, Any]], sentence: str) -> None:
    with pytest.raises(PowerError, match=sentence):
        efficiency([window(joules, hashes, boundary=boundary) for joules, hashes, boundary in windows])


def test_samples_of_two_meters_are_refused() -> None:
    with pytest.raises(PowerError, match="samples of two meters"):
        spent_between(START, after(1.0, source="meter B"), TH)
