"""A machine model refuses what no machine could be, in a sentence that holds the value."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import date

import pytest

from hw.errors import HardwareError, ModelError
from hw.models import MachineModel

S9 = MachineModel(
    maker="Bitmain",
    model="Antminer S9 (13.5Th)",
    hashrate_hps=13.5e12,
    power_w=1323,
    source="CBECI hardware list",
    as_of="2020",
    trust="high",
    released=date(2017, 9, 1),
    released_precision="month",
    quoted_efficiency_j_per_th=98,
)


def test_efficiency_follows_from_the_ratings() -> None:
    """1323 W at 13.5 TH/s is 98 J/TH, as CBECI prints it."""
    assert S9.efficiency_j_per_th == 98
    assert S9.name == "Bitmain Antminer S9 (13.5Th)"


def test_a_model_cannot_be_changed() -> None:
    """Millions of simulated machines share one."""
    with pytest.raises(FrozenInstanceError):
        S9.power_w = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"power_w": 0.0}, "power_w is 0.0; want a finite number above 0"),
        ({"power_w": float("nan")}, "power_w is nan"),
        ({"hashrate_hps": -1.0}, "hashrate_hps is -1.0"),
        ({"hashrate_hps": float("inf")}, "hashrate_hps is inf"),
        ({"source": "  "}, "source is empty; every rating needs one"),
        ({"as_of": ""}, "as_of is empty"),
        ({"maker": ""}, "maker is empty"),
        ({"trust": "certain"}, "trust is 'certain'; want one of high"),
        ({"released_precision": "week"}, "released_precision is 'week'; want one of day"),
        ({"released": None}, "no date needs unknown"),
        ({"released_precision": "unknown"}, "no date needs unknown"),
        ({"quoted_efficiency_j_per_th": 98.2}, "98.2 J/TH quoted, but 1323 W at 1.35e+13 H/s is 98.000 J/TH"),
        ({"quoted_efficiency_j_per_th": float("nan")}, "nan J/TH quoted"),
    ],
)
def test_the_impossible_is_refused(change: dict[str, object], sentence: str) -> None:
    """The message holds the value and the remedy."""
    with pytest.raises(ModelError) as caught:
        replace(S9, **change)  # type: ignore[arg-type]
    assert sentence in str(caught.value)
    assert isinstance(caught.value, HardwareError)
    assert isinstance(caught.value, ValueError)


def test_rounding_of_the_source_is_forgiven() -> None:
    """CBECI prints 29.55 J/TH for 3250 W at 110 TH/s (29.545...)."""
    rounded = replace(S9, hashrate_hps=110e12, power_w=3250, quoted_efficiency_j_per_th=29.55)
    assert rounded.efficiency_j_per_th == pytest.approx(29.5454545, rel=1e-8)


def test_a_model_without_a_date_is_welcome() -> None:
    """Resellers do not say when a machine came out."""
    assert replace(S9, released=None, released_precision="unknown").released is None
