"""`hashwatt run SCENARIO`: simulate an ensemble, compare it with history, write a run folder."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from reports.cli.errors import UsageProblem


def run(
    scenario: Annotated[str, typer.Argument(help="A shipped scenario's name, or the path of a .toml file.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random number; the same seed gives the same tables.")] = 1,
    replicates: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="How many worlds; the scenario's own number if left out.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write; runs/SCENARIO-TIME if left out.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=1_024, help="Processes; one a core if left out.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Write every table as CSV too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Simulate SCENARIO, hold it against what really happened, and write tables, figures and a report."""
    from gridsim.load import load_scenario
    from reports.ensemble import default_workers
    from reports.pipeline import execute
    from reports.request import RunRequest, check_named
    from reports.summary_text import render
    from reports.write import RunFolder

    if out is not None and not _is_text(str(out)):
        raise UsageProblem(f"--out {str(out)!a}: not text in UTF-8, which reports are written in; want another name")
    loaded = load_scenario(scenario)
    check_named(loaded)
    request = RunRequest(
        scenario=loaded,
        seed=seed,
        replicates=loaded.replicates if replicates is None else replicates,
        workers=default_workers() if workers is None else workers,
        csv=csv,
        command=f"hashwatt run {shlex.quote(scenario)} --seed {seed} --replicates {replicates or loaded.replicates}",
    )
    folder = RunFolder.create(out, loaded.id)
    with _progress(loaded.title, request.replicates, quiet=quiet) as advance:
        summary = execute(request, folder, advance)
    print(json.dumps(summary, ensure_ascii=False, indent=2) if as_json else render(summary))


def _is_text(name: str) -> bool:
    return not any(0xD800 <= ord(letter) <= 0xDFFF for letter in name)


@contextmanager
def _progress(title: str, total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal, a line now and then elsewhere, nothing when `quiet`."""
    if quiet:
        yield lambda _done: None
    elif not sys.stderr.isatty():
        yield lambda done: _tell(f"{done} of {total} replicates")
    else:
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(escape(title), total=total)
            yield lambda done: bar.update(task, completed=done)


def _tell(line: str) -> None:
    """Print a line of progress; a run does not end because nobody can hear of it."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)
