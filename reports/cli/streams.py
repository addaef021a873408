"""The streams of the process: there whatever the shell did to them, and let go of quietly when nobody reads them any more."""

from __future__ import annotations

import os
import select
import sys
from io import TextIOWrapper


def hold_streams() -> None:
    """Stand in for a stream that the shell closed, and let no letter that an encoding lacks end the program."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for as long as the process lives
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def reader_left() -> bool:
    """Tell whether stdout or stderr is a pipe whose reader, `head` perhaps, has gone.

    A pipe to something else, such as a pool or a port, may break just as well, and that is no reason to be quiet.
    """
    if not hasattr(select, "poll"):  # not on Windows, where it cannot be told apart
        return True
    poll = select.poll()
    for stream in (sys.stdout, sys.stderr):
        try:
            poll.register(stream.fileno(), 0)  # a gone reader is told of whatever is asked for
        except (OSError, ValueError):  # no file, or closed
            continue
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))


def let_go_of_streams() -> None:
    """Drop what cannot be written, so that the interpreter does not complain of it again on its way out (exit code 120)."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
