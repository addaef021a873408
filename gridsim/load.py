"""Read scenarios from TOML: the only place of the simulation floor that opens a file.

A scenario names its region table and its prior table (`regions_file`, `priors_file`), which ship with the program or lie
beside it as `NAME.regions.toml` and `NAME.priors.toml`. `extends` takes another scenario, leaves out what `drop` lists
and replaces what is said anew.
"""

from __future__ import annotations

from difflib import get_close_matches
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from gridsim.errors import ScenarioError, ScenarioNotFoundError
from gridsim.scenario import Scenario
from hw.catalogue import CatalogueEntry, entry, suggestion
from hw.errors import HardwareError, UnknownMachineError
from hw.models import MachineModel
from hw.spec_errors import explain
from hw.toml_text import parse_toml


class _Readable(Protocol):
    """What a packaged resource and a path on disk have in common."""

    @property
    def name(self) -> str: ...
    def is_file(self) -> bool: ...
    def read_bytes(self) -> bytes: ...


def scenario_names() -> list[str]:
    """Return the ids of the scenarios that ship with the program, sorted."""
    folder = files("gridsim") / "data" / "scenarios"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_scenario(name: str) -> Scenario:
    """Return the shipped scenario called `name`, or the one in the file at path `name`.

    Raises
    ------
    ScenarioNotFoundError
        If there is neither; the message lists the known ones.
    ScenarioError
        If the file is not a scenario; the message gives file, key path, value, and what would be right.
    """
    source = _find(name)
    table = _merged(source, name, seen=())
    folder = source.parent if isinstance(source, Path) else None
    for key in ("regions", "priors", "machines", "priors_sha256"):
        if key in table:
            raise ScenarioError(f"{source.name}: unknown key {key!r}; want `regions_file` or `priors_file` naming a table")
    regions = _side_table(source, table, "regions_file", "regions", folder)
    priors = _side_table(source, table, "priors_file", "priors", folder) if "priors_file" in table else (b"", {})
    table = {key: value for key, value in table.items() if key not in ("regions_file", "priors_file", "extends", "drop")}
    table["regions"] = regions[1].get("region", ())
    table["priors"] = priors[1].get("prior", ())
    table["priors_sha256"] = sha256(priors[0]).hexdigest()
    table["machines"] = _machines(source, table)
    try:
        return Scenario.model_validate(table)
    except ValidationError as error:
        raise ScenarioError(f"{source.name}: {explain(error, Scenario)}") from None


def scenario_sha256(scenario: Scenario) -> str:
    """Return the digest of everything that decides a run of `scenario` except the seed."""
    return sha256(scenario.model_dump_json().encode()).hexdigest()


def _find(name: str) -> _Readable:
    shipped = files("gridsim") / "data" / "scenarios" / f"{name}.toml"
    if name in scenario_names():
        return shipped
    path = Path(name or "no name given")
    if _may_exist(path) and path.is_dir():
        raise ScenarioError(f"{name}: that is a folder; want a scenario's name ({', '.join(scenario_names())}) or a .toml file")
    if _may_exist(path) and path.is_file():
        return path
    known = scenario_names()
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ScenarioNotFoundError(f"no scenario {name!r}; known: {', '.join(known)}, or give the path of a .toml file{hint}")


def _may_exist(path: Path) -> bool:
    """Whether any file system could hold a file of that name: not if it is too long."""
    try:
        path.exists()
    except OSError:
        return False
    return True


def _read(source: _Readable) -> tuple[bytes, dict[str, Any]]:
    try:
        raw = source.read_bytes()
    except OSError as error:
        raise ScenarioError(f"{source.name}: cannot be read ({error.strerror}); want a readable .toml file") from None
    if not raw.strip():
        raise ScenarioError(
            f"{source.name}: the file is empty; want a scenario such as `hashwatt scenarios show sichuan-2021` prints"
        )
    try:
        return raw, parse_toml(raw, "a scenario")
    except ValueError as error:
        raise ScenarioError(f"{source.name}: {error}") from None


def _merged(source: _Readable, name: str, seen: tuple[str, ...]) -> dict[str, Any]:
    """Return the scenario's table laid over the one that it extends."""
    _, table = _read(source)
    parent = table.get("extends")
    if parent is None:
        return table
    if not isinstance(parent, str) or name in seen or parent == name:
        raise ScenarioError(f"{source.name}: extends = {parent!r}; want the name of another scenario, not of itself")
    base = _merged(_find(parent), parent, (*seen, name))
    dropped = table.get("drop", [])
    if not isinstance(dropped, list) or any(not isinstance(key, str) or key not in base for key in dropped):
        raise ScenarioError(f"{source.name}: drop = {dropped!r}; want a list of top-level keys that {parent!r} has")
    kept = {key: value for key, value in base.items() if key not in dropped}
    return _overlay(kept, table)


def _overlay(base: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in table.items():
        under = merged.get(key)
        merged[key] = _overlay(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


def _side_table(
    source: _Readable, table: dict[str, Any], key: str, kind: str, folder: Path | None
) -> tuple[bytes, dict[str, Any]]:
    """Read the region or prior table that a scenario names: beside the file first, then among the shipped ones."""
    name = table.get(key)
    if not isinstance(name, str):
        raise ScenarioError(f"{source.name}: {key}: {name!r}; want the name of a {kind} table, such as 'world-2021'")
    known = sorted(entry.name.removesuffix(".toml") for entry in (files("gridsim") / "data" / kind).iterdir())
    beside = folder / f"{name}.{kind}.toml" if folder is not None else None
    if beside is not None and _may_exist(beside) and beside.is_file():
        return _read(beside)
    if name not in known:
        raise ScenarioNotFoundError(f"{source.name}: {key}: no {kind} table {name!r}; known: {', '.join(known)}")
    return _read(files("gridsim") / "data" / kind / f"{name}.toml")


def _machines(source: _Readable, table: dict[str, Any]) -> list[Any]:
    """Return the catalogue's model for every cohort, in the cohorts' order."""
    models: list[Any] = []
    cohorts = table.get("cohorts", ())
    if not isinstance(cohorts, list):
        return models  # the scenario's own check says so
    for number, cohort in enumerate(cohorts):
        name = cohort.get("machine") if isinstance(cohort, dict) else None
        if not isinstance(name, str):
            raise ScenarioError(
                f"{source.name}: cohorts[{number}].machine: {name!r}; want the name of a machine in the catalogue"
            )
        try:
            models.append(_asic(name))
        except HardwareError as error:
            raise ScenarioError(f"{source.name}: cohorts[{number}].machine: {error}") from None
    return models


def _asic(name: str) -> MachineModel:
    """Return the ASIC of the whole catalogue called `name`; raise UnknownMachineError if there is none, or it is a GPU."""
    found = entry(name, _is_asic)
    if not _is_asic(found):
        raise UnknownMachineError(f"{found.name} is a GPU; want an ASIC of the catalogue: {suggestion(name, _is_asic)}")
    return found.machine


def _is_asic(one: CatalogueEntry) -> bool:
    return one.kind == "asic"
