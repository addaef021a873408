"""What a machine's firmware counts since it started, board by board.

The count is what the running machine hashed, plus what the firmware wrongly believes while a fault makes it blind: what
`reported_hps` is above `hashrate_hps`. Nothing else is made up here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp
from typing import Final

from hw.running_machine import Reading

WINDOWS_S: Final = (5, 60, 300, 600, 900, 3600)  # s, of the averages that some firmware or other tells


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardCount:
    """One hashboard: its chips, those that answer, whether it has power; and its share of what `Snapshot` counts."""

    chips: int
    answering: int
    powered: bool
    average_hps: Mapping[int, float]
    mean_hps: float
    hashes: float


class Session:
    """The count from `reading` on, with averages as if the machine had always done `rate_hps` [H/s]."""

    def __init__(self, reading: Reading, rate_hps: float) -> None:
        parts = _parts(reading)
        self._began_s = reading.time_s
        self._average_hps = [dict.fromkeys(WINDOWS_S, rate_hps * part) for part in parts]
        self._hashes = [0.0 for _ in parts]
        self.wrong_hashes = 0.0

    def elapsed_s(self, reading: Reading) -> float:
        """Return for how long [s] it has been counting at `reading`."""
        return max(reading.time_s - self._began_s, 0.0)

    def add(self, last: Reading, reading: Reading) -> None:
        """Add what came between two readings."""
        duration_s = reading.time_s - last.time_s
        if duration_s <= 0:
            return
        right = reading.hashes - last.hashes
        believed_hps = (last.reported_hps - last.hashrate_hps + reading.reported_hps - reading.hashrate_hps) / 2
        counted = right + believed_hps * duration_s
        if last.error_rate < 1:
            self.wrong_hashes += right * last.error_rate / (1 - last.error_rate)
        kept = {window_s: exp(-duration_s / window_s) for window_s in WINDOWS_S}
        for number, part in enumerate(_parts(last)):
            own = counted * part
            self._hashes[number] += own
            average_hps = self._average_hps[number]
            for window_s, stays in kept.items():
                average_hps[window_s] = average_hps[window_s] * stays + own / duration_s * (1 - stays)

    def boards(self, reading: Reading) -> tuple[BoardCount, ...]:
        """Return what it comes to for each board at `reading`."""
        elapsed_s = self.elapsed_s(reading)
        return tuple(
            BoardCount(
                chips=board.chips,
                answering=board.answering,
                powered=board.powered,
                average_hps=dict(average_hps),
                mean_hps=hashes / elapsed_s if elapsed_s else average_hps[WINDOWS_S[0]],
                hashes=hashes,
            )
            for board, average_hps, hashes in zip(reading.health.boards, self._average_hps, self._hashes, strict=True)
        )


def _parts(reading: Reading) -> list[float]:
    """Return the parts that the boards have in what the machine hashes."""
    working = [board.working_chips for board in reading.health.boards]
    total = sum(working)
    return [chips / total if total else 0.0 for chips in working]
