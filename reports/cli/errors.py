"""How the command line ends when something goes wrong: one sentence on stderr and an exit code.

==== =====================================================================================================
code meaning
==== =====================================================================================================
0    done
1    failure: a self-test, a full disk, a check that did not hold, a defect of the program
2    usage or bad input: the sentence says what is wrong, where, and what would be right
130  interrupted with Ctrl-C
141  whoever read the output, `head` perhaps, had seen enough and left; nothing is said of it
143  ended by SIGTERM before it could be stopped tidily; nothing is said of it
==== =====================================================================================================

A command says that its input is wrong by raising `UsageProblem`. Errors of the floors may pass through a command
untouched: each floor keeps its tree in ``<floor>/errors.py``, and that is how they are known here without importing a
floor. An error of such a tree is bad input, unless it is also a `RuntimeError` (then something failed at work).
Everything else is a defect of the program, told as one sentence that names ``--debug``.
"""

from __future__ import annotations

from typing import Final

EXIT_OK: Final = 0
EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130  # 128 + SIGINT, as shells report it

# 128 + SIGPIPE, as shells report `ls`, `yes` or `git log` into `head`. Tools in Python either give the signal back its default
# action and really die of it (csvkit), or end with a code of their own. Here the signal stays ignored: its default action would
# also end a server whose client left, and no process that dies of a signal removes its links or tells its devices to stop.
EXIT_PIPE: Final = 141

FLOORS: Final = ("miner", "hw", "gridsim", "reports")
MOST_WORD: Final = 160  # letters; a path may be longer, but nobody reads it to its end
_TREES: Final = frozenset(f"{floor}.errors" for floor in FLOORS)


class UsageProblem(Exception):  # noqa: N818  it tells of the user's input, and reads so at every `raise`
    """Bad input on the command line; the message is one sentence with what, where and what would be right."""


def exit_code(error: BaseException) -> int:
    """Return the exit code with which the program ends after `error`."""
    if isinstance(error, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    if isinstance(error, UsageProblem):
        return EXIT_USAGE
    if raised_on_purpose(error) and not isinstance(error, RuntimeError):
        return EXIT_USAGE
    return EXIT_FAILURE


def raised_on_purpose(error: BaseException) -> bool:
    """Tell whether `error` belongs to the error tree of one of the four floors."""
    return any(base.__module__ in _TREES for base in type(error).__mro__)


def sentence(error: BaseException) -> str:
    """Return what the user reads about `error`, on one line and without a traceback."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, UsageProblem) or raised_on_purpose(error):
        return one_line(str(error)) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    told = one_line(f"{type(error).__name__}: {error}")
    return f"internal error: {told} (run again with --debug, or with HASHWATT_DEBUG=1, to see where)"


def one_line(text: str) -> str:
    """Return `text` on one line: white space is one blank, long words are cut, control characters are spelled out."""
    words = (
        word if len(word) <= MOST_WORD else f"{word[: MOST_WORD // 2]}...{word[-MOST_WORD // 4 :]}" for word in text.split()
    )
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in " ".join(words))
