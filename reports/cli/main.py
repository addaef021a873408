"""The command `hashwatt`: carry out one command and turn whatever goes wrong into a sentence and an exit code.

The parser and the commands are imported inside `main`, so that even a Ctrl-C in the first tenth of a second ends quietly.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from reports.cli.errors import EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_OK, exit_code, one_line, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM: Final = "hashwatt"


@runtime_checkable
class _ParserError(Protocol):
    """What every error of the command line's parser has, whichever library brings the parser."""

    exit_code: int

    def format_message(self) -> str:
        """Return what is wrong with the words of the user."""
        ...


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `arguments` (those of the process if None) and leave with an exit code that `reports.cli.errors` lists."""
    _hold_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    words = [word for word in given if word != "--debug"]  # it may stand anywhere
    debugging = words != given or os.environ.get("HASHWATT_DEBUG", "") not in ("", "0")
    try:
        code = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        code = EXIT_FAILURE
    except (Exception, KeyboardInterrupt) as error:
        code = _tell(error, debugging=debugging)
    _let_go_of_streams()
    sys.exit(code)


def _run(words: list[str]) -> int:
    """Parse and carry out `words`; return the exit code of a command that ended by itself."""
    from reports.cli.commands import build_app, command_named

    if not words:
        words = ["--help"]
    app = build_app(command_named(words, os.environ))
    outcome = app(words, prog_name=PROGRAM, standalone_mode=False)
    if outcome == EXIT_INTERRUPTED:  # the parser turns Ctrl-C into this number
        _say("interrupted")
    return outcome if isinstance(outcome, int) else EXIT_OK


def _tell(error: BaseException, *, debugging: bool) -> int:
    """Say what `error` means to the user, after its traceback when `debugging`; return the exit code."""
    if debugging:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, _ParserError):
        _say(_parser_sentence(error))
        return error.exit_code
    _say(sentence(error))
    return exit_code(error)


def _let_go_of_streams() -> None:
    """Drop what cannot be written, so that the interpreter does not complain of it again on its way out (exit code 120)."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _parser_sentence(error: _ParserError) -> str:
    """Return what is wrong with the words of the user and where the right ones stand."""
    command = getattr(getattr(error, "ctx", None), "command_path", PROGRAM)
    told = one_line(error.format_message()).rstrip(".?")
    if type(error).__name__ == "NoArgsIsHelpError":  # its message is the whole help
        told = "a command is missing"
    return f"{told}; see `{command} --help`"


def _hold_streams() -> None:
    """Stand in for a stream that the shell closed, and let no letter that an encoding lacks end the program."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for as long as the process lives
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _say(text: str) -> None:
    """Tell the user one sentence on stderr, if anybody can hear it."""
    with suppress(OSError):
        print(f"{PROGRAM}: {text}", file=sys.stderr)
