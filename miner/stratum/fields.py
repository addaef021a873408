"""Typed reading of a message's parameters: a wrong one is a sentence that says which and what was wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import hexdigits
from typing import Final

from miner.errors import MessageError
from miner.stratum.json_line import Json, told
from miner.work import MOST_EXTRANONCE_BYTES

MOST_TEXT: Final = 1024  # characters of a name, a password or a sentence
HIGHEST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class Fields:
    """The parameters of one message; `about` names it and `id` is its request id, for errors."""

    about: str
    values: Sequence[Json]
    id: int | str | None = None

    def refusal(self, at: int, wanted: str) -> MessageError:
        """Return the error that says what was wanted in place `at` (from 0)."""
        got = f"got {told(self.values[at])}" if at < len(self.values) else f"there are only {len(self.values)}"
        return MessageError(f"{self.about}: parameter {at + 1} must be {wanted}; {got}", self.id)

    def has(self, at: int) -> bool:
        """Tell whether there is something other than null in place `at`."""
        return at < len(self.values) and self.values[at] is not None

    def text(self, at: int) -> str:
        """Return a string of at most `MOST_TEXT` characters."""
        value = self.values[at] if at < len(self.values) else None
        if not isinstance(value, str) or len(value) > MOST_TEXT:
            raise self.refusal(at, f"a string of at most {MOST_TEXT} characters")
        return value

    def flag(self, at: int) -> bool:
        """Return true or false."""
        value = self.values[at] if at < len(self.values) else None
        if not isinstance(value, bool):
            raise self.refusal(at, "true or false")
        return value

    def number(self, at: int) -> int | float:
        """Return a number, whole or not."""
        value = self.values[at] if at < len(self.values) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refusal(at, "a number")
        return value

    def whole(self, at: int, lowest: int, highest: int) -> int:
        """Return a whole number from `lowest` to `highest`."""
        value = self.values[at] if at < len(self.values) else None
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise self.refusal(at, f"a whole number from {lowest} to {highest}")
        return value

    def port(self, at: int) -> int:
        """Return a TCP port, which some pools send as a string."""
        value = self.values[at] if at < len(self.values) else None
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 5:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= HIGHEST_PORT:
            raise self.refusal(at, f"a port from 1 to {HIGHEST_PORT}")
        return value

    def octets(self, at: int, size: int | None = None) -> bytes:
        """Return the bytes of a hex string, exactly `size` of them unless that is None."""
        value = self.values[at] if at < len(self.values) else None
        wanted = "hex digits in pairs" if size is None else f"{2 * size} hex digits"
        if not isinstance(value, str) or not set(value) <= set(hexdigits) or len(value) % 2:
            raise self.refusal(at, wanted)
        if size is not None and len(value) != 2 * size:
            raise self.refusal(at, wanted)
        return bytes.fromhex(value)

    def extranonce(self, at: int) -> bytes:
        """Return the bytes of an extranonce."""
        value = self.octets(at)
        if len(value) > MOST_EXTRANONCE_BYTES:
            raise self.refusal(at, f"at most {2 * MOST_EXTRANONCE_BYTES} hex digits")
        return value

    def extranonce2_bytes(self, at: int) -> int:
        """Return the size of an extranonce2 [bytes]."""
        return self.whole(at, 0, MOST_EXTRANONCE_BYTES)

    def word(self, at: int) -> int:
        """Return 32 bits from 8 hex digits, the highest first."""
        return int.from_bytes(self.octets(at, 4), "big")

    def mask(self, at: int) -> int:
        """Return 32 bits from 1 to 8 hex digits: some pools leave leading zeros out."""
        value = self.values[at] if at < len(self.values) else None
        if not isinstance(value, str) or not 1 <= len(value) <= 8 or not set(value) <= set(hexdigits):
            raise self.refusal(at, "1 to 8 hex digits")
        return int(value, 16)

    def each(self, at: int) -> Fields:
        """Return the items of a list in place `at`, to be read in turn."""
        value = self.values[at] if at < len(self.values) else None
        if not isinstance(value, list):
            raise self.refusal(at, "a list")
        return Fields(f"{self.about}, list in parameter {at + 1}", value, self.id)
