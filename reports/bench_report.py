"""A benchmark as JSON, as a table for a terminal, as rows of CSV, and held against an older one."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np

from miner.bench.compare import Ratio, ratio_of_medians
from miner.bench.energy import Energy
from miner.bench.run import BenchResult
from miner.bench.sampling import Sample
from miner.errors import BenchError
from miner.units import HASHES_PER_MH
from reports.errors import BenchFileError

Json = dict[str, object]

SCHEMA_VERSION = 1
METER_STEPS: Final[Mapping[str, tuple[float, float]]] = {
    "rapl": (0.0, 0.001),  # about 1 ms: docs/manual/meters.md, whose sources these are
    "nvml": (0.0, 0.1),  # about 0.1 s
    "pzem": (0.1, 0.0),  # 0.1 W
    "sdm120": (0.1, 0.0),  # a float, whose own step nobody states; assumed as that of the PZEM
}
"""The steps in which a meter tells power [W], and in which its energy moves [s]; one on paper has none."""
CSV_COLUMNS = (
    "date_utc",
    "backend",
    "threads",
    "midstates",
    "sample",
    "seconds",
    "hashes",
    "hashes_per_second",
    "core_clock_hz",
)


def result_json(result: BenchResult, energy_reason: str | None) -> Json:
    """Return one backend's result; `energy_reason` says why there is no energy if there is none."""
    audit, rates = result.audit, result.rates_hps
    return {
        "backend": result.backend,
        "threads": result.settings.threads,
        "midstates": result.settings.midstates,
        "searched_together": result.searched_together,
        "hashes_per_second": {"median": result.median_hps, "min": min(rates), "max": max(rates), "samples": rates},
        "cycles_per_hash": result.cycles_per_hash,
        "core_clock_hz": result.core_clock_hz,
        "hashes": sum(sample.hashes for sample in result.samples),
        "verified_hits": audit.verified_hits,
        "expected_hits": audit.expected_hits,
        "hits_z": audit.z,
        "hits_z_by_midstate": audit.z_by_midstate,
        "planted_nonces": audit.planted,
        "planted_nonces_found": audit.planted_found,
        "smallest_skip_detectable_pct": audit.smallest_skip_detectable_pct,
        "audit_passed": audit.passed,
        "samples": [_sample_json(sample) for sample in result.samples],
        "energy": None if result.energy is None else _energy_json(result.energy),
        "energy_reason": energy_reason,
    }


def document(results: Sequence[BenchResult], facts: Mapping[str, object], energy_reason: str | None) -> Json:
    """Return the whole benchmark: with one backend, its result beside the facts; with several, a list of them."""
    settings = asdict(results[0].settings)
    rows = [result_json(result, energy_reason) for result in results]
    head: Json = {"schema_version": SCHEMA_VERSION, **facts, "settings": settings}
    return {**rows[0], **head} if len(rows) == 1 else {**head, "results": rows}


def results_of(document: Json) -> list[Json]:
    """Return the backends' results of a document, one or several."""
    rows = document.get("results", [document])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BenchFileError("`results` is no list of results; want a file that `hashwatt bench --json` wrote")
    return rows


def read_document(path: Path) -> Json:
    """Read a benchmark that was written as JSON.

    Raises
    ------
    BenchFileError
        If it cannot be read, or is no benchmark.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise BenchFileError(
            f"{path}: cannot be read ({error.strerror}); want a file that `hashwatt bench --json` wrote"
        ) from None
    except (ValueError, RecursionError):
        raise BenchFileError(f"{path}: not JSON; want a file that `hashwatt bench --json` wrote") from None
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        raise BenchFileError(f"{path}: schema version {version!r}; want {SCHEMA_VERSION}, as `hashwatt bench --json` writes")
    return dict(document)


def compared(new: Json, old: Json, path: Path) -> list[Json]:
    """Return the ratio of every backend that both documents hold with as many threads and midstates, with its interval.

    Raises
    ------
    BenchFileError
        If they share none, or the old samples are no rates.
    """
    check_comparable(results_of(new), old, path)
    before = {_key(row): row for row in results_of(old)}
    rng = np.random.default_rng(1)
    return [
        {
            **{name: row.get(name, 1) for name in ("backend", "threads", "midstates")},
            **asdict(_ratio(row, before[_key(row)], rng, path)),
        }
        for row in results_of(new)
        if _key(row) in before
    ]


def check_comparable(rows: Sequence[Json], old: Json, path: Path) -> None:
    """Refuse an older document that holds none of `rows`, of which backend, threads and midstates are looked at.

    Raises
    ------
    BenchFileError
        With what it holds, and what was wanted.
    """
    wanted, known = ([_key(row) for row in some] for some in (rows, results_of(old)))
    if not set(wanted) & set(known):
        raise BenchFileError(
            f"{path}: holds {', '.join(known) or 'nothing'}, none of what is measured now ({', '.join(wanted)}); "
            "nothing to compare"
        )


def _key(row: Json) -> str:
    """Return what must be the same of two results; files from before there were midstates mean one."""
    midstates = row.get("midstates", 1)
    return f"{row.get('backend')} on {row.get('threads')} threads" + ("" if midstates == 1 else f", {midstates} midstates")


def _ratio(new: Json, old: Json, rng: np.random.Generator, path: Path) -> Ratio:
    try:
        samples = [row["hashes_per_second"]["samples"] for row in (new, old)]  # type: ignore[index]
        return ratio_of_medians(samples[0], samples[1], rng)
    except (KeyError, TypeError, ValueError, BenchError) as error:
        raise BenchFileError(f"{path}: {old.get('backend')}: no samples to compare ({error})") from None


def check_columns(path: Path) -> None:
    """Refuse a CSV file whose rows have other columns: BenchFileError. One that is new or empty will do."""
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        columns = tuple(next(csv.reader(file), ()))
    if columns != CSV_COLUMNS:
        raise BenchFileError(f"{path}: its first line is not {','.join(CSV_COLUMNS)}; give another file, and it will be made")


def append_csv(path: Path, document: Json) -> None:
    """Add a row for each sample to a CSV file, with a header line if it is new."""
    new = not path.exists() or path.stat().st_size == 0
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, CSV_COLUMNS)
        if new:
            writer.writeheader()
        for row in results_of(document):
            for number, sample in enumerate(row["samples"]):  # type: ignore[arg-type,var-annotated]
                writer.writerow({
                    "date_utc": document["date_utc"],
                    "backend": row["backend"],
                    "threads": row["threads"],
                    "midstates": row["midstates"],
                    "sample": number,
                    **sample,
                })


def append_history(path: Path, document: Json) -> None:
    """Add the whole benchmark as one line of JSON, in one write, so that runs side by side do not mix."""
    line = (json.dumps(document) + "\n").encode()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(handle, line)
    finally:
        os.close(handle)


def table(results: Sequence[BenchResult]) -> list[str]:
    """Return the lines of a table, the ratio to the first backend in its last column."""
    lines = ["backend     threads  median MH/s      min      max  cycles/hash  hits verified / expected      z   ratio"]
    for result in results:
        low, high = (value / HASHES_PER_MH for value in (min(result.rates_hps), max(result.rates_hps)))
        cycles = "-" if result.cycles_per_hash is None else f"{result.cycles_per_hash:.1f}"
        audit = f"{result.audit.verified_hits:>13,} / {result.audit.expected_hits:<9,.0f} {result.audit.z:+6.1f}"
        ratio = result.median_hps / results[0].median_hps
        lines.append(
            f"{result.backend:<11} {result.settings.threads:>7} {result.median_hps / HASHES_PER_MH:>12.2f} {low:>8.2f} "
            f"{high:>8.2f} {cycles:>12} {audit} {ratio:>7.3f}"
        )
    if (midstates := results[0].settings.midstates) > 1:
        ways = {True: "together", False: "one after the other, for want of a kernel,"}
        told = [f"{ways[way]} by {', '.join(names)}" for way in ways if (names := _searched(results, together=way))]
        lines.append(f"{midstates} midstates (headers that differ in their version only), searched {'; '.join(told)}")
    return lines


def _searched(results: Sequence[BenchResult], *, together: bool) -> list[str]:
    return [result.backend for result in results if result.searched_together == together]


def _sample_json(sample: Sample) -> Json:
    return {
        "seconds": sample.elapsed_s,
        "hashes": sample.hashes,
        "hashes_per_second": sample.rate_hps,
        "core_clock_hz": sample.core_clock_hz,
    }


def _energy_json(energy: Energy) -> Json:
    return {
        **{key: value for key, value in asdict(energy).items() if key != "kind"},
        "quality": energy.kind,
        "gross_j_per_mh": energy.j_per_mh(net=False),
        "net_j_per_mh": energy.j_per_mh(net=True),
        "gross_j_per_th": energy.j_per_th(net=False),
        "net_j_per_th": energy.j_per_th(net=True),
        "net_within_meter_error": energy.net_is_within_resolution,
    }


def energy_sentence(backend: str, energy: Energy) -> str:
    """Return what was drawn, as a sentence: where work draws as much as idling does, a net of 0 and no digits of noise."""
    net = energy.j_per_mh(net=True)
    told = "net 0 within the meter's error" if energy.net_is_within_resolution else f"{net:.4g} net"
    return (
        f"{backend}: {energy.mean_w:.1f} W ({energy.source}; {energy.boundary}; {energy.kind}), idle {energy.idle_w:.1f} W; "
        f"{energy.j_per_mh(net=False):.4g} J/MH gross, {told}"
    )
