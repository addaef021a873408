"""The one object that a run prints: what was simulated, how it compares, and the answer in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridsim.priors import Prior
from gridsim.result import Replicate
from gridsim.scenario import Scenario
from hw.units import J_PER_MWH, W_PER_MW
from miner.proof import NonceCheck
from miner.units import HASHES_PER_EH
from reports.compare import BAND, NOISE_PCT, Comparison
from reports.observed import Observed

Floats = NDArray[np.float64]
Json = dict[str, object]

TOP_ASSUMPTIONS = 3
S_PER_MIN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What happened around the simulation: where, with which seed, and how the ground floor proved itself."""

    run_dir: str
    seed: int
    rerun: str | None
    wall_s: float
    peak_rss_mib: float
    nonce_check: NonceCheck | None
    headers_rehashed: int


def summarise(
    scenario: Scenario,
    replicates: Sequence[Replicate],
    facts: RunFacts,
    observed: Observed | None,
    comparison: Comparison | None,
) -> Json:
    """Return the summary of a run; parts that a scenario does not ask for are null."""
    cut = _cut(scenario, replicates, observed)
    summary: Json = {
        "scenario": scenario.id,
        "title": scenario.title,
        "run_dir": facts.run_dir,
        "seed": facts.seed,
        "rerun": facts.rerun,
        "replicates": len(replicates),
        "replicates_at_end_height": sum(replicate.reached_end for replicate in replicates),
        "wall_s": round(facts.wall_s, 3),
        "peak_rss_mib": round(facts.peak_rss_mib, 1),
        "nonce_check": None if facts.nonce_check is None else _nonce_check(facts.nonce_check),
        "headers_rehashed": facts.headers_rehashed,
        **_history(comparison),
        cut_key(scenario): cut,
        "priors_sha256": scenario.priors_sha256,
        "inputs": {
            "exogenous": list(scenario.exogenous),
            "judged": list(scenario.judged),
            "calibrated": [_stated(prior) for prior in scenario.priors if prior.status == "calibrated"],
            "assumed": [_stated(prior) for prior in scenario.priors if prior.status == "assumed"],
        },
        "top_assumptions": top_assumptions(scenario, replicates),
    }
    summary["answer"] = answer(scenario, cut, comparison)
    return summary


def cut_key(scenario: Scenario) -> str:
    """Return the key of the cut in a summary: ``sichuan_cut``, or ``cut`` where another region is asked about."""
    return "sichuan_cut" if scenario.question is not None and scenario.question.region == "Sichuan" else "cut"


def top_assumptions(scenario: Scenario, replicates: Sequence[Replicate]) -> list[Json]:
    """Return the priors that the size of the cut leans on most, by Spearman's rank correlation over the replicates."""
    cuts = [replicate.cut for replicate in replicates]
    if len(replicates) <= TOP_ASSUMPTIONS or any(cut is None for cut in cuts):
        return []
    effect = np.array([cut.power_cut_w for cut in cuts if cut is not None])
    ranked = []
    for prior in scenario.priors:
        values = np.array([replicate.draws[prior.name] for replicate in replicates])
        if np.ptp(values) > 0 and np.ptp(effect) > 0:
            ranked.append((spearman(values, effect), prior))
    ranked.sort(key=lambda pair: -abs(pair[0]))
    return [{**_stated(prior), "spearman": round(rank, 3)} for rank, prior in ranked[:TOP_ASSUMPTIONS]]


def spearman(first: Floats, second: Floats) -> float:
    """Return the rank correlation of two samples without ties (drawn reals have none)."""
    ranks = [np.argsort(np.argsort(values)).astype(np.float64) for values in (first, second)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def answer(scenario: Scenario, cut: Json | None, comparison: Comparison | None) -> str:
    """Return the run's answer in plain words."""
    parts = []
    if cut is not None and scenario.question is not None:
        question = scenario.question
        parts.append(
            f"Cutting {question.region} off took {cut['power_cut_mw']:,.0f} MW off the grid in {question.settled_h:g} hours "
            f"(90 % range {cut['power_cut_p05_mw']:,.0f} to {cut['power_cut_p95_mw']:,.0f} MW) and withheld "
            f"{cut['energy_withheld_mwh']:,.0f} MWh by {question.horizon_end:%d %B %Y}, against the same world uncut; "
            f"the network's hash rate went from {cut['hashrate_before_ehps']:.0f} EH/s in the days before "
            f"to {cut['hashrate_after_ehps']:.0f} EH/s in the days after."
        )
    if comparison is not None:
        baselines = comparison.baselines
        parts.append(
            f"Over {len(comparison.epochs)} epochs the median misses the real one by {comparison.mape_hashrate_pct:.1f} % "
            f"on average; saying that nothing changes misses it by {baselines['persistence']:.1f} %"
            + (
                f", the best line drawn in hindsight by {baselines['hindsight_line']:.1f} %."
                if "hindsight_line" in baselines
                else "."
            )
        )
    return " ".join(parts) or f"{scenario.title}: it asks about no cut and names no history to compare with."


def _history(comparison: Comparison | None) -> Json:
    if comparison is None:
        return {
            "epochs": [],
            "mape_hashrate_pct": None,
            "baselines": {},
            "beats_baselines": {},
            "slowest_epoch": None,
            "noise_pct": NOISE_PCT,
        }
    low, middle, high = (value / S_PER_MIN for value in comparison.slowest_simulated_s)
    observed_min = comparison.slowest_observed_s / S_PER_MIN
    keys = (
        "first_height",
        "simulated_ehps",
        "p05_ehps",
        "p95_ehps",
        "observed_ehps",
        "simulated_change_pct",
        "observed_change_pct",
        "z",
    )
    return {
        "epochs": [{key: row[key] for key in keys} for row in comparison.epoch_rows()],
        "mape_hashrate_pct": comparison.mape_hashrate_pct,
        "baselines": comparison.baselines,
        "beats_baselines": {name: comparison.mape_hashrate_pct < error for name, error in comparison.baselines.items()},
        "slowest_epoch": {
            "observed_interval_min": observed_min,
            "simulated_p05_min": low,
            "simulated_p50_min": middle,
            "simulated_p95_min": high,
            "inside_90pct": low <= observed_min <= high,
        },
        "noise_pct": NOISE_PCT,
    }


def _cut(scenario: Scenario, replicates: Sequence[Replicate], observed: Observed | None) -> Json | None:
    question = scenario.question
    effects = [replicate.cut for replicate in replicates if replicate.cut is not None]
    if question is None or not effects:
        return None
    power_mw = np.array([effect.power_cut_w for effect in effects]) / W_PER_MW
    energy_mwh = np.array([effect.energy_withheld_j for effect in effects]) / J_PER_MWH
    windows = {} if observed is None else observed.windows
    before, after = windows.get("before_cut"), windows.get("after_cut")
    return {
        "power_cut_mw": float(np.median(power_mw)),
        "power_cut_p05_mw": float(np.percentile(power_mw, BAND[0])),
        "power_cut_p95_mw": float(np.percentile(power_mw, BAND[1])),
        "hashrate_before_ehps": float(np.median([effect.hashrate_before_hps for effect in effects])) / HASHES_PER_EH,
        "hashrate_after_ehps": float(np.median([effect.hashrate_after_hps for effect in effects])) / HASHES_PER_EH,
        "observed_before_ehps": None if before is None else before.hashrate_ehps,
        "observed_after_ehps": None if after is None else after.hashrate_ehps,
        "energy_withheld_mwh": float(np.median(energy_mwh)),
        "energy_withheld_p05_mwh": float(np.percentile(energy_mwh, BAND[0])),
        "energy_withheld_p95_mwh": float(np.percentile(energy_mwh, BAND[1])),
        "horizon_s": (question.horizon_end - question.at).total_seconds(),
    }


def _stated(prior: Prior) -> Json:
    return {key: getattr(prior, key) for key in ("name", "low", "mode", "high", "unit", "reason", "source")}


def _nonce_check(check: NonceCheck) -> Json:
    return {"height": check.height, "nonce": check.nonce, "backend": check.backend, "scanned": check.scanned}
