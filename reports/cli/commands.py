"""The table of commands, each loaded only when the user names it.

``hashwatt --help`` lists the table and imports none of the commands, so it stays fast and needs neither numba nor
matplotlib.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as distribution_version
from typing import Annotated, Final

import typer

from reports.cli.errors import UsageProblem

SUMMARY: Final = "Simulate proof-of-work mining, the power it draws and the grids that carry it."
_SECTIONS: Final = re.compile(r"\n\s*[A-Z][A-Za-z ]+\n\s*-{3,}\s*\n.*", re.DOTALL)  # numpydoc: Parameters, Raises, ...


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command lives (``module:attribute``) and its line in ``hashwatt --help``."""

    place: str
    help: str


COMMANDS: Final[Mapping[str, Command]] = {
    "run": Command("reports.cli.run:run", "Simulate a scenario and write its tables, figures and report."),
    "scenarios": Command("reports.cli.scenarios:app", "List, show and check scenarios."),
    "mine": Command("reports.cli.mine:mine", "Search a range of nonces of a block header, or mine at a pool."),
    "pool": Command("reports.cli.pool:pool", "Serve work to miners on this machine, and check their shares."),
    "bench": Command("reports.cli.bench:bench", "Measure the nonce-search kernels of this machine."),
    "devices": Command("reports.cli.devices:app", "List mining machines, show one in full, find those attached here."),
    "emulate": Command("reports.cli.emulate:emulate", "Emulate mining devices on pseudo-terminals."),
    "fleet": Command("reports.cli.fleet:app", "Serve simulated machines on the network, as real ones answer."),
    "serve": Command("reports.cli.serve:serve", "Serve the figures of a run to Prometheus, on this machine only."),
    "doctor": Command("reports.cli.doctor:doctor", "Check this machine; say what is missing and how to get it."),
    "version": Command("reports.cli.commands:version", "Print the versions of hashwatt and Python."),
}


def command_named(words: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """Return the first of `words` that is no option; when a shell asks for completions, that of the line being typed."""
    line = environment.get("_TYPER_COMPLETE_ARGS") or environment.get("COMP_WORDS") or ""
    candidates = line.split()[1:] if "_HASHWATT_COMPLETE" in environment else words
    return next((word for word in candidates if not word.startswith("-")), None)


def build_app(wanted: str | None, commands: Mapping[str, Command] = COMMANDS) -> typer.Typer:
    """Return the program with the command `wanted` loaded and one line of help for each of the others.

    Raises
    ------
    UsageProblem
        If the command `wanted` is in the table and its module is not installed.
    """
    app = typer.Typer(name="hashwatt", help=SUMMARY, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback(invoke_without_command=True)(_global_options)
    for name, command in commands.items():
        target = load(name, command) if name == wanted else _not_loaded
        if isinstance(target, typer.Typer):
            app.add_typer(target, name=name, help=command.help)
        else:
            text = command.help if target is _not_loaded else _prose(target)
            app.command(name, help=text or command.help, short_help=command.help)(target)
    return app


def load(name: str, command: Command) -> Callable[..., object] | typer.Typer:
    """Import the `command` called `name`: a function with one parameter per option, or a group of commands.

    Raises
    ------
    UsageProblem
        If its module is not installed.
    """
    module, _, attribute = command.place.partition(":")
    try:
        target: Callable[..., object] | typer.Typer = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise UsageProblem(f"the command {name!r} is not part of this installation; see `hashwatt --help`") from None
    return target


def version(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print the versions of hashwatt and Python."""
    try:
        own = distribution_version("hashwatt")
    except PackageNotFoundError:
        own = "not installed"
    python = ".".join(map(str, sys.version_info[:3]))
    print(json.dumps({"hashwatt": own, "python": python}) if as_json else f"hashwatt {own} (Python {python})")


def _global_options(
    context: typer.Context,
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """Take the options that stand before the command; `debug` is read in `reports.cli.main`, where errors are told."""
    if show_version:
        version()
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise UsageProblem("a command is missing; see `hashwatt --help`")


def _not_loaded() -> None:
    """Stand in for a command that the user did not name."""
    raise NotImplementedError


def _prose(target: Callable[..., object]) -> str:
    """Return the docstring of `target` without its numpydoc sections, which speak to programmers."""
    return _SECTIONS.sub("", target.__doc__ or "")
