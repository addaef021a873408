"""`hashwatt scenarios list|show|check`: what ships, what it says, and whether a file of yours holds."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="List, show and check scenarios.")

Name = Annotated[str, typer.Argument(metavar="SCENARIO", help="A shipped scenario's name, or the path of a .toml file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_scenarios(as_json: AsJson = False) -> None:
    """List the scenarios that ship with the program."""
    from gridsim.load import load_scenario, scenario_names

    scenarios = [load_scenario(name) for name in scenario_names()]
    if as_json:
        rows = [{"name": scenario.id, "title": scenario.title, "replicates": scenario.replicates} for scenario in scenarios]
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    width = max(len(scenario.id) for scenario in scenarios)
    for scenario in scenarios:
        print(f"{scenario.id:<{width}}  {scenario.title}")


@app.command("show")
def show(name: Name) -> None:
    """Print a scenario's file as it stands: copy it to build your own."""
    from gridsim.load import load_scenario, scenario_names

    load_scenario(name)  # whatever is wrong with it is said before a line is printed
    source = files("gridsim") / "data" / "scenarios" / f"{name}.toml" if name in scenario_names() else Path(name)
    print(source.read_text(encoding="utf-8"), end="")


@app.command("check")
def check(name: Name, as_json: AsJson = False) -> None:
    """Read a scenario, with everything it names, and say what it holds."""
    from gridsim.load import load_scenario, scenario_sha256
    from reports.request import check_named

    scenario = load_scenario(name)
    check_named(scenario)
    facts = {
        "name": scenario.id,
        "title": scenario.title,
        "start_utc": scenario.start_utc.isoformat(),
        "cap_utc": scenario.cap_utc.isoformat(),
        "regions": len(scenario.shares),
        "cohorts": len(scenario.cohorts),
        "events": len(scenario.events),
        "priors": len(scenario.priors),
        "replicates": scenario.replicates,
        "sha256": scenario_sha256(scenario),
        "priors_sha256": scenario.priors_sha256,
    }
    if as_json:
        print(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    for key, value in facts.items():
        print(f"{key:<14} {value}")
