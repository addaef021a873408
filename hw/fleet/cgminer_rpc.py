"""The cgminer RPC without a socket: bytes of a request in, bytes of the whole reply out.

One request a connection, as JSON or as plain text, several commands joined with `+`; the reply ends with a NUL byte. What the
commands say is another matter: a `Tables` answers them one by one. The form is that of ckolivas/cgminer API-README and api.c.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

MOST_REQUEST_BYTES: Final = 8192  # what cgminer reads, too
MOST_JOINED: Final = 32
CODE_INVALID_COMMAND: Final = 14
CODE_INVALID_JSON: Final = 23
CODE_MISSING_COMMAND: Final = 24
CODE_ACCESS_DENIED: Final = 45

Value = str | int | float | bool
Row = Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a command comes to: a status letter (S ok, E error), a code, a message; then a section with its rows, if any.

    `message` is a text, or an object where the firmware answers with one; `flat` says that the status is no list, as in a
    Whatsminer's own commands. `bare` is a status without anything else, such as RESTART.
    """

    code: int
    message: str | Row | Mapping[str, object]
    status: str = "S"
    section: str | None = None
    rows: Sequence[Row] = field(default=())
    flat: bool = False
    bare: str | None = None


class Tables(Protocol):
    """What a firmware answers."""

    description: str
    """Its name, in every status."""

    def answer(self, command: str, parameter: str, arguments: Mapping[str, object]) -> Reply:
        """Carry out or answer one command; `arguments` is the whole JSON request."""
        ...

    def unix_s(self) -> float:
        """Return the time [s, Unix] of its clock."""
        ...


def refused(code: int, message: str) -> Reply:
    """Return a reply that says no."""
    return Reply(code=code, message=message, status="E")


class RpcExchange:
    """One connection: collects a request from pieces of any size and makes the reply."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._data = bytearray()
        self._scanned = 0
        self._depth = 0
        self._in_text = False
        self._escaped = False

    def feed(self, data: bytes) -> bytes | None:
        """Add `data`; return the reply as soon as the request is whole, or can never be."""
        self._data += data[: MOST_REQUEST_BYTES + 1 - len(self._data)]
        if self._is_json():
            if self._object_ends():
                return self._reply()
        elif b"\n" in self._data.lstrip() or b"\0" in self._data:
            return self._reply()
        if len(self._data) > MOST_REQUEST_BYTES:
            too_long = refused(CODE_INVALID_COMMAND, f"Request of over {MOST_REQUEST_BYTES} bytes")
            return self._told([("", too_long)], as_json=self._is_json())
        return None

    def pause(self) -> bytes | None:
        """Return the reply if silence ends the request: plain text may come without any end."""
        return self._reply() if self._data.strip() and not self._is_json() else None

    def end(self) -> bytes | None:
        """Return the reply to what came, after which nothing will come; None if that was nothing."""
        return self._reply() if self._data.strip() else None

    def _is_json(self) -> bool:
        return self._data.lstrip()[:1] == b"{"

    def _object_ends(self) -> bool:
        """Tell whether the braces opened so far are all closed; each byte is looked at once."""
        for position in range(self._scanned, len(self._data)):
            byte = self._data[position]
            if self._escaped:
                self._escaped = False
            elif byte == 0x5C:  # backslash
                self._escaped = self._in_text
            elif byte == 0x22:  # quote
                self._in_text = not self._in_text
            elif not self._in_text and byte in b"{}":
                self._depth += 1 if byte == 0x7B else -1
                if not self._depth:
                    del self._data[position + 1 :]
                    return True
        self._scanned = len(self._data)
        return False

    def _reply(self) -> bytes:
        as_json = self._is_json()
        if not as_json:
            text = bytes(self._data).lstrip().split(b"\0")[0].split(b"\n")[0].decode("utf-8", "replace").strip()
            command, _, parameter = text.partition("|")
            return self._answered(command, parameter, {}, as_json=False)
        try:
            request = json.loads(self._data)
        except (ValueError, RecursionError):
            return self._told([("", refused(CODE_INVALID_JSON, "Invalid JSON"))], as_json=True)
        command = request.get("command", request.get("cmd"))  # a Whatsminer's clients say cmd
        if not isinstance(command, str):
            return self._told([("", refused(CODE_MISSING_COMMAND, "Missing JSON 'command'"))], as_json=True)
        parameter = request.get("parameter", "")
        return self._answered(command, str(parameter) if isinstance(parameter, str | int) else "", request, as_json=True)

    def _answered(self, joined: str, parameter: str, arguments: Mapping[str, object], *, as_json: bool) -> bytes:
        if "+" not in joined:
            return self._told([("", self._tables.answer(joined, parameter, arguments))], as_json=as_json)
        commands = list(dict.fromkeys(command for command in joined.split("+") if command))
        if not 1 <= len(commands) <= MOST_JOINED:
            wrong = refused(CODE_INVALID_COMMAND, f"{len(commands)} commands joined; want 1 to {MOST_JOINED}")
            return self._told([("", wrong)], as_json=as_json)
        return self._told([(command, self._tables.answer(command, "", {})) for command in commands], as_json=as_json)

    def _told(self, replies: Sequence[tuple[str, Reply]], *, as_json: bool) -> bytes:
        when, description = int(self._tables.unix_s()), self._tables.description
        if as_json:
            objects = [(name, _json_object(reply, when, description)) for name, reply in replies]
            joined: dict[str, object] = {name: [told] for name, told in objects if name}
            whole = {**joined, "id": 1} if joined else _with_id(objects[0][1])
            return json.dumps(whole, separators=(",", ":"), allow_nan=False).encode() + b"\0"
        texts = [(f"CMD={name}|" if name else "") + _text(reply, when, description) for name, reply in replies]
        return "".join(texts).encode() + b"\0"


def _with_id(told: dict[str, object]) -> dict[str, object]:
    return told if isinstance(told.get("STATUS"), str) else {**told, "id": 1}


def _json_object(reply: Reply, when: int, description: str) -> dict[str, object]:
    if reply.bare is not None:
        return {"STATUS": reply.bare}
    status = {"STATUS": reply.status, "When": when, "Code": reply.code, "Msg": reply.message, "Description": description}
    if reply.flat:
        return status
    section = {reply.section: list(reply.rows)} if reply.section is not None else {}
    return {"STATUS": [status], **section}


def _text(reply: Reply, when: int, description: str) -> str:
    if reply.bare is not None:
        return f"STATUS={reply.bare}|"
    message = reply.message if isinstance(reply.message, str) else json.dumps(reply.message)
    status: Row = {"STATUS": reply.status, "When": when, "Code": reply.code, "Msg": message, "Description": description}
    parts = [_text_row(status)]
    for row in reply.rows:
        numbered = reply.section in {"DEVS", "POOLS"} or next(iter(row)) == reply.section
        parts.append(_text_row(row) if numbered else f"{reply.section},{_text_row(row)}")
    return "".join(f"{part}|" for part in parts)


def _text_row(row: Row) -> str:
    return ",".join(f"{key}={_text_value(value)}" for key, value in row.items())


def _text_value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    for special in "\\|,=":
        text = text.replace(special, f"\\{special}")
    return text
