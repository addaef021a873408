"""Plain predictions that a model must beat, as `docs/models.md` fixed them beforehand.

Each is a hash rate over time; its value for an epoch is the mean over the observed epoch's own time, which is kind
to it. `hindsight_line` is fitted to what it is scored on: a reference that nobody can reach beforehand.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gridsim.units import S_PER_DAY
from reports.observed import Observed

Floats = NDArray[np.float64]

CUT_UNIX_S: Final = datetime(2021, 6, 19, 16, tzinfo=UTC).timestamp()  # 20 June, midnight in Beijing
CHINA_SHARE: Final = 0.4604  # CBECI mining map, April 2021
RECOVERY_DAYS: Final = (90, 180, 365)

# CBECI province shares of the world (April 2021), and the date of the order that takes each away.
PROVINCE_ORDERS: Final = (
    (0.2503 + 0.0106, datetime(2021, 6, 9, 6, tzinfo=UTC)),  # Xinjiang and Qinghai
    (0.0753, datetime(2021, 6, 19, 16, tzinfo=UTC)),  # Sichuan
    (0.0401 + 0.0172, datetime(2021, 6, 29, 16, tzinfo=UTC)),  # Yunnan and Inner Mongolia
    (0.0337 + 0.0223 + 0.0062 + 0.0046, datetime(2021, 7, 13, 16, tzinfo=UTC)),  # other provinces
)


def mape_pct(predicted: Floats, observed: Floats) -> float:
    """Return the mean absolute error [%] of `predicted` against `observed`, both float64[epoch]."""
    return float(np.mean(np.abs(predicted - observed) / observed) * 100)


def baseline_errors_pct(observed: Observed, start_hashrate_hps: float) -> dict[str, float]:
    """Return the error [%] of every baseline by name; `start_hashrate_hps` is the epoch's before the start."""
    real = observed.hashrates_hps()
    errors = {"persistence": mape_pct(np.full_like(real, start_hashrate_hps), real)}
    for days in RECOVERY_DAYS:
        line = start_hashrate_hps * step_linear(observed, CHINA_SHARE, days)
        errors[f"step_linear_{days}"] = mape_pct(line, real)
    errors["share_arithmetic"] = mape_pct(start_hashrate_hps * share_arithmetic(observed), real)
    errors["hindsight_line"] = _hindsight_error_pct(observed, start_hashrate_hps)
    return errors


def step_linear(observed: Observed, step: float, recovery_days: float) -> Floats:
    """Return the mean of H/H0 in each epoch: a step down at the cut, then a line back to 1."""

    def lost_until(unix_s: Floats) -> Floats:
        """Integral of the missing part from the cut to `unix_s`."""
        elapsed_s = np.clip(unix_s - CUT_UNIX_S, 0, recovery_days * S_PER_DAY)
        lost: Floats = step * (elapsed_s - elapsed_s**2 / (2 * recovery_days * S_PER_DAY))
        return lost

    return 1 - _epoch_means(observed, lost_until)


def share_arithmetic(observed: Observed) -> Floats:
    """Return the mean of H/H0 in each epoch: each province's share is gone from the date of its order."""

    def lost_until(unix_s: Floats) -> Floats:
        lost = np.zeros_like(unix_s)
        for share, moment in PROVINCE_ORDERS:
            lost += share * np.clip(unix_s - moment.timestamp(), 0, None)
        return lost

    return 1 - _epoch_means(observed, lost_until)


def _epoch_means(observed: Observed, integral: Callable[[Floats], Floats]) -> Floats:
    first = np.array([float(epoch.first_unix_s) for epoch in observed.epochs])
    last = np.array([float(epoch.last_unix_s) for epoch in observed.epochs])
    return (integral(last) - integral(first)) / (last - first)


def _hindsight_error_pct(observed: Observed, start_hashrate_hps: float) -> float:
    """Search step and days on a fine grid for the line that would have done best."""
    real = observed.hashrates_hps()
    grid = ((step, days) for step in np.arange(0.2, 0.7, 0.01) for days in range(30, 731, 10))
    return min(mape_pct(start_hashrate_hps * step_linear(observed, float(step), days), real) for step, days in grid)
