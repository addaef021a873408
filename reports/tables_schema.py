"""Every table of a run folder: columns, types, units. Units stand in the name and in the field's metadata."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

_TIME: Final = pa.timestamp("ms", tz="UTC")
_NAME: Final = pa.dictionary(pa.int32(), pa.string())
_FLOAT: Final = pa.float64()


def _field(name: str, kind: pa.DataType, unit: str, long_name: str, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"unit": unit, "long_name": long_name})


_REPLICATE: Final = _field("replicate", pa.int32(), "1", "index of the replicate; 0 is the run that figures show")
_HEIGHT: Final = _field("first_height", pa.int64(), "1", "height of the epoch's first block")

SCHEMAS: Final[dict[str, pa.Schema]] = {
    "regions": pa.schema([
        _field("time_utc", _TIME, "ms", "start of the hour"),
        _field("region", _NAME, "1", "region of the grid"),
        _field("power_w", _FLOAT, "W", "mean power over the hour, at the site meter"),
        _field("hashrate_hps", _FLOAT, "H/s", "mean hash rate over the hour"),
        _field("energy_j", _FLOAT, "J", "energy in the hour, at the site meter"),
        _field("carbon_g", _FLOAT, "g", "carbon dioxide of that energy, by the region's yearly average factor"),
        _field("powered_fraction", _FLOAT, "1", "share of the region's fleet, displaced machines included, that runs"),
    ]),
    "blocks": pa.schema([
        _field("height", pa.int64(), "1", "height of the block"),
        _field("time_utc", _TIME, "ms", "header time, whole seconds"),
        _field("nbits", pa.uint32(), "1", "compact target it was found at"),
        _field("difficulty", _FLOAT, "1", "difficulty it was found at"),
    ]),
    "events": pa.schema([
        _field("time_utc", _TIME, "ms", "when it happened"),
        _field("region", _NAME, "1", "region of the grid"),
        _field("event_id", _NAME, "1", "the scenario's id of the event"),
        _field("kind", _NAME, "1", "rationing, order, cut, sweep, seasonal, restore or deadline"),
        _field("description", pa.string(), "1", "what happened"),
    ]),
    "network": pa.schema([
        _field("time_utc", _TIME, "ms", "start of the hour"),
        _field("hashrate_hps", _FLOAT, "H/s", "mean hash rate of replicate 0"),
        _field("p05_hps", _FLOAT, "H/s", "5 % quantile over the replicates"),
        _field("p50_hps", _FLOAT, "H/s", "median over the replicates"),
        _field("p95_hps", _FLOAT, "H/s", "95 % quantile over the replicates"),
        _field("without_cut_p50_hps", _FLOAT, "H/s", "median of the same worlds without the cut; NaN where there is none"),
    ]),
    "epochs": pa.schema([
        _REPLICATE,
        _HEIGHT,
        _field("nbits", pa.uint32(), "1", "compact target of the epoch"),
        _field("difficulty", _FLOAT, "1", "difficulty of the epoch"),
        _field("first_time_utc", _TIME, "ms", "header time of its first block"),
        _field("last_time_utc", _TIME, "ms", "header time of its last block"),
        _field("span_s", pa.int64(), "s", "between the two: 2015 intervals"),
        _field("hashrate_hps", _FLOAT, "H/s", "difficulty x 2^32 x 2015 / span"),
    ]),
    "replicates": pa.schema([
        _REPLICATE,
        _field("power_cut_w", _FLOAT, "W", "power that the cut took, at the site meter", nullable=True),
        _field("hashrate_before_hps", _FLOAT, "H/s", "network in the window before the cut", nullable=True),
        _field("hashrate_after_hps", _FLOAT, "H/s", "network in the window after the cut", nullable=True),
        _field("energy_withheld_j", _FLOAT, "J", "energy that the cut withheld up to the horizon", nullable=True),
        _field("slowest_epoch_interval_s", _FLOAT, "s", "mean block interval of the slowest epoch"),
        _field("end_time_utc", _TIME, "ms", "end of this replicate"),
        _field("end_height", pa.int64(), "1", "its last block"),
        _field("reached_end", pa.bool_(), "1", "whether that is the height asked for"),
    ]),
    "priors": pa.schema([
        _REPLICATE,
        _field("name", _NAME, "1", "name of the prior"),
        _field("value", _FLOAT, "see unit", "value drawn"),
        _field("unit", _NAME, "1", "unit of the value"),
    ]),
    "comparison": pa.schema([
        _HEIGHT,
        _field("first_time_utc", _TIME, "ms", "header time of the real epoch's first block"),
        _field("simulated_ehps", _FLOAT, "EH/s", "median over the replicates"),
        _field("p05_ehps", _FLOAT, "EH/s", "5 % quantile"),
        _field("p95_ehps", _FLOAT, "EH/s", "95 % quantile"),
        _field("sd_ehps", _FLOAT, "EH/s", "standard deviation over the replicates"),
        _field("observed_ehps", _FLOAT, "EH/s", "the real chain, by the same estimator"),
        _field("simulated_change_pct", _FLOAT, "%", "median change of difficulty that closes the epoch"),
        _field("observed_change_pct", _FLOAT, "%", "the real one"),
        _field("z", _FLOAT, "1", "(observed - median) / sqrt(sd^2 + (2.2 %)^2)"),
        _field("observed_interval_s", _FLOAT, "s", "mean block interval of the real epoch"),
        _field("simulated_interval_s", _FLOAT, "s", "median over the replicates"),
        _field("interval_p05_s", _FLOAT, "s", "5 % quantile"),
        _field("interval_p95_s", _FLOAT, "s", "95 % quantile"),
    ]),
}
"""Schemas by table name; the files are `<name>.parquet`."""
