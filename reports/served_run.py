"""Read a finished run folder into the arrays that `reports.snapshot` looks at."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from reports.errors import RunFolderError
from reports.snapshot import S_PER_ROW, RunIdentity, RunSeries
from reports.write import MANIFEST, read_manifest

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]

COLUMNS: Final = {
    "regions": ("time_utc", "region", "power_w", "hashrate_hps", "energy_j", "carbon_g", "powered_fraction"),
    "blocks": ("height", "time_utc", "difficulty"),
    "events": ("time_utc", "region", "kind"),
    "network": ("time_utc", "hashrate_hps"),
}

_MS_PER_S: Final = 1_000  # exact; the tables keep milliseconds


def read_served_run(folder: Path) -> tuple[RunIdentity, RunSeries]:
    """Return identity and replicate 0 of the finished run in `folder`.

    Raises
    ------
    RunFolderError
        If there is no such folder, the run did not finish, or a table is missing, broken or not the one that the run
        wrote; the message says which.
    """
    manifest = read_manifest(folder)
    identity = _identity(manifest, folder)
    files = {name: f"{name}.parquet" for name in COLUMNS}
    tables = {name: _table(folder / file, COLUMNS[name], _digest(manifest, file)) for name, file in files.items()}
    hours_s, regions, grids = _grids(tables["regions"], folder)
    block_s = _seconds(tables["blocks"])
    event_s = _seconds(tables["events"])
    network_s = _seconds(tables["network"])
    for name, times_s in (("blocks", block_s), ("events", event_s), ("network", network_s)):
        if np.any(np.diff(times_s) < 0):
            raise RunFolderError(f"{folder}: {name}.parquet is not in order of time; run the scenario again")
    ends_s = [hours_s[-1] + S_PER_ROW, *block_s[-1:], *event_s[-1:]]
    events = zip(event_s.tolist(), tables["events"]["region"].to_pylist(), tables["events"]["kind"].to_pylist(), strict=True)
    return identity, RunSeries(
        start_s=float(hours_s[0]),
        end_s=float(max(ends_s)),
        regions=regions,
        hours_s=hours_s,
        power_w=grids["power_w"],
        hashrate_hps=grids["hashrate_hps"],
        powered_fraction=grids["powered_fraction"],
        carbon_g_per_j=_intensity(grids["carbon_g"], grids["energy_j"]),
        energy_j=_running_total(grids["energy_j"]),
        carbon_g=_running_total(grids["carbon_g"]),
        network_s=network_s,
        network_hps=_floats(tables["network"], "hashrate_hps"),
        block_s=block_s,
        heights=tables["blocks"]["height"].to_numpy().astype(np.int64),
        difficulty=_floats(tables["blocks"], "difficulty"),
        events=tuple(events),
    )


def _identity(manifest: Mapping[str, Any], folder: Path) -> RunIdentity:
    try:
        return RunIdentity(
            run_id=str(manifest["run_id"]),
            scenario=str(manifest["scenario"]["id"]),
            seed=str(manifest["seed"]),
            version=str(manifest.get("version") or "unknown"),
        )
    except (KeyError, TypeError) as error:
        raise RunFolderError(f"{folder / MANIFEST}: does not say which run this is ({error}); run the scenario again") from None


def _digest(manifest: Mapping[str, Any], file: str) -> str:
    """Return the sha256 that the manifest gives for a file, or an empty text."""
    outputs = manifest.get("outputs")
    entry = outputs.get(file) if isinstance(outputs, dict) else None
    return str(entry.get("sha256")) if isinstance(entry, dict) else ""


def _table(path: Path, columns: tuple[str, ...], digest: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise RunFolderError(f"{path.parent}: no {path.name}; the run is damaged, run the scenario again")
    try:
        content = path.read_bytes()
        if sha256(content).hexdigest() != digest:
            raise RunFolderError(f"{path}: not the file that the manifest lists; run the scenario again")
        table = pq.ParquetFile(pa.BufferReader(content)).read()
    except (OSError, pa.ArrowException) as error:
        raise RunFolderError(f"{path}: cannot be read ({str(error).splitlines()[0]}); run the scenario again") from None
    missing = [column for column in columns if column not in table.column_names]
    if missing:
        raise RunFolderError(
            f"{path}: no column {', '.join(missing)}; the run was made by another version, run the scenario again"
        )
    holes = [column for column in columns if table[column].null_count]
    if holes:
        raise RunFolderError(f"{path}: empty values in {', '.join(holes)}; the run is damaged, run the scenario again")
    return table


def _grids(table: pa.Table, folder: Path) -> tuple[Floats, tuple[str, ...], dict[str, Floats]]:
    """Fold the long table into float64[hour, region] for each measure."""
    times_s = _seconds(table)
    names = table["region"].to_pylist()
    hours_s = np.unique(times_s)
    count = len(names) // max(len(hours_s), 1)
    whole = len(names) > 0 and names == names[:count] * len(hours_s) and np.array_equal(times_s, np.repeat(hours_s, count))
    if not whole or len(set(names[:count])) != count or np.any(np.diff(hours_s) != S_PER_ROW):
        raise RunFolderError(
            f"{folder}: regions.parquet does not hold every region once for every hour; run the scenario again"
        )
    grids = {column: _floats(table, column).reshape(len(hours_s), count) for column in COLUMNS["regions"][2:]}
    for column, grid in grids.items():
        if not (np.all(np.isfinite(grid)) and np.all(grid >= 0)):
            raise RunFolderError(
                f"{folder}: regions.parquet has a {column} that is negative or no number; run the scenario again"
            )
    return hours_s, tuple(names[:count]), grids


def _seconds(table: pa.Table) -> Floats:
    """Return Unix seconds, float64[row]."""
    import pyarrow as pa

    milliseconds = table["time_utc"].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64()).to_numpy()
    seconds: Floats = milliseconds / _MS_PER_S
    return seconds


def _floats(table: pa.Table, column: str) -> Floats:
    values: Floats = table[column].to_numpy().astype(np.float64)
    return values


def _intensity(carbon_g: Floats, energy_j: Floats) -> Floats:
    """Return g/J, not a number where there is no energy."""
    nothing = np.full_like(energy_j, np.nan)
    intensity: Floats = np.divide(carbon_g, energy_j, out=nothing, where=energy_j > 0)
    return intensity


def _running_total(hourly: Floats) -> Floats:
    """Return sums up to each hour's start and to the end, float64[hour + 1, region]."""
    totals: Floats = np.concatenate([np.zeros((1, hourly.shape[1])), np.cumsum(hourly, axis=0)])
    return totals
