"""Patience with lines without sense: many in a row end it, a few now and then do not, however long a connection lasts."""

from __future__ import annotations

from typing import Final

GOOD_FOR_BAD: Final = 100  # lines with sense that make up for one without


class Patience:
    """Bears fewer than `most` bad lines that no good ones have made up for."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bad = self._good = 0

    def good(self) -> None:
        """Note a line with sense."""
        self._good += 1
        if self._good >= GOOD_FOR_BAD:
            self._good = 0
            self._bad = max(self._bad - 1, 0)

    def bad(self) -> bool:
        """Note a line without sense; return whether it is one too many."""
        self._bad += 1
        return self._bad >= self._most
