"""What a run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gridsim.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What to run: a whole scenario, a seed, how many replicates on how many workers, and what else to write.

    `observed_folder` replaces the shipped observed data (tests perturb it to show that nothing simulated moves).
    """

    scenario: Scenario
    seed: int
    replicates: int
    workers: int
    csv: bool = False
    observed_folder: Path | None = None
