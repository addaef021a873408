"""A small finished run, written as a run writes it, and what may be changed in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

Change = Callable[[dict[str, pa.Table]], None]
WriteRun = Callable[[Change], Path]

START = datetime(2021, 6, 19, 15, 0, tzinfo=UTC)  # an hour before Sichuan's cut
START_MS = int(START.timestamp() * 1000)
HOURS = 4
POWER_W = {"Sichuan": [2e9, 1e9, 0.0, 0.0], "Texas": [5e8, 5e8, 6e8, 7e8]}
MOMENT = pa.timestamp("ms", tz="UTC")

MANIFEST = {
    "schema_version": 1,
    "run_id": "sichuan-2021-20261123T083000Z",
    "scenario": {"id": "sichuan-2021", "title": 'Sichuan <cut> & "all"', "sha256": "0" * 64},
    "seed": 7,
    "version": "0.1.0",
    "start_utc": "2021-06-19T15:00:00Z",
    "end_utc": "2021-06-19T19:00:00Z",
}


def _run_tables() -> dict[str, pa.Table]:
    """Return the tables of a small run: two regions, four hours, four blocks, one cut."""
    names = list(POWER_W)
    power_w = np.array([POWER_W[name] for name in names]).T
    hours_ms = START_MS + 3_600_000 * np.arange(HOURS)
    event_ms = [START_MS + 3_600_000, START_MS + 9_000_000]
    network = np.array([130e18, 115e18, 100e18, 101e18])
    return {
        "regions": pa.table({
            "time_utc": pa.array(np.repeat(hours_ms, 2), MOMENT),
            "region": pa.array(names * HOURS).dictionary_encode(),
            "power_w": power_w.ravel(),
            "hashrate_hps": (power_w / 60 * 1e12).ravel(),
            "energy_j": (power_w * 3600).ravel(),
            "carbon_g": (power_w * 3600 * np.array([24, 400]) / 3.6e6).ravel(),
            "powered_fraction": np.array([[1, 1], [0.5, 1], [0, 1], [0, 1]], dtype=float).ravel(),
        }),
        "blocks": pa.table({
            "height": pa.array([688000, 688001, 688002, 688003]),
            "time_utc": pa.array([START_MS + 1000 * s for s in (60, 700, 5400, 14000)], MOMENT),
            "nbits": pa.array([0x170D1F8C] * 4, pa.uint32()),
            "difficulty": [19.9e12] * 4,
        }),
        "events": pa.table({
            "time_utc": pa.array(event_ms, MOMENT),
            "region": ["Sichuan", "Texas"],
            "event_id": ["sichuan-cut", "hot-week"],
            "kind": ["cut", "rationing"],
            "description": ["all sites off", "a hot week"],
        }),
        "network": pa.table({
            "time_utc": pa.array(hours_ms, MOMENT),
            "hashrate_hps": network,
            "p05_hps": network,
            "p50_hps": network,
            "p95_hps": network,
        }),
    }


def _write_run(folder: Path, change: Change = lambda tables: None) -> Path:
    """Write a finished run folder; `change` may damage its tables."""
    folder.mkdir()
    tables = _run_tables()
    change(tables)
    outputs = {}
    for name, table in tables.items():
        path = folder / f"{name}.parquet"
        pq.write_table(table, path, compression="zstd")
        outputs[path.name] = {"rows": table.num_rows, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(MANIFEST | {"outputs": outputs}), encoding="utf-8")
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return the folder of the run."""
    return _write_run(tmp_path / "run")


@pytest.fixture
def write_run(tmp_path: Path) -> WriteRun:
    """Return a function that writes the run with its tables changed, and returns its folder."""
    return lambda change: _write_run(tmp_path / "run", change)


@pytest.fixture
def start_s() -> float:
    """Return when the run of four hours begins, in Unix time [s]."""
    return START.timestamp()
