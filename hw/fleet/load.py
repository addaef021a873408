"""Read a fleet from TOML; whatever is wrong with the file is told in one sentence."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hw.fleet.errors import FleetSpecError
from hw.fleet.spec import FleetSpec, Group, PlannedFault

DEMO: Final = "fleet-demo.toml"
MAX_FILE_BYTES: Final = 1_000_000  # a fleet is a few kilobytes; more is a mistaken path
_RANKS: Final = {"extra_forbidden": 0, "value_error": 1, "missing": 3}  # an unknown key explains a missing one


def load_fleet(path: Path | None) -> FleetSpec:
    """Return the fleet in the file at `path`; None reads the one that ships with the program.

    Raises
    ------
    FleetSpecError
        If there is no such file, or it describes no fleet.
    """
    if path is None:
        return parse_fleet((files("hw") / "data" / DEMO).read_bytes(), where=DEMO)
    try:
        if path.is_dir():
            raise FleetSpecError(f"{path}: that is a folder; want a .toml file that describes a fleet")
        if path.exists() and not path.is_file():
            raise FleetSpecError(f"{path}: that is no file; want a .toml file that describes a fleet")
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except FleetSpecError:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no name of a file"
        raise FleetSpecError(f"{path}: cannot be read ({reason}); want a .toml file, or none for {DEMO}") from None
    return parse_fleet(raw, where=path.name)


def parse_fleet(raw: bytes, *, where: str) -> FleetSpec:
    """Return the fleet that TOML text describes; `where` names it in messages.

    Raises
    ------
    FleetSpecError
        If it describes none.
    """
    if len(raw) > MAX_FILE_BYTES:
        raise FleetSpecError(f"{where}: more than {MAX_FILE_BYTES:,} bytes; want a fleet, which is a few thousand")
    table = _table(raw, where)
    try:
        return FleetSpec.model_validate(table)
    except ValidationError as error:
        raise FleetSpecError(f"{where}: {_explain(error)}") from None


def _table(raw: bytes, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(raw.decode("utf-8-sig"))  # some editors put a mark in front
    except UnicodeDecodeError:
        raise FleetSpecError(f"{where}: not text (UTF-8); want a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise FleetSpecError(f"{where}: not valid TOML: {error}") from None
    except ValueError:
        raise FleetSpecError(f"{where}: a number of thousands of digits; want one that a computer can hold") from None
    except RecursionError:
        raise FleetSpecError(f"{where}: lists or tables nested too deeply; want a fleet") from None


def _explain(error: ValidationError) -> str:
    """Say what the first problem is, and how many more there are."""
    problems = error.errors(include_url=False)
    first = min(problems, key=lambda problem: _RANKS.get(problem["type"], 2))
    more = len({problem["loc"] for problem in problems}) - 1
    path = _path(first["loc"])
    told = _sentence(first)
    if first["type"] == "value_error":  # its own checks name the key below
        where = f"{path}." if path and not told.startswith("groups") else ""
    else:
        where = f"{path}: " if path else ""
    return where + told + (f" (and {more} more)" if more > 0 else "")


def _path(location: tuple[int | str, ...]) -> str:
    """Return `groups[3].faults[0].at_s`."""
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def _sentence(problem: ErrorDetails) -> str:
    kind, given = problem["type"], problem.get("input")
    if kind == "extra_forbidden":
        key = str(problem["loc"][-1])
        known = list(_model_at(problem["loc"]).model_fields)
        near = get_close_matches(key, known, n=1)
        return f"unknown key {key!r}; " + (f"did you mean {near[0]!r}?" if near else f"want one of {', '.join(known)}")
    if kind == "missing":
        return "it is missing; want it stated"
    if kind == "value_error":
        return str(problem["ctx"]["error"])
    text = repr(given)
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{text if len(text) <= 60 else text[:57] + '...'}; {message}"


def _model_at(location: tuple[int | str, ...]) -> type[BaseModel]:
    """Return the model whose key the last step of `location` is."""
    if "faults" in location[:-1]:
        return PlannedFault
    return Group if "groups" in location[:-1] else FleetSpec
