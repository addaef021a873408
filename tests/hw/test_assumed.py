"""What is assumed is listed for the reader: no assumption only in the code."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import hw
from hw.faults import HAZARDS
from hw.modes import Ramp
from hw.psu import PowerSupply
from hw.sourced import Sourced

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
MODULES = sorted(path.stem for path in Path(hw.__file__).parent.glob("*.py") if path.stem != "__init__")


def figures() -> dict[str, Sourced | PowerSupply | Ramp]:
    """Return every figure that stands at the top of a module of `hw`, by its name."""
    found = {}
    for name in MODULES:
        module = importlib.import_module(f"hw.{name}")
        found |= {key: value for key, value in vars(module).items() if isinstance(value, Sourced | PowerSupply | Ramp)}
    return found


def listed() -> set[str]:
    """Return the names in the first column of the table of assumptions."""
    table = PAGE.split("### Assumed", 1)[1].split("\n### ", 1)[0]
    return {
        name for line in table.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }


def test_every_assumed_figure_is_listed_and_nothing_else() -> None:
    assumed = {name for name, figure in figures().items() if figure.basis == "assumed"}
    assert listed() - {"HAZARDS"} == assumed
    assert any(own.rate_per_h.basis == "assumed" for own in HAZARDS.values())


@pytest.mark.parametrize("name", sorted(figures()))
def test_every_figure_says_where_it_is_from(name: str) -> None:
    figure = figures()[name]
    assert figure.source
    assert re.fullmatch(r"20\d\d(-\d\d(-\d\d)?)?", figure.as_of)
