"""What follows the colon of a meter's specification: one value, then options, as in ``/dev/ttyUSB0,address=1``."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from hw.errors import MeterError


def split_options(meter: str, rest: str, known: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """Return the value and the options of a specification.

    Raises
    ------
    MeterError
        If an option is not `known`, stands twice or has no value.
    """
    first, *others = rest.split(",")
    options: dict[str, str] = {}
    for other in others:
        name, _, value = other.partition("=")
        if name not in known:
            raise MeterError(f"{meter}: no option {name[:40]!r}; known: {', '.join(known)}")
        if not value or name in options:
            raise MeterError(f"{meter}: option {other[:60]!r}; want {name}=VALUE, and once")
        options[name] = value
    return first, options


def whole_number(meter: str, options: Mapping[str, str], name: str, allowed: range, default: int) -> int:
    """Return the option `name` as one of the numbers that are `allowed`, or `default`; raise MeterError if it is none."""
    text = options.get(name, str(default))
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    if number not in allowed:
        raise MeterError(f"{meter}: {name}={text[:40]}; want a whole number from {allowed[0]} to {allowed[-1]}")
    return number


def number(meter: str, options: Mapping[str, str], name: str, default: float) -> float:
    """Return the option `name` as a finite number, or `default`; raise MeterError if it is none."""
    text = options.get(name, str(default))
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise MeterError(f"{meter}: {name}={text[:40]}; want a number")
    return value
