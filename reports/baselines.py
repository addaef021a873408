"""Plain predictions that a model must beat, as `docs/models.md` fixed them beforehand.

Each is a hash rate over time; its value for an epoch is the mean over the observed epoch's own time, which is kind
to it. `hindsight_line` is fitted to what it is scored on: a reference that nobody can reach beforehand.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gridsim.units import S_PER_DAY
from reports.observed import Observed

Floats = NDArray[np.float64]


def mape_pct(predicted: Floats, observed: Floats) -> float:
    """Return the mean absolute error [%] of `predicted` against `observed`, both float64[epoch]."""
    return float(np.mean(np.abs(predicted - observed) / observed) * 100)


def baseline_errors_pct(observed: Observed, start_hashrate_hps: float) -> dict[str, float]:
    """Return the error [%] of every baseline by name; `start_hashrate_hps` is the epoch's before the start.

    Observed data without facts about a cut have one baseline, persistence.
    """
    real = observed.hashrates_hps()
    errors = {"persistence": mape_pct(np.full_like(real, start_hashrate_hps), real)}
    facts = observed.baselines
    if facts is None:
        return errors
    for days in facts.recovery_days:
        line = start_hashrate_hps * step_linear(observed, facts.cut_unix_s, facts.china_share, days)
        errors[f"step_linear_{days}"] = mape_pct(line, real)
    errors["share_arithmetic"] = mape_pct(start_hashrate_hps * share_arithmetic(observed, facts.orders), real)
    errors["hindsight_line"] = _hindsight_error_pct(observed, facts.cut_unix_s, start_hashrate_hps)
    return errors


def step_linear(observed: Observed, cut_unix_s: float, step: float, recovery_days: float) -> Floats:
    """Return the mean of H/H0 in each epoch: a step down at the cut, then a line back to 1."""

    def lost_until(unix_s: Floats) -> Floats:
        """Return the integral of the missing part from the cut to `unix_s`."""
        elapsed_s = np.clip(unix_s - cut_unix_s, 0, recovery_days * S_PER_DAY)
        lost: Floats = step * (elapsed_s - elapsed_s**2 / (2 * recovery_days * S_PER_DAY))
        return lost

    return 1 - _epoch_means(observed, lost_until)


def share_arithmetic(observed: Observed, orders: tuple[tuple[float, float], ...]) -> Floats:
    """Return the mean of H/H0 in each epoch: each order's share is gone from its moment [Unix s] on."""

    def lost_until(unix_s: Floats) -> Floats:
        lost = np.zeros_like(unix_s)
        for share, moment_unix_s in orders:
            lost += share * np.clip(unix_s - moment_unix_s, 0, None)
        return lost

    return 1 - _epoch_means(observed, lost_until)


def _epoch_means(observed: Observed, integral: Callable[[Floats], Floats]) -> Floats:
    first = np.array([float(epoch.first_unix_s) for epoch in observed.epochs])
    last = np.array([float(epoch.last_unix_s) for epoch in observed.epochs])
    means: Floats = (integral(last) - integral(first)) / (last - first)
    return means


def _hindsight_error_pct(observed: Observed, cut_unix_s: float, start_hashrate_hps: float) -> float:
    """Search steps of 0.1 % and whole days for the line that would have done best; the step enters a line's epochs linearly."""
    real = observed.hashrates_hps()
    steps = np.arange(0.0, 1.0, 0.001)[:, None]
    errors = []
    for days in range(5, 1001):
        missing = 1 - step_linear(observed, cut_unix_s, 1.0, days)
        lines = start_hashrate_hps * (1 - steps * missing[None, :])
        errors.append(float(np.mean(np.abs(lines - real) / real, axis=1).min()))
    return min(errors) * 100
