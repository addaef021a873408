"""`hashwatt doctor`: look at this machine and say what is missing and how to get it.

Every check is a function of what it looks at (a root folder, an environment, a search path), so that tests can show it
machines that are not there. A check fails only where hashwatt could not work; what merely switches a feature off is
information.
"""

from __future__ import annotations

import grp
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.machinery import PathFinder
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from reports.cli.errors import EXIT_FAILURE, FLOORS

LOWEST_PYTHON: Final = (3, 11)
CPU_FEATURES: Final = {"avx512f": "AVX-512", "avx2": "AVX2", "sha_ni": "SHA"}
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
SERIAL_PORTS: Final = ("ttyUSB*", "ttyACM*")
PROBE_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: what was looked at, how it stands, and a sentence with the remedy if there is one to give."""

    name: str
    status: Literal["ok", "info", "fail"]
    sentence: str


def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check this machine; say what is missing and how to get it.

    Leaves with exit code 1 if something that hashwatt cannot do without is wrong.
    """
    checks = examine(Path("/"), Path.cwd())
    failed = any(check.status == "fail" for check in checks)
    if as_json:
        print(json.dumps({"ok": not failed, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            print(f"{check.status:<4}  {check.name:<{width}}  {check.sentence}")
    if failed:
        raise typer.Exit(EXIT_FAILURE)


def examine(root: Path, folder: Path) -> list[Check]:
    """Return every finding about the machine under `root`, as seen from the working folder `folder`."""
    return [
        check_python(sys.version_info[:3]),
        check_packages(sys.path, packages_distributions()),
        check_output(folder),
        check_cpu(root),
        check_gpu(_ask),
        check_serial(root, _own_groups(), may_open=_may_open),
        check_program(
            "promtool", shutil.which("promtool"), "Prometheus' own checks of the metrics; apt-get install prometheus"
        ),
        check_program("browser", _first_browser(), "pictures of pages; apt-get install chromium"),
    ]


def check_python(version: Sequence[int]) -> Check:
    """Tell whether `version` of Python, (major, minor, micro), is new enough."""
    told = ".".join(map(str, version))
    if tuple(version[:2]) < LOWEST_PYTHON:
        wanted = ".".join(map(str, LOWEST_PYTHON))
        return Check("python", "fail", f"{told} is too old; make the environment with Python {wanted} or newer")
    return Check("python", "ok", told)


def check_packages(search_path: Sequence[str], owners: Mapping[str, Sequence[str]]) -> Check:
    """Tell whether the four packages come from one place, namely hashwatt.

    Parameters
    ----------
    search_path
        Folders in which Python looks for packages, in order.
    owners
        The distributions that claim each package, by its name; an editable install claims none.
    """
    parents = {floor: _parent(floor, search_path) for floor in FLOORS}
    missing = [floor for floor, parent in parents.items() if parent is None]
    if missing:
        return Check("packages", "fail", f"{', '.join(missing)} cannot be found; install hashwatt again")
    foreign = {owner for floor in FLOORS for owner in owners.get(floor, ())} - {"hashwatt"}
    if foreign:
        names = ", ".join(sorted(foreign))
        return Check("packages", "fail", f"{names} brings packages of the same names; give hashwatt an environment of its own")
    if len(set(parents.values())) > 1:
        places = "; ".join(f"{floor} from {parent}" for floor, parent in parents.items())
        return Check("packages", "fail", f"{places}; they must share one folder: give hashwatt an environment of its own")
    return Check("packages", "ok", f"{', '.join(FLOORS)} share {parents['reports']}")


def check_output(folder: Path) -> Check:
    """Tell whether runs can be written to ``runs/`` under `folder`."""
    runs = folder / "runs"
    place = runs if runs.exists() else folder
    if not place.is_dir():
        return Check("output", "fail", f"{place} is not a folder; move it away or give --out")
    if not os.access(place, os.W_OK | os.X_OK):
        return Check("output", "fail", f"{place} cannot be written to; work in another folder or give --out")
    free_gb = shutil.disk_usage(place).free / 1e9
    return Check("output", "ok", f"runs go to {runs} ({free_gb:.0f} GB free)")


def check_cpu(root: Path) -> Check:
    """Tell which processor ``proc/cpuinfo`` under `root` names, and its features that the kernels use."""
    try:
        text = (root / "proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return Check("cpu", "info", "no /proc/cpuinfo here; the kernels look for features themselves")
    lines = dict(_split(line) for line in reversed(text.splitlines()) if ":" in line)
    flags = lines.get("flags", lines.get("Features", "")).split()
    found = [name for flag, name in CPU_FEATURES.items() if flag in flags]
    model = lines.get("model name", "unknown model")
    return Check("cpu", "ok" if found else "info", f"{model}: {', '.join(found) or 'no vector extension that the kernels use'}")


def check_gpu(ask: Callable[[Sequence[str]], str | None]) -> Check:
    """Tell which CUDA devices the driver lists; `ask` runs a program and returns its output, or None."""
    listed = ask(("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"))
    if listed is None:
        return Check("gpu", "info", "no CUDA device: nvidia-smi is absent or finds none; kernels run on the CPU")
    return Check("gpu", "ok", "; ".join(line.strip() for line in listed.splitlines() if line.strip()))


def check_serial(root: Path, groups: Sequence[str], *, may_open: Callable[[Path], bool]) -> Check:
    """Tell which serial ports ``dev`` under `root` has and whether a member of `groups` may open them."""
    ports = sorted(port for pattern in SERIAL_PORTS for port in (root / "dev").glob(pattern))
    if not ports:
        return Check("serial", "info", "no USB serial port; devices can be emulated")
    closed = [port.name for port in ports if not may_open(port)]
    if not closed:
        return Check("serial", "ok", ", ".join(port.name for port in ports))
    remedy = "check the mode of the port" if "dialout" in groups else "sudo usermod -aG dialout $USER, then log in again"
    return Check("serial", "info", f"{', '.join(closed)} may not be opened: {remedy}")


def check_program(name: str, place: str | None, purpose: str) -> Check:
    """Tell where an optional program is, or what it would be good for and how to get it."""
    return Check(name, "ok", place) if place else Check(name, "info", f"not installed; it serves for {purpose}")


def _parent(package: str, search_path: Sequence[str]) -> Path | None:
    """Return the folder that holds `package`, found as Python would, without importing it."""
    spec = PathFinder.find_spec(package, list(search_path))
    if spec is None or spec.origin is None:  # a folder without __init__.py is somebody's output, not a package
        return None
    return Path(spec.origin).resolve().parent.parent


def _split(line: str) -> tuple[str, str]:
    """Return key and value of a line ``key : value``."""
    key, _, value = line.partition(":")
    return key.strip(), value.strip()


def _ask(command: Sequence[str]) -> str | None:
    """Return what `command` prints, or None if it is absent, fails, hangs or says nothing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.stdout.strip() else None


def _own_groups() -> list[str]:
    """Return the names of the groups of this process."""
    known = {entry.gr_gid: entry.gr_name for entry in grp.getgrall()}
    return [known.get(gid, str(gid)) for gid in os.getgroups()]


def _may_open(port: Path) -> bool:
    """Tell whether this process may read and write `port`."""
    return os.access(port, os.R_OK | os.W_OK)


def _first_browser() -> str | None:
    """Return the path of the first Chromium-like browser on PATH."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)
