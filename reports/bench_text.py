"""A benchmark as a table and sentences for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from miner.bench.energy import Energy
from miner.bench.run import BenchOutcome, BenchResult
from miner.units import HASHES_PER_MH
from reports.bench_report import Json

LEAST_SHARE: Final = 0.98  # of the processors, for threads that nobody disturbs; with less a rate errs by more than it scatters
_ONE_AT_A_TIME: Final = "reference"  # Python's own lock lets a single one of its threads run


def text(outcome: BenchOutcome, told: Json, energy_reason: str | None) -> str:
    """Return a whole benchmark, of which `told` is the document; `energy_reason` says why there is no energy, if so."""
    machine = told["machine"]
    facts = machine if isinstance(machine, Mapping) else {}
    lines = table(outcome.results)
    for result in outcome.results:
        lines += [audit_sentence(result), *_energy_lines(result, energy_reason)]
        if (warning := disturbed_sentence(result, facts["usable_threads"])) is not None:
            lines.append(warning)
    if energy_reason is not None:
        lines.append(f"energy: none ({energy_reason})")
    lines += _comparison_lines(told)
    lines.append(f"load at the start: {facts['load_1min']:.2f} over a minute, on {facts['usable_threads']} usable processors")
    if outcome.interrupted:
        lines.append("interrupted: these are the samples that were complete, audited by their own hits only")
    return "\n".join(lines)


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


def audit_sentence(result: BenchResult) -> str:
    """Return what was planted and found, and how much a kernel would have to skip for the audit to show it."""
    audit = result.audit
    planted = f"{audit.planted_found} of {audit.planted} planted nonces found" if audit.planted else "no nonces planted"
    timed_pct = audit.timed_skip_detectable_pct
    timed = "" if timed_pct is None else f", and one that skipped {timed_pct:.1f} % while it is timed"
    skipped = f"a kernel that skipped {audit.smallest_skip_detectable_pct:.1f} % of all nonces would show"
    return f"{result.backend}: {planted}; {skipped}{timed}"


def failed_audit_sentence(result: BenchResult) -> str:
    """Return why an audit failed, as a sentence."""
    return f"backend {result.backend!r} failed the audit: {'; '.join(result.audit.reasons)}; do not trust its rate"


def disturbed_sentence(result: BenchResult, processors: int) -> str | None:
    """Return how much of the processors other work took from a backend's threads, as a warning, or None if next to nothing.

    More threads than `processors` take turns among themselves, and so do those of the reference: that is nobody else's work.
    """
    if result.processor_share is None:
        return None
    able = 1 if result.backend == _ONE_AT_A_TIME else processors
    share = result.processor_share / min(1.0, able / result.settings.threads)
    if share >= LEAST_SHARE:
        return None
    return (
        f"{result.backend}: other work, or a limit on this process, took {100 * (1 - share):.0f} % of the processor from its "
        "threads; its rate is too low by as much, and no interval of --compare covers that"
    )


def energy_sentence(backend: str, energy: Energy) -> str:
    """Return what was drawn, as a sentence: where work draws as much as idling does, a net of 0 and no digits of noise."""
    net = energy.j_per_mh(net=True)
    told = "net 0 within the meter's error" if energy.net_is_within_resolution else f"{net:.4g} net"
    return (
        f"{backend}: {energy.mean_w:.1f} W ({energy.source}; {energy.boundary}; {energy.kind}), idle {energy.idle_w:.1f} W; "
        f"{energy.j_per_mh(net=False):.4g} J/MH gross, {told}"
    )


def _energy_lines(result: BenchResult, energy_reason: str | None) -> list[str]:
    if result.energy is not None:
        return [energy_sentence(result.backend, result.energy)]
    own = result.energy_reason if energy_reason is None else None
    return [] if own is None else [f"{result.backend}: no energy ({own})"]


def _comparison_lines(told: Json) -> list[str]:
    rows = told.get("comparison")
    if not isinstance(rows, list):
        return []
    lines = []
    for row in rows:
        interval = "too few samples for an interval" if row["low"] is None else f"95 %: {row['low']:.3f} to {row['high']:.3f}"
        lines.append(f"{row['backend']}: {row['ratio']:.3f} of the older median ({interval})")
    return [*lines, "an interval covers what scatters within the two runs only, not what differs from one run to the next"]


def _searched(results: Sequence[BenchResult], *, together: bool) -> list[str]:
    return [result.backend for result in results if result.searched_together == together]
