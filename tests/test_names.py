"""The four package names are common ones: they must mean ours, wherever the user stands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Python = Callable[..., "subprocess.CompletedProcess[str]"]

PARENTS = """
import json, gridsim, hw, miner, reports
from pathlib import Path
print(json.dumps([str(Path(package.__file__).parent.parent) for package in (miner, hw, gridsim, reports)]))
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Return a folder that holds somebody's output, in folders called like our packages."""
    for name in ("reports", "hw", "gridsim"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "june.csv").write_text("hour,power_w\n")
    return tmp_path


def test_all_four_share_one_parent_from_a_folder_that_holds_reports(python: Python, root: Path, elsewhere: Path) -> None:
    done = python("-c", PARENTS, cwd=elsewhere)
    assert done.stderr == ""
    assert set(json.loads(done.stdout)) == {str(root)}


def test_the_installed_command_finds_them_from_there_too(root: Path, elsewhere: Path) -> None:
    """The console script, without help from PYTHONPATH: the editable install must not be shadowed by a folder."""
    script = Path(sys.executable).with_name("hashwatt")
    assert script.exists(), "hashwatt is not installed in this environment; make setup installs it"
    own = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [script, "doctor", "--json"], cwd=elsewhere, env=own, capture_output=True, text=True, timeout=60, check=False
    )
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["packages"]["status"] == "ok"
    assert checks["packages"]["sentence"].endswith(f"share {root}")


def test_no_module_is_called_like_a_library(root: Path) -> None:
    """``hw/serial.py``, run as a script, would shadow pyserial."""
    taken = sys.stdlib_module_names | {"serial", "numba", "numpy", "simpy", "rich", "typer", "pydantic", "matplotlib"}
    packages = [root / name for name in ("miner", "hw", "gridsim", "reports")]
    modules = [path for package in packages for path in package.rglob("*.py") if not path.name.startswith("__")]
    assert [str(path.relative_to(root)) for path in modules if path.stem in taken] == []
