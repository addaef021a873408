"""A log that no stranger can fill: only so many sentences of a kind in a while, however often there is cause for one."""

from __future__ import annotations

import logging
from collections.abc import Callable


class SparingLog:
    """Passes on `most` sentences to `log` in each span of `span_s` [s]; `clock` [s] only goes forward."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float], most: int = 10, span_s: float = 60.0) -> None:
        self._log, self._clock = log, clock
        self._most, self._span_s = most, span_s
        self._began_s = clock()
        self._said = 0

    def say(self, level: int, text: str, *values: object) -> None:
        """Log a sentence, unless there were enough of them; the last says that more like it are left out."""
        now_s = self._clock()
        if now_s - self._began_s >= self._span_s:
            self._began_s, self._said = now_s, 0
        self._said += 1
        if self._said > self._most:
            return
        last = self._said == self._most
        self._log.log(level, f"{text}; more like it are left out for {self._span_s:g} s" if last else text, *values)
