"""The wheel holds the four packages, whole, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path, PurePosixPath

import pytest

PACKAGES = ("miner", "hw", "gridsim", "reports")


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel, with the locked hatchling and without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(root)]
    done = subprocess.run(build, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("hashwatt-*.whl")
    return zipfile.ZipFile(path)


def shipped(root: Path) -> set[str]:
    """Return the files of the packages as the working tree has them, data files included."""
    return {
        path.relative_to(root).as_posix()
        for package in PACKAGES
        for path in (root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_four_packages_and_their_metadata_only(wheel: zipfile.ZipFile) -> None:
    tops = {PurePosixPath(name).parts[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert [top for top in tops if top.endswith(".dist-info")] == ["hashwatt-0.1.0.dist-info"]


def test_every_file_of_the_packages_is_in_the_wheel(root: Path, wheel: zipfile.ZipFile) -> None:
    inside = {name for name in wheel.namelist() if not PurePosixPath(name).parts[0].endswith(".dist-info")}
    assert inside == shipped(root)


def test_types_and_data_travel_and_tests_stay(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
    assert any(name.startswith("gridsim/data/") and name.endswith(".toml") for name in names)
    assert any(name.startswith("hw/data/") for name in names)
    assert not [name for name in names if PurePosixPath(name).name.startswith(("test_", "conftest"))]


def test_the_command_and_the_licence_are_declared(wheel: zipfile.ZipFile) -> None:
    info = "hashwatt-0.1.0.dist-info"
    assert "hashwatt = reports.cli.main:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert b"Apache License" in wheel.read(f"{info}/licenses/LICENSE")
    metadata = Parser().parsestr(wheel.read(f"{info}/METADATA").decode())
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
