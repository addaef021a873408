"""Where the hash rate stands at the start: published shares, corrected as the scenario says, per replicate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gridsim.errors import ScenarioError
from gridsim.quantity import resolve
from gridsim.scenario import Scenario


def adjusted_shares(scenario: Scenario, draws: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the share of the world's hash rate in each region, float64[region], summing to 1.

    The adjustments apply in the order of the file; what they leave is normalised once, at the end.
    """
    shares = np.array([share.share.value for share in scenario.shares])
    for change in scenario.adjustments:
        rows = [scenario.region_index(region) for region in change.regions]
        if change.kind == "scale":
            shares[rows] *= _not_negative(resolve(change.factor, draws), "adjustments.factor")
        else:
            origin = scenario.region_index(change.origin)
            moved = shares[origin] * _fraction(resolve(change.fraction, draws), "adjustments.fraction")
            shares[rows] += moved * shares[rows] / shares[rows].sum()
            shares[origin] -= moved
    normalised: NDArray[np.float64] = shares / shares.sum()
    return normalised


def cohort_shares(scenario: Scenario, draws: Mapping[str, float]) -> NDArray[np.float64]:
    """Return each cohort's share of a region's hash rate, float64[cohort], summing to 1."""
    stated = [None if cohort.share is None else resolve(cohort.share, draws) for cohort in scenario.cohorts]
    left = _fraction(1 - sum(share for share in stated if share is not None), "cohorts: what the shares leave")
    weights = sum(cohort.rest or 0.0 for cohort in scenario.cohorts)
    shares = [
        left * (cohort.rest or 0.0) / weights if share is None else share
        for share, cohort in zip(stated, scenario.cohorts, strict=True)
    ]
    return np.array(shares)


def _fraction(value: float, key: str) -> float:
    if not 0 <= value <= 1:
        raise ScenarioError(f"{key}: {value:.6g} is not a fraction; want a number from 0 to 1")
    return value


def _not_negative(value: float, key: str) -> float:
    if value < 0:
        raise ScenarioError(f"{key}: {value:.6g} is negative; want 0 or more")
    return value
