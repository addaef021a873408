"""What importing a floor drags in, and what ``hashwatt --help`` costs, seen from fresh interpreters."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HEAVY = ("cupy", "llvmlite", "matplotlib", "numba", "prometheus_client", "pyarrow", "pymodbus", "pynvml", "serial")
MAY_BE_HEAVY = ("miner.backends", "hw.drivers", "hw.emulators", "hw.meters", "gridsim.fleet_backends", "reports.")
LIGHT_IN_REPORTS = ["reports.cli.main", "reports.cli.commands", "reports.cli.errors", "reports.cli.doctor"]
HELP_CPU_S = 0.5

Python = Callable[..., "subprocess.CompletedProcess[str]"]

IMPORT_EACH = f"""
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    loaded = [heavy for heavy in {HEAVY} if heavy in sys.modules]
    if loaded:
        sys.exit(f"{{name}} loads {{', '.join(loaded)}}")
"""


def modules(root: Path, floor: str) -> list[str]:
    """Return the modules of `floor` that must load nothing heavy."""
    names = []
    for path in sorted((root / floor).rglob("*.py")):
        name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        if not name.startswith(MAY_BE_HEAVY):
            names.append(name)
    return names


@pytest.mark.parametrize("floor", ["miner", "hw", "gridsim", "reports"])
def test_importing_a_floor_loads_nothing_heavy(root: Path, python: Python, floor: str) -> None:
    names = modules(root, floor) + (LIGHT_IN_REPORTS if floor == "reports" else [])
    assert floor in names
    done = python("-c", IMPORT_EACH, *names)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_module_that_loads_something_heavy_is_named(python: Python, tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text("import serial\n")
    done = python("-c", IMPORT_EACH, "planted", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "planted loads serial\n")


def test_help_loads_no_command_and_nothing_heavy(python: Python) -> None:
    code = f"""
import sys
from reports.cli.main import main
try:
    main(["--help"])
except SystemExit as end:
    assert end.code == 0
from reports.cli.commands import COMMANDS
places = {{command.place.split(":")[0] for command in COMMANDS.values()}} - {{"reports.cli.commands"}}
sys.exit(" ".join(name for name in sys.modules if name in places or name in {(*HEAVY, "numpy", "simpy")}))
"""
    done = python("-c", code)
    assert done.stderr.strip() == ""
    assert "run" in done.stdout


def test_help_costs_less_than_half_a_second_of_cpu(root: Path) -> None:
    """The least of three, since other work on the machine can only add."""
    assert min(cpu_s([sys.executable, "-m", "reports", "--help"], root) for _ in range(3)) < HELP_CPU_S


def cpu_s(command: list[str], cwd: Path) -> float:
    """Return the processor time [s], user and system, that `command` takes."""
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return usage.ru_utime + usage.ru_stime
