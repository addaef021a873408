"""Where a run comes from: program, scenario, seed, versions, machine. No user name, no host name, no absolute path."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from gridsim.load import scenario_sha256
from gridsim.scenario import Scenario
from reports.machine import cpu, distribution_version

Json = dict[str, object]

LIBRARIES: Final = ("numpy", "simpy", "numba", "llvmlite", "pydantic", "pyarrow", "matplotlib", "prometheus-client")
SEED_TREE: Final = "PCG64 over SeedSequence(seed, spawn_key=(replicate, first 128 bits of SHA-256 of the purpose's name))"
ISO: Final = "%Y-%m-%dT%H:%M:%SZ"


def manifest_facts(scenario: Scenario, *, seed: int, replicates: int, started_utc: datetime, run_id: str) -> Json:
    """Return everything that a manifest says besides its list of outputs."""
    return {
        "run_id": run_id,
        "started_utc": f"{started_utc:{ISO}}",
        "ended_utc": f"{datetime.now(UTC):{ISO}}",
        "command": shown_command(sys.argv),
        "scenario": {"id": scenario.id, "title": scenario.title, "sha256": scenario_sha256(scenario)},
        "priors_sha256": scenario.priors_sha256,
        "seed": seed,
        "seed_tree": SEED_TREE,
        "replicates": replicates,
        "start_utc": f"{scenario.start_utc.astimezone(UTC):{ISO}}",
        "cap_utc": f"{scenario.cap_utc.astimezone(UTC):{ISO}}",
        "version": distribution_version("hashwatt"),
        "source": git_state(),
        "python": platform.python_version(),
        "libraries": {name: distribution_version(name) for name in LIBRARIES},
        "lock_sha256": _lock_sha256(),
        "cpu": cpu(),
        "deterministic": True,
        "deterministic_given": "scenario, seed, replicates, set of CPU features, and lock file; wall times and memory excepted",
    }


def shown_command(arguments: Sequence[str]) -> str:
    """Return the command line with absolute paths cut down to their last part."""
    words = (word.rpartition("=") for word in arguments[1:])
    return " ".join(["hashwatt", *(f"{option}{sign}{_shown_path(value)}" for option, sign, value in words)])


def _shown_path(word: str) -> str:
    return Path(word).name if Path(word).is_absolute() else word


def git_state() -> Json | None:
    """Return the commit of the checkout that this code runs from and whether it was changed, or None outside of one."""
    top = Path(__file__).parents[1]
    if not (top / ".git").exists():
        return None
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=top, capture_output=True, text=True, check=True, timeout=5)
        changed = subprocess.run(
            ["git", "status", "--porcelain"], cwd=top, capture_output=True, text=True, check=True, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit.stdout.strip(), "dirty": bool(changed.stdout.strip())}


def _lock_sha256() -> str | None:
    lock = Path(__file__).parents[1] / "requirements.lock"
    return sha256(lock.read_bytes()).hexdigest() if lock.is_file() else None
