"""How long to wait before trying again: longer each time up to a limit, and never in step with other miners."""

from __future__ import annotations

from math import isfinite
from random import Random

from miner.errors import SettingError


class Backoff:
    """Waits of half to all of `first_s`, twice that, and so on up to `longest_s` [s]; `random` draws the share."""

    def __init__(self, random: Random, first_s: float = 0.5, longest_s: float = 60.0) -> None:
        if not (isfinite(longest_s) and 0 < first_s <= longest_s):
            raise SettingError(f"waits from {first_s:g} to {longest_s:g} s; want numbers above 0, the first the smaller")
        self._random, self._first_s, self._longest_s = random, first_s, longest_s
        self._tries = 0

    def next_s(self) -> float:
        """Return the next wait [s]."""
        full_s = min(self._first_s * float(1 << min(self._tries, 64)), self._longest_s)
        self._tries += 1
        return full_s * self._random.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Begin with short waits again."""
        self._tries = 0
