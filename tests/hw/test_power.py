"""Watts keep their label, and meters do not run backwards."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.errors import PowerError
from hw.models import MachineModel
from hw.power import OUTWARD, PowerSample, energy_between_j, grid_power_w, nameplate_sample, site_power_w

S19 = MachineModel(
    maker="Bitmain",
    model="Antminer S19 (95Th)",
    hashrate_hps=95e12,
    power_w=3250,
    source="CBECI hardware list",
    as_of="2020",
    trust="high",
)
SAMPLE = PowerSample(time_s=10, power_w=100, energy_j=1000, source="meter A", boundary="machine", quality="measured")


def test_a_site_draws_its_machines_times_pue() -> None:
    """CBECI's best guess of PUE is 1.10."""
    assert site_power_w(1000, 1.0) == 1000
    assert site_power_w(3250, 1.10) == pytest.approx(3575)


@pytest.mark.parametrize("pue", [0.99, 0, -1, float("nan"), float("inf")])
def test_no_site_draws_less_than_its_machines(pue: float) -> None:
    """A PUE below 1 is a mistake, often its reciprocal."""
    with pytest.raises(PowerError, match="want 1 or more"):
        site_power_w(1000, pue)


def test_a_grid_feeds_in_what_its_lines_lose_besides() -> None:
    """Of 100 W fed in at a loss of 5 %, 95 W arrive."""
    assert grid_power_w(95, 0.05) == pytest.approx(100)
    assert grid_power_w(95, 0) == 95


@pytest.mark.parametrize("loss", [-0.01, 1, 1.5, float("nan")])
def test_no_line_loses_less_than_nothing_or_all(loss: float) -> None:
    """A loss in percent is a mistake too."""
    with pytest.raises(PowerError, match="want 0 or more and below 1"):
        grid_power_w(1000, loss)


@pytest.mark.parametrize("boundary", ["machine", *OUTWARD])
def test_every_boundary_may_stand_in_a_sample(boundary: str) -> None:
    """ "machine" as before, and the five from the chip to the grid."""
    assert replace(SAMPLE, boundary=boundary).boundary == boundary  # type: ignore[arg-type]


def test_a_negative_power_is_refused() -> None:
    """Power drawn is positive in the whole program."""
    with pytest.raises(PowerError, match=r"power_w is -1"):
        site_power_w(-1, 1.1)


def test_a_nameplate_is_called_a_nameplate() -> None:
    """An hour of an S19 is 3.25 kWh, and nobody measured it."""
    sample = nameplate_sample(S19, started_s=100, time_s=3700)
    assert (sample.power_w, sample.energy_j) == (3250, 3250 * 3600)
    assert (sample.quality, sample.boundary) == ("nameplate", "machine")
    assert "CBECI" in sample.source
    with pytest.raises(PowerError, match="before the start"):
        nameplate_sample(S19, started_s=100, time_s=99)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"time_s": float("nan")}, "time_s is nan"),
        ({"power_w": -0.5}, "power_w is -0.5; want a finite number, 0 or more"),
        ({"energy_j": float("inf")}, "energy_j is inf"),
        ({"source": " "}, "say which meter"),
        ({"boundary": "moon"}, "boundary is 'moon'; want one of machine, site"),
        ({"quality": "guessed"}, "quality is 'guessed'; want one of measured"),
    ],
)
def test_a_sample_that_no_meter_saw_is_refused(change: dict[str, object], sentence: str) -> None:
    """The message holds the value and what would be right."""
    with pytest.raises(PowerError) as caught:
        replace(SAMPLE, **change)  # type: ignore[arg-type]
    assert sentence in str(caught.value)


@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=10).map(sorted))
def test_counted_energy_adds_up(times_s: list[int]) -> None:
    """The parts between samples sum to the whole, and the whole is power times time."""
    samples = [nameplate_sample(S19, started_s=0, time_s=time_s) for time_s in times_s]
    parts_j = sum(energy_between_j(a, b) for a, b in pairwise(samples))
    assert parts_j == energy_between_j(samples[0], samples[-1]) == 3250 * (times_s[-1] - times_s[0])


@pytest.mark.parametrize(
    ("later", "sentence"),
    [
        (replace(SAMPLE, source="meter B"), "two meters"),
        (replace(SAMPLE, boundary="site"), "two meters"),
        (replace(SAMPLE, time_s=9), "earlier one first"),
        (replace(SAMPLE, time_s=11, energy_j=None), "no energy counter"),
        (replace(SAMPLE, time_s=11, energy_j=999), "counter fell from 1000 J to 999 J"),
    ],
)
def test_samples_that_do_not_belong_together_are_refused(later: PowerSample, sentence: str) -> None:
    """No silent absolute value, no silent reset."""
    with pytest.raises(PowerError, match=sentence):
        energy_between_j(SAMPLE, later)
