"""What every test may use: the repository, and fresh interpreters in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

Python = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the folder that holds the four packages and pyproject.toml."""
    return ROOT


@pytest.fixture(scope="session")
def python() -> Python:
    """Return a function that runs ``python ARGUMENTS`` in a fresh interpreter which finds the packages of this tree."""

    def run(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {key: value for key, value in os.environ.items() if not key.startswith("HASHWATT_")}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            env={**own, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
