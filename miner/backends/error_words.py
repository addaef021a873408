"""What a library raised, in one line: they raise what they like, and some a page of it."""

from __future__ import annotations


def first_line(error: Exception) -> str:
    """Return the first line of an error, with its kind where it says nothing."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
