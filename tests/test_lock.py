"""The locks pin every package by hash, name no host, and cover what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = ("requirements.lock", "requirements-uv.lock")
HOST = re.compile(r"\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:org|com|net|io|dev|cloud|local|internal)\b", re.IGNORECASE)


def entries(text: str) -> list[tuple[Requirement, list[str]]]:
    """Return each requirement of a lock with its hashes."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    found = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        requirement, *hashes = re.split(r"\s+--hash=", line)
        found.append((Requirement(requirement), hashes))
    return found


@pytest.fixture(params=LOCKS)
def lock(request: pytest.FixtureRequest, root: Path) -> str:
    return (root / request.param).read_text(encoding="utf-8")


def test_every_package_is_pinned_and_hashed(lock: str) -> None:
    found = entries(lock)
    assert found
    for requirement, hashes in found:
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes), requirement


def test_no_address_and_no_host_stands_in_a_lock(lock: str) -> None:
    assert "://" not in lock
    assert "@" not in lock
    assert HOST.findall(lock) == []


def test_a_planted_host_is_found() -> None:
    assert HOST.findall("--index files.example.org numpy==2.4.6 backports.zoneinfo==1") == ["files.example.org"]


def test_the_lock_has_what_the_project_asks_for_in_the_versions_it_asks_for(root: Path) -> None:
    """Runtime dependencies, the group `test`, and the build backend, which an install without a network needs."""
    table = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    asked = table["project"]["dependencies"] + table["dependency-groups"]["test"] + table["build-system"]["requires"]
    pinned: dict[str, list[str]] = {}
    for requirement, _ in entries((root / "requirements.lock").read_text(encoding="utf-8")):
        (specifier,) = requirement.specifier
        pinned.setdefault(canonicalize_name(requirement.name), []).append(specifier.version)
    assert "hatchling" in pinned
    for requirement in map(Requirement, asked):
        versions = pinned.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement} is not in requirements.lock; run make lock"
        assert all(requirement.specifier.contains(version) for version in versions), f"{requirement}: {versions}; run make lock"


def test_the_lock_serves_other_platforms_too(root: Path) -> None:
    """A lock of one platform's wheels would have one hash, or a few, for numpy."""
    hashes = {
        requirement.name: hashes for requirement, hashes in entries((root / "requirements.lock").read_text(encoding="utf-8"))
    }
    assert len(hashes["numpy"]) > 20


def test_the_makefile_names_the_uv_that_is_locked(root: Path) -> None:
    ((requirement, _),) = entries((root / "requirements-uv.lock").read_text(encoding="utf-8"))
    assert f"UV_VERSION := {str(requirement.specifier).removeprefix('==')}\n" in (root / "Makefile").read_text(encoding="utf-8")
