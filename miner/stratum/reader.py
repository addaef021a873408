"""From bytes as they come to messages: any chunking, any noise, bounded memory."""

from __future__ import annotations

from typing import Final

from miner.errors import LineTooLongError, MessageError, SettingError, TlsHelloError
from miner.stratum.messages import Message
from miner.stratum.parsing import parse_message

MOST_LINE_BYTES: Final = 1 << 16
_TLS_HANDSHAKE: Final = b"\x16\x03"  # record type and the higher byte of the version, the same since SSL 3.0


class MessageReader:
    """Collects bytes and gives back the messages of whole lines, and an error in the place of each that holds none.

    What it gives depends on the bytes alone, never on how they were cut. A line longer than `most_line_bytes` is one
    error, and never held. A stream that begins like a TLS handshake is one error, and nothing after it is looked at.
    """

    def __init__(self, most_line_bytes: int = MOST_LINE_BYTES) -> None:
        if most_line_bytes < 1:
            raise SettingError(f"lines of {most_line_bytes} bytes; want 1 or more")
        self._most = most_line_bytes
        self._held = bytearray()
        self._skipping = False
        self._at_start = True
        self._deaf = False

    def feed(self, data: bytes) -> list[Message | MessageError]:
        """Add `data`; return what became whole by it."""
        found: list[Message | MessageError] = []
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._add(piece, found)
            self._end_line(found)
        self._add(rest, found)
        return found

    def end(self) -> list[Message | MessageError]:
        """Say that nothing more comes; return the error of a line that was begun."""
        begun, self._held = bool(self._held) and not self._deaf, bytearray()
        return [MessageError("the stream ended within a line")] if begun else []

    def _add(self, piece: bytes, found: list[Message | MessageError]) -> None:
        if self._deaf or self._skipping:
            return
        self._held += piece[: self._most + 1 - len(self._held)]
        if self._at_start and len(self._held) >= len(_TLS_HANDSHAKE):
            self._at_start = False
            if self._held.startswith(_TLS_HANDSHAKE):
                self._deaf, self._held = True, bytearray()
                found.append(TlsHelloError("the stream begins like a TLS handshake; Stratum v1 is plain text here"))
                return
        if len(self._held) > self._most:
            self._skipping, self._held = True, bytearray()
            found.append(LineTooLongError(f"a line of more than {self._most} bytes"))

    def _end_line(self, found: list[Message | MessageError]) -> None:
        line, self._held = bytes(self._held), bytearray()
        skipped, self._skipping, self._at_start = self._skipping, False, False
        if self._deaf or skipped or not line.strip():
            return
        try:
            found.append(parse_message(line))
        except MessageError as error:
            found.append(error)
