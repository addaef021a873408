"""What `hashwatt bench` says and keeps when it has measured: the result first, then the files, then what was wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from reports.cli.errors import EXIT_FAILURE, EXIT_INTERRUPTED, one_line
from reports.cli.parser_words import PROGRAM

if TYPE_CHECKING:
    from miner.bench.run import BenchOutcome
    from reports.bench_older import Older


@dataclass(frozen=True, slots=True)
class Telling:
    """What goes with the figures, and where everything goes: facts, why there is no energy, an older benchmark, files."""

    facts: Mapping[str, object]
    energy_reason: str | None
    older: Older | None
    csv: Path | None
    history: Path | None
    as_json: bool


def deliver(outcome: BenchOutcome, telling: Telling) -> None:
    """Print and keep what was measured, and leave with the exit code that it deserves.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C came before a sample was complete.
    BenchOutputError
        If it could not be printed, or added to a file; whatever else could be done has been.
    """
    lost: list[Exception] = []
    if outcome.results:
        lost = _handed_over(outcome, telling)
        tell(_warnings(outcome, telling))
    elif outcome.interrupted:
        raise KeyboardInterrupt
    tell(f"backend {name!r} failed: {message.removeprefix(f'backend {name!r}: ')}" for name, message in outcome.failures)
    tell(str(error) for error in lost[:-1])
    if lost:
        raise lost[-1]
    if outcome.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if outcome.failures or not all(result.audit.passed for result in outcome.results):
        raise typer.Exit(EXIT_FAILURE)


def tell(sentences: Iterable[str]) -> None:
    """Tell the user sentences on stderr, each on a line; one that cannot be written ends nothing."""
    for sentence in sentences:
        with suppress(OSError):
            print(f"{PROGRAM}: {one_line(sentence)}", file=sys.stderr, flush=True)


def _handed_over(outcome: BenchOutcome, telling: Telling) -> list[Exception]:
    """Print the result and add it to the files; return what went wrong with that, a pipe that nobody reads any more first."""
    from reports.bench_files import append_csv, append_history
    from reports.bench_report import document, json_text
    from reports.bench_text import text
    from reports.errors import BenchOutputError

    told = document(outcome, telling.facts, telling.energy_reason)
    if telling.older is not None:
        told |= {"comparison": telling.older.compared(told), "differences": telling.older.differences(told)}
    lost = _printed(json_text(told, indent=2) if telling.as_json else text(outcome, told, telling.energy_reason))
    for path, append in ((telling.csv, append_csv), (telling.history, append_history)):
        try:
            if path is not None and append(path, told):
                tell([f"{path}: its last line was not whole; it is left as it was, and what is new begins on the next one"])
        except BenchOutputError as error:
            lost.append(error)
    return lost


def _printed(text: str) -> list[Exception]:
    from reports.errors import BenchOutputError

    if sys.stdout is None:  # as Python has it where it was closed before
        return [BenchOutputError("standard output: it is closed; the result was not printed")]
    try:
        print(text, flush=True)
    except BrokenPipeError as error:
        return [error]
    except OSError as error:
        return [BenchOutputError(f"standard output: cannot be written ({error.strerror}); the result was not printed")]
    return []


def _warnings(outcome: BenchOutcome, telling: Telling) -> Iterable[str]:
    from reports.bench_text import disturbed_sentence, failed_audit_sentence
    from reports.machine import usable_cpus

    for result in outcome.results:
        if (disturbed := disturbed_sentence(result, len(usable_cpus()))) is not None:
            yield disturbed
        if telling.energy_reason is None and result.energy is None and not outcome.interrupted:
            yield f"no energy: {result.backend}: {result.energy_reason}"
        if not result.audit.passed:
            yield failed_audit_sentence(result)
