"""The memory of a whole process tree, sampled while a run lasts."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

import psutil

BYTES_PER_MIB = 2**20
SAMPLE_S = 0.25


class PeakMemory:
    """Samples the resident memory of this process and its children four times a second.

    Pages that processes share count once for each: the figure is an upper bound of what the tree needs.
    """

    def __init__(self) -> None:
        self.peak_mib = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        self._sample()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            self._sample()

    def _sample(self) -> None:
        me = psutil.Process()
        total = 0
        for process in [me, *me.children(recursive=True)]:
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue  # it ended between the listing and the look
        self.peak_mib = max(self.peak_mib, total / BYTES_PER_MIB)
