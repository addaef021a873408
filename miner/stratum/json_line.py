"""Strict JSON objects, one a line: what the standard library lets pass, and a pool should not, is refused here.

Refused besides plain nonsense: NaN and Infinity, numbers too long to be meant, keys that stand twice, deep nesting, and
halves of surrogate pairs, which no UTF-8 can say again. A line that is no UTF-8 is read as Latin-1: miners put a user's name
into it byte by byte as the console gave it, and who is not understood gets no answer at all.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import Final, NoReturn

from miner.errors import MessageError

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

MOST_DEPTH: Final = 16
MOST_DIGITS: Final = 20  # 2^64 has as many
MOST_ID: Final = 128  # characters of a request's id


def decode(line: bytes) -> dict[str, Json]:
    """Return the JSON object that `line` is.

    Raises
    ------
    MessageError
        If it is anything else, or holds what is refused here; no other error ever leaves. `request_id` tells whom to answer,
        where a reader that is less strict finds it.
    """
    text = _text(line)
    try:
        return _strictly(text)
    except MessageError as error:
        error.request_id = _id_within(text)
        raise


def _strictly(text: str) -> dict[str, Json]:
    try:
        value = _DECODER.decode(text)
    except MessageError:
        raise
    except RecursionError:
        raise MessageError(f"the line nests deeper than {MOST_DEPTH} levels") from None
    except ValueError as error:
        raise MessageError(f"the line is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise MessageError(f"the line is JSON, but no object: {told(value)}")
    _walk(value)
    return value


def encode(value: dict[str, Json]) -> bytes:
    """Return `value` as a line with its end."""
    return json.dumps(value, allow_nan=False).encode("ascii") + b"\n"


def told(value: object) -> str:
    """Return a value from the wire for a message: short, printable and on one line."""
    return f"{value!a:.60}"


def _text(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _id_within(text: str) -> int | str | None:
    """Return the id of a line that was refused, if there is one: whoever asked is not to wait for ever."""
    try:
        value = json.loads(text)
        identity = value.get("id") if isinstance(value, dict) else None
        if isinstance(identity, str) and len(identity) <= MOST_ID:
            _refuse_half_pairs(identity)
            return identity
    except (ValueError, RecursionError):  # MessageError is one of these
        return None
    short = isinstance(identity, int) and not isinstance(identity, bool) and abs(identity) < 10**MOST_DIGITS
    return identity if short else None


def _walk(value: Json) -> None:
    """Refuse deep nesting and strings that cannot be written down again."""
    level: list[Json] = [value]
    for _ in range(MOST_DEPTH):
        below: list[Json] = []
        for item in level:
            if isinstance(item, dict):
                below += [*item, *item.values()]
            elif isinstance(item, list):
                below += item
            elif isinstance(item, str):
                _refuse_half_pairs(item)
        if not below:
            return
        level = below
    raise MessageError(f"the line nests deeper than {MOST_DEPTH} levels")


def _refuse_half_pairs(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise MessageError(f"{told(text)} holds half of a surrogate pair, which is no character") from None


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MessageError("a key stands twice in one object")
    return found


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise MessageError(f"a number of {len(text)} digits; want at most {MOST_DIGITS}")
    return int(text)


def _fractional(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise MessageError(f"the number {text:.40} is too large")
    return number


def _constant(name: str) -> NoReturn:
    raise MessageError(f"{name} is no JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_fractional, parse_constant=_constant
)
