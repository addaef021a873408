"""The command `hashwatt`: carry out one command and turn whatever goes wrong into a sentence and an exit code.

The parser and the commands are imported inside `main`, so that even a Ctrl-C in the first tenth of a second ends quietly.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from reports.cli.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_PIPE, exit_code, sentence
from reports.cli.parser_words import PROGRAM, ParserError, parser_sentence
from reports.cli.streams import hold_streams, let_go_of_streams, reader_left

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `arguments` (those of the process if None) and leave with an exit code that `reports.cli.errors` lists."""
    hold_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    words = [word for word in given if word != "--debug"]  # it may stand anywhere
    debugging = words != given or os.environ.get("HASHWATT_DEBUG", "") not in ("", "0")
    try:
        code = _run(words)
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:
        seen_enough = isinstance(error, BrokenPipeError) and reader_left()
        code = EXIT_PIPE if seen_enough else _tell(error, debugging=debugging)
    let_go_of_streams()
    sys.exit(code)


def _run(words: list[str]) -> int:
    """Parse and carry out `words`; return the exit code of a command that ended by itself."""
    from reports.cli.commands import build_app, command_named

    if not words:
        words = ["--help"]
    app, streams = build_app(command_named(words, os.environ)), (sys.stdout, sys.stderr)
    try:
        outcome = app(words, prog_name=PROGRAM, standalone_mode=False)
    except SystemExit as end:
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        sys.stdout, sys.stderr = streams  # the parser makes code 1 and mute streams of any broken pipe, whosever it is
        raise end.__context__ from None
    if outcome == EXIT_INTERRUPTED:  # the parser turns Ctrl-C into this number
        _say("interrupted")
    return outcome if isinstance(outcome, int) else EXIT_OK


def _tell(error: BaseException, *, debugging: bool) -> int:
    """Say what `error` means to the user, after its traceback when `debugging`; return the exit code."""
    if debugging:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, ParserError):
        _say(parser_sentence(error))
        return error.exit_code
    _say(sentence(error))
    return exit_code(error)


def _say(text: str) -> None:
    """Tell the user one sentence on stderr, if anybody can hear it."""
    with suppress(OSError):
        print(f"{PROGRAM}: {text}", file=sys.stderr)
