"""What a finished run looked like at one moment: a pure function from (run, time) to a frozen state.

Gauges hold the mean of the table's hour that contains the moment. Counters grow inside an hour in proportion to time,
so that their rate is the gauge. The tables hold whole hours; in the last part of an hour before the run's end gauges
keep the last hour's mean and energy counters stand still, since nothing was recorded there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

S_PER_ROW: Final = 3_600  # the tables are hourly

CAUSES: Final = {"cut": "order", "order": "order", "rationing": "shortage"}  # event kind -> cause of a cut-off


@dataclass(frozen=True, slots=True, kw_only=True)
class RunIdentity:
    """Which run this is: its id, its scenario's id, its seed, and the version of the program that made it."""

    run_id: str
    scenario: str
    seed: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSeries:
    """Replicate 0 of a run as arrays; times are Unix seconds.

    `hours_s` float64[hour] are the starts of the table's hours; `power_w`, `hashrate_hps`, `powered_fraction`
    float64[hour, region] their means, and `carbon_g_per_j` alike, not a number without energy; `energy_j`,
    `carbon_g` float64[hour + 1, region] are sums up to each start and to the end.
    `network_hps` float64[hour] belongs to `network_s`; `block_s`, `heights`, `difficulty` are [block], oldest first.
    `events` are (time, region, kind), oldest first.
    """

    start_s: float
    end_s: float
    regions: tuple[str, ...]
    hours_s: Floats
    power_w: Floats
    hashrate_hps: Floats
    powered_fraction: Floats
    carbon_g_per_j: Floats
    energy_j: Floats
    carbon_g: Floats
    network_s: Floats
    network_hps: Floats
    block_s: Floats
    heights: NDArray[np.int64]
    difficulty: Floats
    events: tuple[tuple[float, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionState:
    """One region at one moment; energy and carbon since the run began. No intensity without energy."""

    region: str
    power_w: float
    hashrate_hps: float
    powered_fraction: float
    energy_j: float
    carbon_g: float
    carbon_g_per_j: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A run at one moment, `time_s` in Unix seconds. Height and difficulty are None before the first block.

    `cutoffs` are (region, cause, count), `events` (kind, count): every pair that the run ever has, from 0 on.
    """

    time_s: float
    progress_ratio: float
    regions: tuple[RegionState, ...]
    network_hps: float | None
    blocks: int
    block_height: int | None
    difficulty: float | None
    cutoffs: tuple[tuple[str, str, int], ...]
    events: tuple[tuple[str, int], ...]


def state_at(run: RunSeries, time_s: float) -> Snapshot:
    """Return what the run looked like at `time_s` [s, Unix]; before its start and after its end it stands still."""
    moment_s = min(max(time_s, run.start_s), run.end_s)
    length_s = run.end_s - run.start_s
    blocks = int(np.searchsorted(run.block_s, moment_s, side="right"))
    hour = _place(run.network_s, moment_s)
    past = [(region, kind) for at_s, region, kind in run.events if at_s <= moment_s]
    return Snapshot(
        time_s=moment_s,
        progress_ratio=(moment_s - run.start_s) / length_s if length_s > 0 else 1.0,
        regions=_regions(run, moment_s),
        network_hps=None if hour is None else float(run.network_hps[hour]),
        blocks=blocks,
        block_height=int(run.heights[blocks - 1]) if blocks else None,
        difficulty=float(run.difficulty[blocks - 1]) if blocks else None,
        cutoffs=_cutoffs(run, past),
        events=tuple(
            (kind, sum(1 for _, seen in past if seen == kind)) for kind in sorted({kind for _, _, kind in run.events})
        ),
    )


def _regions(run: RunSeries, moment_s: float) -> tuple[RegionState, ...]:
    hour = _place(run.hours_s, moment_s)
    if hour is None:
        return ()
    elapsed = min((moment_s - run.hours_s[hour]) / S_PER_ROW, 1.0)
    states = []
    for column, region in enumerate(run.regions):
        energy_j, carbon_g = (totals[hour : hour + 2, column] for totals in (run.energy_j, run.carbon_g))
        intensity = float(run.carbon_g_per_j[hour, column])
        states.append(
            RegionState(
                region=region,
                power_w=float(run.power_w[hour, column]),
                hashrate_hps=float(run.hashrate_hps[hour, column]),
                powered_fraction=float(run.powered_fraction[hour, column]),
                energy_j=_between(energy_j, elapsed),
                carbon_g=_between(carbon_g, elapsed),
                carbon_g_per_j=intensity if isfinite(intensity) else None,
            )
        )
    return tuple(states)


def _place(starts_s: Floats, moment_s: float) -> int | None:
    """Return the row whose hour contains the moment; the last row also stands for what follows it."""
    place = int(np.searchsorted(starts_s, moment_s, side="right")) - 1
    return place if place >= 0 else None


def _between(ends: Floats, elapsed: float) -> float:
    """Return the total after `elapsed` (0 to 1) of an hour; exactly the recorded one at its end."""
    return float(ends[1]) if elapsed >= 1 else float(ends[0] + (ends[1] - ends[0]) * elapsed)


def _cutoffs(run: RunSeries, past: Iterable[tuple[str, str]]) -> tuple[tuple[str, str, int], ...]:
    counts = {(region, CAUSES[kind]): 0 for _, region, kind in run.events if kind in CAUSES}
    for region, kind in past:
        if kind in CAUSES:
            counts[region, CAUSES[kind]] += 1
    return tuple((region, cause, count) for (region, cause), count in sorted(counts.items()))
