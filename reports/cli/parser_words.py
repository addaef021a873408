"""What the command line's parser has to say, in the words of this program: the option, what was found, what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol, runtime_checkable

from reports.cli.errors import one_line

PROGRAM: Final = "hashwatt"
QUOTE: Final = "'"  # around an option where the parser names it
_WANTED: Final = {
    "greater_than_equal": "{ge} or more",
    "greater_than": "more than {gt}",
    "less_than_equal": "{le} or less",
    "less_than": "less than {lt}",
}


@runtime_checkable
class ParserError(Protocol):
    """What every error of the command line's parser has, whichever library brings the parser."""

    exit_code: int

    def format_message(self) -> str:
        """Return what is wrong with the words of the user."""
        ...


def parser_sentence(error: ParserError) -> str:
    """Return what is wrong with the words of the user and where the right ones stand."""
    command = getattr(getattr(error, "ctx", None), "command_path", PROGRAM)
    told = _wrong_value(error) or one_line(error.format_message()).rstrip(".?")
    if type(error).__name__ == "NoArgsIsHelpError":  # its message is the whole help
        told = "a command is missing"
    return f"{told}; see `{command} --help`"


def _wrong_value(error: ParserError) -> str:
    """Return which option has which value, and what it should have; empty if the parser does not say so much."""
    hint, found = getattr(getattr(error, "param", None), "get_error_hint", None), getattr(error, "__cause__", None)
    problems: list[dict[str, Any]] = found.errors() if found is not None and hasattr(found, "errors") else []
    if hint is None or not problems:
        return ""
    want = _wanted(problems[0])
    return want and f"{hint().replace(QUOTE, '')} {problems[0]['input']}: want {want}"


def _wanted(problem: Mapping[str, Any]) -> str:
    kind = problem["type"]
    if kind.startswith("int_"):
        return "a whole number"
    if kind.startswith("float_"):
        return "a number"
    return _WANTED.get(kind, "").format(**problem.get("ctx", {}))
