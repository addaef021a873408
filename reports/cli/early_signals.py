"""Signals that come before a command is ready to be stopped, or while it sums up: none is lost, and each ends it quietly.

Python turns Ctrl-C into an exception wherever the program happens to be, and drops it where nothing can be raised: in the
callbacks of the import system, of the garbage collector and of compilers; Python 3.11 makes it another error in `__set_name__`.
So it is noted, too, and acted upon later.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Final, Self

EXIT_TERMINATED: Final = 143  # 128 + SIGTERM, as shells report it


class EarlySignals:
    """Takes Ctrl-C and SIGTERM until a command has handlers of its own: ``with EarlySignals() as early:``.

    A Ctrl-C that is ignored already, as in a shell's background, stays so. Threads but the first get no signals, and nothing
    is changed there.
    """

    def __init__(self) -> None:
        self.interrupted = False
        """Whether there was a Ctrl-C."""
        self.terminated = False
        """Whether there was a SIGTERM."""
        self._handed_over = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._take)
        return self

    def hand_over(self) -> None:
        """Let signals be noted, and raise nothing, from now on: the command takes them itself, and then it must sum up."""
        self._handed_over = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if isinstance(error, Exception) and not self._handed_over:
            if self.interrupted:
                raise KeyboardInterrupt from None
            if self.terminated:
                raise SystemExit(EXIT_TERMINATED) from None

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            self.interrupted = True
        else:
            self.terminated = True
        if not self._handed_over:
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(EXIT_TERMINATED)
