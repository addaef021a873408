"""Turn replicates into the tables of a run folder: simulated tables first, the comparison apart.

Columns and units stand in `reports.tables_schema`; here are only the values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridsim.recorder import Series
from gridsim.result import Replicate, Trace
from gridsim.scenario import Scenario
from gridsim.units import S_PER_HOUR
from hw.units import J_PER_KWH
from miner.target import NBits, difficulty, target_from_nbits
from reports.compare import BAND, Comparison
from reports.observed import INTERVALS_PER_SPAN, epoch_hashrate_hps
from reports.tables_schema import SCHEMAS

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
MS_PER_S = 1_000


def simulated_tables(scenario: Scenario, replicates: Sequence[Replicate]) -> dict[str, pa.Table]:
    """Return every simulated table by name; those of replicate 0 only if it has arrived."""
    columns: dict[str, Mapping[str, object]] = {
        "epochs": _epochs(replicates),
        "replicates": _replicates(scenario, replicates),
        "priors": _priors(scenario, replicates),
    }
    first = replicates[0] if replicates else None
    if first is not None and first.trace is not None:
        columns["regions"] = _regions(scenario, first.trace.series, first.trace.end_s)
        columns["blocks"] = _blocks(scenario, first, first.trace)
        columns["events"] = _events(scenario, first.trace)
        columns["network"] = _network(scenario, replicates)
    return {name: _table(name, columns[name]) for name in SCHEMAS if name in columns}


def comparison_table(comparison: Comparison) -> pa.Table:
    """Return the comparison with the real chain, one row an epoch."""
    rows = comparison.epoch_rows()
    columns: dict[str, object] = {key: [row[key] for row in rows] for key in rows[0] if key != "first_unix_s"}
    columns["first_time_utc"] = _ms(np.array([row["first_unix_s"] for row in rows]))
    return _table("comparison", columns)


def _table(name: str, columns: Mapping[str, object]) -> pa.Table:
    import pyarrow as pa

    schema = SCHEMAS[name]
    arrays = [pa.array(columns[field.name], type=field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _ms(unix_s: Floats | NDArray[np.int64]) -> NDArray[np.int64]:
    """Return Unix milliseconds, the resolution of every table."""
    return np.round(np.asarray(unix_s, dtype=np.float64) * MS_PER_S).astype(np.int64)


def _unix(scenario: Scenario, time_s: Floats) -> Floats:
    unix: Floats = scenario.clock.start_unix_s + time_s
    return unix


def _regions(scenario: Scenario, series: Series, end_s: float) -> dict[str, object]:
    edges_s = series.hour_edges_s(end_s)
    power_w = series.mean(series.power_w, edges_s)
    by_id = {region.id: region.carbon_g_per_kwh.value for region in scenario.regions}
    names = [share.region for share in scenario.shares]
    carbon_g_per_j = np.array([by_id[name] for name in names]) / J_PER_KWH
    hours, regions = power_w.shape
    return {
        "time_utc": np.repeat(_ms(_unix(scenario, edges_s[:-1])), regions),
        "region": names * hours,
        "power_w": power_w.ravel(),
        "hashrate_hps": series.mean(series.hashrate_hps, edges_s).ravel(),
        "energy_j": (power_w * S_PER_HOUR).ravel(),
        "carbon_g": (power_w * S_PER_HOUR * carbon_g_per_j[None, :]).ravel(),
        "powered_fraction": series.mean(series.powered, edges_s).ravel(),
    }


def _blocks(scenario: Scenario, replicate: Replicate, trace: Trace) -> dict[str, object]:
    by_nbits = {nbits: difficulty(target_from_nbits(NBits(int(nbits)))) for nbits in np.unique(trace.block_nbits).tolist()}
    count = len(trace.block_times_s)
    return {
        "height": replicate.end_height - count + 1 + np.arange(count),
        "time_utc": _ms(np.floor(_unix(scenario, trace.block_times_s))),
        "nbits": trace.block_nbits,
        "difficulty": [by_nbits[nbits] for nbits in trace.block_nbits.tolist()],
    }


def _events(scenario: Scenario, trace: Trace) -> dict[str, object]:
    events = sorted(trace.events, key=lambda event: (event.time_s, event.event_id, event.region))
    return {
        "time_utc": _ms(_unix(scenario, np.array([event.time_s for event in events]))),
        "region": [event.region for event in events],
        "event_id": [event.event_id for event in events],
        "kind": [event.kind for event in events],
        "description": [event.description for event in events],
    }


def _network(scenario: Scenario, replicates: Sequence[Replicate]) -> dict[str, object]:
    """Bands over the hours that every replicate saw whole."""
    hours = min(len(replicate.network_hps) for replicate in replicates)
    ensemble = np.stack([replicate.network_hps[:hours] for replicate in replicates])
    low, median, high = np.percentile(ensemble, (BAND[0], 50.0, BAND[1]), axis=0)
    return {
        "time_utc": _ms(_unix(scenario, np.arange(hours, dtype=np.float64) * S_PER_HOUR)),
        "hashrate_hps": ensemble[0],
        "p05_hps": low,
        "p50_hps": median,
        "p95_hps": high,
        "without_cut_p50_hps": _without_cut(replicates, hours),
    }


def _without_cut(replicates: Sequence[Replicate], hours: int) -> Floats:
    """Median without the cut; not a number where some world had ended, or where no cut is asked about."""
    spared = [replicate.without_cut_hps for replicate in replicates if replicate.without_cut_hps is not None]
    result = np.full(hours, np.nan)
    if spared:
        common = min(hours, *(len(series) for series in spared))
        result[:common] = np.median(np.stack([series[:common] for series in spared]), axis=0)
    return result


def _epochs(replicates: Sequence[Replicate]) -> dict[str, object]:
    rows = [(replicate.index, epoch) for replicate in replicates for epoch in replicate.epochs]
    return {
        "replicate": [index for index, _ in rows],
        "first_height": [epoch.first_height for _, epoch in rows],
        "nbits": [int(epoch.nbits) for _, epoch in rows],
        "difficulty": [difficulty(target_from_nbits(epoch.nbits)) for _, epoch in rows],
        "first_time_utc": [epoch.first_unix_s * MS_PER_S for _, epoch in rows],
        "last_time_utc": [epoch.last_unix_s * MS_PER_S for _, epoch in rows],
        "span_s": [epoch.span_s for _, epoch in rows],
        "hashrate_hps": [epoch_hashrate_hps(epoch.nbits, epoch.span_s) for _, epoch in rows],
    }


def _replicates(scenario: Scenario, replicates: Sequence[Replicate]) -> dict[str, object]:
    cuts = [replicate.cut for replicate in replicates]
    return {
        "replicate": [replicate.index for replicate in replicates],
        "power_cut_w": [None if cut is None else cut.power_cut_w for cut in cuts],
        "hashrate_before_hps": [None if cut is None else cut.hashrate_before_hps for cut in cuts],
        "hashrate_after_hps": [None if cut is None else cut.hashrate_after_hps for cut in cuts],
        "energy_withheld_j": [None if cut is None else cut.energy_withheld_j for cut in cuts],
        "slowest_epoch_interval_s": [
            max((epoch.span_s for epoch in replicate.epochs), default=0) / INTERVALS_PER_SPAN for replicate in replicates
        ],
        "end_time_utc": _ms(_unix(scenario, np.array([replicate.end_s for replicate in replicates]))),
        "end_height": [replicate.end_height for replicate in replicates],
        "reached_end": [replicate.reached_end for replicate in replicates],
    }


def _priors(scenario: Scenario, replicates: Sequence[Replicate]) -> dict[str, object]:
    units = {prior.name: prior.unit for prior in scenario.priors}
    rows = [(replicate.index, name, value) for replicate in replicates for name, value in sorted(replicate.draws.items())]
    return {
        "replicate": [index for index, _, _ in rows],
        "name": [name for _, name, _ in rows],
        "value": [value for _, _, value in rows],
        "unit": [units[name] for _, name, _ in rows],
    }
