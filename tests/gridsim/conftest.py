"""A small scenario as a plain table, for tests to bend."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gridsim.scenario import Scenario
from hw.catalogue import machine

START = datetime(2021, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    """Return the moment `number` days after the start."""
    return START + timedelta(days=number)


def sourced(value: float, unit: str = "made up") -> dict[str, Any]:
    return {"value": value, "unit": unit, "source": "a test", "as_of": "2021-01-01"}


TABLE: dict[str, Any] = {
    "schema_version": 1,
    "id": "tiny",
    "title": "A tiny world",
    "summary": "Two regions and one model.",
    "start_utc": START,
    "cap_utc": day(60),
    "replicates": 3,
    "pue": 1.25,
    "network": {
        "start_height": 2016 * 100,
        "end_height": 2016 * 102,
        "nbits": "170da863",
        "hashrate_ehps": sourced(150.0, "EH/s"),
    },
    "cohorts": ({"id": "s19", "machine": "Antminer S19 (95Th)", "rest": 1.0},),
    "shares": ({"region": "A", "share": sourced(0.5)}, {"region": "B", "share": sourced(0.5), "host_weight": 1.0}),
    "economy": {"fees_btc_per_block": sourced(1.0), "price_source": "a test", "price": ({"at": START, "usd": 30_000.0},)},
    "migration": {
        "covert_fraction": 0.0,
        "covert_median_days": 5.0,
        "ship_limit_j_per_th": 100.0,
        "ship_fraction": 1.0,
        "freight_median_days": 5.0,
        "freight_sigma": 0.3,
        "lot_machines": 5000.0,
    },
    "hosting": {
        "headroom_gw": 0.0,
        "growth_start_gw_per_month": 0.0,
        "growth_full_gw_per_month": 0.0,
        "ramp_from": START,
        "ramp_months": 1.0,
    },
    "growth": {"cohort": "s19", "ehps_per_month": 0.0},
    "regions": tuple(
        {
            "id": region,
            "country": "Nowhere",
            "carbon_g_per_kwh": sourced(carbon, "gCO2/kWh"),
            "tariff_usd_per_kwh": sourced(0.05, "USD/kWh"),
        }
        for region, carbon in (("A", 24.0), ("B", 469.0))
    ),
    "priors_sha256": "none",
}


@pytest.fixture
def make() -> Callable[..., Scenario]:
    """Build the tiny scenario with some of its parts replaced; `migration__ship_fraction=0` reaches inside."""

    def build(**changes: Any) -> Scenario:
        table = deepcopy(TABLE)
        for key, value in changes.items():
            *outer, inner = key.split("__")
            place = table
            for step in outer:
                place = place[step]
            place[inner] = value
        table["machines"] = tuple(machine(cohort["machine"]) for cohort in table["cohorts"])
        return Scenario.model_validate(table)

    return build


@pytest.fixture
def order() -> Callable[..., dict[str, Any]]:
    """Build an order that shuts region A on day 3, all at once."""

    def build(**changes: Any) -> dict[str, Any]:
        event = {
            "kind": "order",
            "id": "SHUT",
            "regions": ("A",),
            "start": day(3),
            "ramp_h": 0.0,
            "fraction": 1.0,
            "closes": True,
            "description": "A is shut",
            "source": "a test",
        }
        return {**event, **changes}

    return build
