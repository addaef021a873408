"""TOML from bytes; whatever is wrong with them is told in the words of a sentence that begins with the file's name."""

from __future__ import annotations

import tomllib
from typing import Any

MAX_FILE_BYTES = 1_000_000  # a fleet or a scenario is a few kilobytes; more is a mistaken path


def parse_toml(raw: bytes, kind: str) -> dict[str, Any]:
    """Return the table that a file's bytes hold; `kind` says in messages what is wanted, such as "a fleet".

    Raises
    ------
    ValueError
        If they hold none, or are more than `MAX_FILE_BYTES`; the message says what is wrong and what would be right.
    """
    if len(raw) > MAX_FILE_BYTES:
        raise ValueError(f"more than {MAX_FILE_BYTES:,} bytes; want {kind} of at most that")
    try:
        return tomllib.loads(raw.decode("utf-8-sig"))  # some editors put a mark in front
    except UnicodeDecodeError:
        raise ValueError("not text (UTF-8); want a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"not valid TOML: {error}") from None
    except ValueError:
        raise ValueError("a number of thousands of digits; want one that a computer can hold") from None
    except RecursionError:
        raise ValueError(f"lists or tables nested too deeply; want {kind}") from None
