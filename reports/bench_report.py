"""A benchmark as JSON: units in the names, every sample, what the audit found, and nothing that is no number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from math import isfinite

from miner.bench.audit import Audit
from miner.bench.energy import Energy
from miner.bench.run import BenchOutcome, BenchResult
from miner.bench.sampling import Sample

Json = dict[str, object]

SCHEMA_VERSION = 1


def document(outcome: BenchOutcome, facts: Mapping[str, object], energy_reason: str | None) -> Json:
    """Return the whole benchmark: with one backend, its result beside the facts; with several, a list of them.

    `energy_reason` says why there is no energy of any, if there is none. There must be a result, and samples in each.
    """
    rows = [result_json(result, energy_reason) for result in outcome.results]
    head: Json = {
        "schema_version": SCHEMA_VERSION,
        **facts,
        "settings": asdict(outcome.results[0].settings),
        "interrupted": outcome.interrupted,
        "failures": [failure._asdict() for failure in outcome.failures],
    }
    return {**rows[0], **head} if len(rows) == 1 else {**head, "results": rows}


def rows_of(document: Json) -> list[Json]:
    """Return the backends' results of a document that `document` made, one or several."""
    rows = document.get("results", [document])
    return rows if isinstance(rows, list) else []


def json_text(document: Json, *, indent: int | None = None) -> str:
    """Return a document as JSON; what is no finite number is null there, since JSON knows no infinity."""
    return json.dumps(_finite(document), indent=indent, allow_nan=False)


def result_json(result: BenchResult, energy_reason: str | None) -> Json:
    """Return one backend's result; `energy_reason` says why there is no energy of any backend, if there is none."""
    rates = result.rates_hps
    return {
        "backend": result.backend,
        "threads": result.settings.threads,
        "midstates": result.settings.midstates,
        "searched_together": result.searched_together,
        "hashes_per_second": {"median": result.median_hps, "min": min(rates), "max": max(rates), "samples": rates},
        "cycles_per_hash": result.cycles_per_hash,
        "core_clock_hz": result.core_clock_hz,
        "processor_share": result.processor_share,
        "hashes": sum(sample.hashes for sample in result.samples),
        **_audit_json(result.audit),
        "samples": [_sample_json(sample) for sample in result.samples],
        "energy": None if result.energy is None else _energy_json(result.energy),
        "energy_reason": energy_reason or result.energy_reason,
    }


def _audit_json(audit: Audit) -> Json:
    return {
        "verified_hits": audit.verified_hits,
        "expected_hits": audit.expected_hits,
        "hits_z": audit.z,
        "hits_z_by_midstate": audit.z_by_midstate,
        "timed_hits": audit.timed_hits,
        "timed_expected_hits": audit.timed_expected_hits,
        "timed_hits_z": audit.timed_z,
        "planted_nonces": audit.planted,
        "planted_nonces_found": audit.planted_found,
        "smallest_skip_detectable_pct": audit.smallest_skip_detectable_pct,
        "timed_skip_detectable_pct": audit.timed_skip_detectable_pct,
        "audit_passed": audit.passed,
        "audit_reasons": audit.reasons,
    }


def _sample_json(sample: Sample) -> Json:
    return {
        "seconds": sample.elapsed_s,
        "hashes": sample.hashes,
        "hashes_per_second": sample.rate_hps,
        "core_clock_hz": sample.core_clock_hz,
        "processor_seconds": sample.processor_s,
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


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
