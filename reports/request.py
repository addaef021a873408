"""What a run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gridsim.scenario import Scenario
from miner.vectors import header_at
from reports.observed import check_observed


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What to run: a whole scenario, a seed, how many replicates on how many workers, and what else to write.

    `command` is what a reader types to have the same run again. `observed_folder` replaces the shipped observed data (tests
    perturb it to show that nothing simulated moves).
    """

    scenario: Scenario
    seed: int
    replicates: int
    workers: int
    csv: bool = False
    command: str | None = None
    observed_folder: Path | None = None


def check_named(scenario: Scenario) -> None:
    """Raise ObservedDataError or VectorError if the history or the block that `scenario` names does not ship."""
    if scenario.history is not None:
        check_observed(scenario.history)
    if scenario.proof_height is not None:
        header_at(scenario.proof_height)
