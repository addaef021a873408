"""The sentences under the figures: how to read them, and no more than the tables of this run bear out."""

from __future__ import annotations

from reports.compare import NOISE_PCT
from reports.figures.data import RunTables
from reports.figures.standing import Standing, outside_band_pct, standing_of_run_0

NO_HISTORY = "This scenario names no history, so no real chain stands beside it."


def hashrate(tables: RunTables) -> str:
    """Say what the band holds, where run 0 lies, and what the real bars are if there are any."""
    standing = standing_of_run_0(tables.epochs)
    if standing is not None and standing.runs == 1:
        sentences = ["There is one run, so band and median are that run itself."]
    else:
        sentences = ["At every hour the band holds nine runs in ten.", _thin_line(tables, standing)]
    if tables.comparison is None:
        sentences.append(NO_HISTORY)
    else:
        sentences.append(
            "Each red bar is one real epoch: what its 2016 blocks show, with their counting error. "
            "Where a bar and its error lie outside the band, the model misses what happened."
        )
    return " ".join(sentences)


def retargets(tables: RunTables) -> str:
    """Say what moves difficulty, and what the whiskers are."""
    rule = "Every 2016 blocks difficulty follows the time they took."
    if tables.comparison is None:
        return f"{rule} Bars are medians of the runs, whiskers hold nine runs in ten. {NO_HISTORY}"
    noise = NOISE_PCT["difficulty_change"]
    return (
        f"{rule} The whiskers are one sigma of chance in the real bars, ± {noise} points; a single run carries as much, "
        "a median over many runs less."
    )


def power(tables: RunTables) -> str:
    """Say whose power it is, and what a fall and a rise may mean; true of rationing, cuts, moves and growth alike."""
    standing = standing_of_run_0(tables.epochs)
    place = "" if standing is None else f", {standing.words}"
    sentences = [
        f"Electricity at the meters of mining sites, hour by hour, stacked. It is one run and no median: run 0{place}."
    ]
    if tables.marks:
        sentences.append("The dotted lines are moments that the scenario names.")
    sentences.append(
        "An area falls where machines are switched off, for days or for good, or leave; it grows where they are switched on "
        "again (also in hiding), arrive from elsewhere or are new."
    )
    return " ".join(sentences)


def intervals(tables: RunTables) -> str:
    """Say why blocks come late, and what the points are."""
    real = NO_HISTORY if tables.comparison is None else "Squares are the real chain."
    return (
        "When machines vanish in mid-epoch, difficulty does not know yet: blocks come late until the next retarget, and early "
        f"when machines come back. The band holds nine runs in ten. {real}"
    )


def _thin_line(tables: RunTables, standing: Standing | None) -> str:
    place = "" if standing is None else f": {standing.words}"
    below, above = outside_band_pct(tables.network)
    parts = [f"{where} the band in {pct:.0f} % of the hours" for where, pct in (("below", below), ("above", above)) if pct >= 1]
    edge = f"; it lies {' and '.join(parts)}" if parts else ""
    return f"The thin line is run 0, one run and no median{place}{edge}."
