"""Every import contract holds, and is shown to fail on a planted violation."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

FLOORS = "floors: each floor stands on the ones below it"
PROMETHEUS = "only reports knows Prometheus"
CORE = "the simulation core touches no wire and no figure"
PURE_HW = "the simulation core uses only the pure part of hw"
KERNELS = "kernels: numba and CUDA stay behind the backend tables"
WIRING = "inside reports, only the command line wires things"

# Where the violation is planted, the import, and the contracts that it breaks.
VIOLATIONS = [
    pytest.param("miner/planted.py", "import hw", {FLOORS}, id="miner-imports-hw"),
    pytest.param("hw/planted.py", "import gridsim", {FLOORS}, id="hw-imports-gridsim"),
    pytest.param("gridsim/planted.py", "import reports", {FLOORS}, id="gridsim-imports-reports"),
    pytest.param("miner/planted.py", "from prometheus_client import Gauge", {PROMETHEUS}, id="miner-exports"),
    pytest.param("hw/planted.py", "import prometheus_client", {PROMETHEUS}, id="hw-exports"),
    pytest.param("gridsim/planted.py", "import prometheus_client.core", {PROMETHEUS}, id="gridsim-exports"),
    pytest.param("gridsim/planted.py", "def draw(): import matplotlib.figure", {CORE}, id="gridsim-draws"),
    pytest.param("gridsim/planted.py", "from serial import Serial", {CORE}, id="gridsim-opens-a-port"),
    pytest.param("gridsim/planted.py", "import pynvml", {CORE}, id="gridsim-asks-a-gpu"),
    pytest.param("gridsim/planted.py", "import hw.drivers.planted", {PURE_HW}, id="gridsim-drives"),
    pytest.param("gridsim/planted.py", "from hw.meters import planted", {PURE_HW}, id="gridsim-measures"),
    pytest.param("gridsim/planted.py", "import hw.emulators.planted", {PURE_HW}, id="gridsim-emulates"),
    pytest.param("miner/planted.py", "from numba import njit", {KERNELS}, id="numba-in-miner"),
    pytest.param("hw/planted.py", "import cupy", {KERNELS}, id="cupy-in-hw"),
    pytest.param("gridsim/planted.py", "def run(): import numba", {KERNELS}, id="numba-in-gridsim"),
    pytest.param("reports/planted.py", "import llvmlite.binding", {KERNELS}, id="llvmlite-in-reports"),
    pytest.param("reports/planted.py", "from reports.cli import errors", {WIRING}, id="reports-imports-its-command-line"),
    pytest.param("miner/backends/planted.py", "import numba, cupy", set(), id="numba-and-cupy-in-miner.backends"),
    pytest.param("gridsim/fleet_backends/planted.py", "import numba", set(), id="numba-in-gridsim.fleet_backends"),
    pytest.param("reports/__main__.py", "from reports.cli import main", set(), id="python-m-reports"),
]


@pytest.fixture(scope="module")
def tree(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the packages and of the contracts."""
    copy = tmp_path_factory.mktemp("tree")
    for floor in ("miner", "hw", "gridsim", "reports"):
        shutil.copytree(root / floor, copy / floor, ignore=shutil.ignore_patterns("__pycache__", "data"))
    shutil.copy(root / "pyproject.toml", copy)
    return copy


@contextmanager
def planted(tree: Path, files: dict[str, str]) -> Iterator[None]:
    """Write `files` into `tree`, with the ``__init__.py`` that their folders lack, and take everything back afterwards."""
    before = {}
    for name in list(files):
        package = f"{Path(name).parent}/__init__.py"
        if not (tree / package).exists():
            files[package] = ""
    try:
        for name, text in files.items():
            path = tree / name
            before[path] = path.read_text() if path.exists() else None
            path.parent.mkdir(exist_ok=True)
            path.write_text(text + "\n")
        yield
    finally:
        for path, text in before.items():
            path.unlink() if text is None else path.write_text(text)
            if not any(path.parent.iterdir()):
                path.parent.rmdir()


def verdicts(tree: Path) -> dict[str, str]:
    """Return KEPT or BROKEN for each contract, as import-linter finds it in `tree`."""
    linter = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    done = subprocess.run(linter, cwd=tree, capture_output=True, text=True, timeout=60, check=False)
    found = dict(re.findall(r"^(.+) (KEPT|BROKEN)(?: .*)?$", done.stdout, re.MULTILINE))
    assert found, done.stdout + done.stderr
    return found


def test_every_contract_is_kept_and_has_a_violation_below(root: Path, tree: Path) -> None:
    table = tomllib.loads((root / "pyproject.toml").read_text())
    names = {contract["name"] for contract in table["tool"]["importlinter"]["contracts"]}
    shown: set[str] = set().union(*(case.values[2] for case in VIOLATIONS))
    assert names == shown
    assert verdicts(tree) == dict.fromkeys(names, "KEPT")


@pytest.mark.parametrize(("place", "text", "broken"), VIOLATIONS)
def test_a_planted_violation_breaks_its_contract_alone(tree: Path, place: str, text: str, broken: set[str]) -> None:
    files = {place: text}
    if target := re.search(r"hw\.(drivers|meters|emulators)", text):
        files[f"hw/{target[1]}/planted.py"] = ""
    with planted(tree, files):
        found = verdicts(tree)
    assert {name for name, verdict in found.items() if verdict == "BROKEN"} == broken


def test_a_detour_breaks_the_contract_too(tree: Path) -> None:
    """gridsim may not reach a meter by way of a harmless module of hw."""
    detour = {
        "gridsim/planted.py": "import hw.planted",
        "hw/planted.py": "import hw.meters.planted",
        "hw/meters/planted.py": "",
    }
    with planted(tree, detour):
        assert verdicts(tree)[PURE_HW] == "BROKEN"
