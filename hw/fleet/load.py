"""Read a fleet from TOML; whatever is wrong with the file is told in one sentence."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from hw.fleet.errors import FleetSpecError
from hw.fleet.spec import FleetSpec
from hw.spec_errors import explain
from hw.toml_text import MAX_FILE_BYTES, parse_toml

DEMO: Final = "fleet-demo.toml"


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
    if not raw.strip():
        raise FleetSpecError(
            f'{where}: the file is empty; want a fleet: name = "hall", and a [[groups]] for each kind of machine'
        )
    try:
        return FleetSpec.model_validate(parse_toml(raw, "a fleet"))
    except ValidationError as error:
        raise FleetSpecError(f"{where}: {explain(error, FleetSpec)}") from None
    except ValueError as error:
        raise FleetSpecError(f"{where}: {error}") from None
