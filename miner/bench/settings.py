"""What a benchmark is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from miner.errors import BenchError

MOST_SECONDS = 3_600.0
MOST_SAMPLES = 10_000
MOST_THREADS = 4_096
MIDSTATES = (1, 2, 4)  # those that kernels exist for


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSettings:
    """`repeat` samples of `seconds` [s] each, after `warmup` samples that do not count, on `threads` threads.

    With `cpus`, thread i is held to the i-th of these logical processors. `midstates` headers that differ in their version
    only are searched together: 1, 2 or 4.

    Raises
    ------
    BenchError
        If a number is out of range, by the option that asks for it, or there are fewer `cpus` than threads.
    """

    seconds: float = 5.0
    repeat: int = 7
    warmup: int = 1
    threads: int = 1
    cpus: tuple[int, ...] | None = None
    midstates: int = 1

    def __post_init__(self) -> None:
        if not (isfinite(self.seconds) and 0.05 <= self.seconds <= MOST_SECONDS):
            raise BenchError(f"--seconds: a sample of {self.seconds} s; want 0.05 to {MOST_SECONDS:g} s")
        for option, number, name, low, high in (
            ("--repeat", self.repeat, "samples", 1, MOST_SAMPLES),
            ("--warmup", self.warmup, "warm-up samples", 0, MOST_SAMPLES),
            ("--threads", self.threads, "threads", 1, MOST_THREADS),
        ):
            if not low <= number <= high:
                raise BenchError(f"{option}: {number} {name}; want {low} to {high}")
        if self.midstates not in MIDSTATES:
            raise BenchError(f"--midstates: {self.midstates} midstates; want 1, 2 or 4")
        if self.cpus is not None and len(self.cpus) < self.threads:
            raise BenchError(f"{self.threads} threads for {len(self.cpus)} processors; want a processor for each")
