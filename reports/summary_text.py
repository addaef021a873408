"""The summary of a run for a terminal: the comparison first, the answer and what it leans on last."""

from __future__ import annotations

from textwrap import fill
from typing import Any

from gridsim.units import S_PER_DAY

WIDTH = 98


def render(summary: dict[str, Any]) -> str:
    """Return the summary as plain lines of at most 98 characters."""
    runs = "1 run" if summary["replicates"] == 1 else f"{summary['replicates']} runs"
    parts = [f"{summary['title']}: {runs}, seed {summary['seed']}"]
    if summary["epochs"]:
        parts += ["", *_epochs(summary), "", *_score(summary)]
    cut = summary.get("sichuan_cut") or summary.get("cut")
    if cut:
        parts += ["", *_cut(cut)]
    nonce = summary["nonce_check"]
    if nonce:
        parts += [
            f"Ground floor: {summary['headers_rehashed']} real headers hashed; the nonce of block {nonce['height']:,} "
            f"found again ({nonce['backend']})."
        ]
    parts += [
        f"Tables, figures and report: {summary['run_dir']} ({summary['wall_s']:.1f} s, {summary['peak_rss_mib']:.0f} MiB)"
    ]
    parts += ["", fill("ANSWER: " + summary["answer"], WIDTH)]
    if summary["top_assumptions"]:
        parts += ["It leans most on (rank correlation with the size of the cut):"]
        parts += [
            fill(
                f"{entry['name']}: {entry['low']:g} to {entry['high']:g} {entry['unit']} ({entry['spearman']:+.2f})",
                WIDTH,
                initial_indent=f"  {number}. ",
            )
            for number, entry in enumerate(summary["top_assumptions"], 1)
        ]
    return "\n".join(parts)


def _epochs(summary: dict[str, Any]) -> list[str]:
    lines = ["first block   simulated EH/s   90 % of runs       real EH/s      z   change simulated   real"]
    for row in summary["epochs"]:
        band = f"{row['p05_ehps']:.0f} to {row['p95_ehps']:.0f}"
        lines.append(
            f"{row['first_height']:>11,} {row['simulated_ehps']:>16.1f}   {band:<14} {row['observed_ehps']:>13.1f}"
            f" {row['z']:>+6.1f} {row['simulated_change_pct']:>+16.1f} % {row['observed_change_pct']:>+6.1f} %"
        )
    noise = summary["noise_pct"]
    lines.append(
        f"noise (one sigma): {noise['epoch_hashrate']} % an epoch's hash rate, {noise['difficulty_change']} % a change, "
        f"{noise['simulated_minus_observed_change']} % simulated minus real"
    )
    return lines


def _score(summary: dict[str, Any]) -> list[str]:
    others = ", ".join(f"{name} {error:.1f} %" for name, error in summary["baselines"].items())
    slowest = summary["slowest_epoch"]
    worse = [name for name, better in summary["beats_baselines"].items() if not better]
    return [
        fill(f"Mean error {summary['mape_hashrate_pct']:.1f} %; without a model: {others}", WIDTH),
        fill(f"Does worse than: {', '.join(worse)}", WIDTH) if worse else "Does better than every one of them.",
        f"Slowest epoch: {slowest['observed_interval_min']:.2f} min a block in reality, {slowest['simulated_p05_min']:.2f} to "
        f"{slowest['simulated_p95_min']:.2f} in nine runs of ten ({'inside' if slowest['inside_90pct'] else 'outside'}).",
    ]


def _cut(cut: dict[str, Any]) -> list[str]:
    real = (
        f"; real: {cut['observed_before_ehps']:.1f} and {cut['observed_after_ehps']:.1f}" if cut["observed_before_ehps"] else ""
    )
    return [
        f"The cut: {cut['power_cut_mw']:,.0f} MW at the site meter (90 %: {cut['power_cut_p05_mw']:,.0f} to "
        f"{cut['power_cut_p95_mw']:,.0f}), {cut['energy_withheld_mwh']:,.0f} MWh withheld in "
        f"{cut['horizon_s'] / S_PER_DAY:.0f} days;",
        f"network {cut['hashrate_before_ehps']:.1f} EH/s before, {cut['hashrate_after_ehps']:.1f} after{real}.",
    ]
