"""Just enough HTTP/1.1 for a small device, without a socket: bytes of a request in, bytes of the whole response out.

One request a connection, always closed after the response. Bodies come with their length; other encodings are refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

MOST_HEAD_BYTES: Final = 8192
MOST_BODY_BYTES: Final = 4096
REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request: `headers` by lower-case name, `body` as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """A response: status, body and its kind; `allow` names the methods that a path has."""

    status: int
    body: bytes
    kind: str = "application/json"
    allow: str = ""

    def to_bytes(self) -> bytes:
        """Return it as it goes over the wire."""
        allow = f"Allow: {self.allow}\r\n" if self.allow else ""
        head = (
            f"HTTP/1.1 {self.status} {REASONS[self.status]}\r\n"
            f"Content-Type: {self.kind}\r\n"
            f"Content-Length: {len(self.body)}\r\n"
            f"{allow}Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + self.body


def told(status: int, content: object, *, allow: str = "") -> Response:
    """Return a response of JSON."""
    return Response(status, json.dumps(content, separators=(",", ":"), allow_nan=False).encode(), allow=allow)


def problem(status: int, sentence: str, *, allow: str = "") -> Response:
    """Return a response that says what is wrong."""
    return told(status, {"error": sentence}, allow=allow)


class HttpExchange:
    """One connection: collects a request from pieces of any size, and hands it to `handle`."""

    def __init__(self, handle: Callable[[Request], Response]) -> None:
        self._handle = handle
        self._data = bytearray()
        self._head: tuple[str, str, dict[str, str]] | None = None
        self._wanted = 0  # bytes of body

    def feed(self, data: bytes) -> bytes | None:
        """Add `data`; return the response as soon as the request is whole, or can never be."""
        self._data += data[: MOST_HEAD_BYTES + MOST_BODY_BYTES + 4 - len(self._data)]
        if self._head is None:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                too_long = len(self._data) > MOST_HEAD_BYTES
                return problem(431, f"the head is over {MOST_HEAD_BYTES} bytes").to_bytes() if too_long else None
            wrong = self._read_head(bytes(self._data[:end]))
            if wrong is not None:
                return wrong.to_bytes()
            del self._data[: end + 4]
        if self._head is not None and len(self._data) >= self._wanted:
            method, path, headers = self._head
            return self._handle(Request(method, path, headers, bytes(self._data[: self._wanted]))).to_bytes()
        return None

    def pause(self) -> bytes | None:
        """Return None: silence ends no request of HTTP."""
        return None

    def end(self) -> bytes | None:
        """Return the response to what came, after which nothing will come; None if that was nothing."""
        return problem(400, "the request ends before its end").to_bytes() if self._data or self._head is not None else None

    def _read_head(self, head: bytes) -> Response | None:
        """Take the head in; return a response if it cannot be one."""
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return problem(400, "no request line of HTTP/1.1")
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                return problem(400, "a header without a colon")
            headers[name.strip().lower()] = value.strip()
        if "transfer-encoding" in headers:
            return problem(411, "want a body with its length")
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            return problem(400, "no such length of a body")
        if len(length) > 9 or int(length) > MOST_BODY_BYTES:
            return problem(413, f"the body is over {MOST_BODY_BYTES} bytes")
        self._wanted = int(length)
        self._head = (words[0], words[1].partition("?")[0], headers)
        return None
