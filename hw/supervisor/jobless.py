"""A device without a job: nobody takes what it finds, and chips that are told nothing go on for minutes at full power."""

from __future__ import annotations


class Jobless:
    """Tells when a device has had no job for `after_s` [s]; `resting` says whether it was put to rest for that."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._since_s: float | None = None
        self.resting = False

    def begin(self) -> None:
        """Begin anew with a device that was opened."""
        self._since_s, self.resting = None, False

    def due(self, now_s: float, *, has_job: bool) -> bool:
        """Return whether it is to be put to rest now [s]."""
        if has_job:
            self._since_s = None
            return False
        if self._since_s is None:
            self._since_s = now_s
        return not self.resting and now_s - self._since_s >= self._after_s
