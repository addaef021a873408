"""A scenario's clock: seconds since its start, mapped to UTC and to Unix time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class ScenarioClock:
    """The simulated clock of one scenario.

    `start_utc` is an aware datetime; simulation time 0 s is that instant.
    """

    start_utc: datetime

    @property
    def start_unix_s(self) -> int:
        """Unix time [s] of simulation time 0."""
        return int(self.start_utc.timestamp())

    def seconds(self, moment: datetime) -> float:
        """Return the simulation time [s] of an aware `moment` (negative before the start)."""
        return (moment - self.start_utc).total_seconds()

    def moment(self, time_s: float) -> datetime:
        """Return the UTC datetime of simulation time `time_s` [s]."""
        return (self.start_utc + timedelta(seconds=time_s)).astimezone(UTC)

    def unix_s(self, time_s: float) -> int:
        """Return the whole Unix second in which `time_s` [s] falls, as a block header states it."""
        return int(self.start_unix_s + time_s // 1)
