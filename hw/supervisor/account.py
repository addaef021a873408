"""What a device did as long as its supervisor lives, although some devices begin their counts anew when they are opened again.

A count that fell would pass for a restart of this program at whoever reads it, so these never fall: a device that takes
something back (hashes told by its clock, then corrected by the nonce that it found) adds nothing until it is past its old mark.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from hw.device import Telemetry
from hw.errors import PowerError
from hw.meters.efficiency import Spent, spent_between
from hw.power import PowerSample


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Hashes by the device's own account, nonces, answers that were none, and energy [J], None if it has no such counter.

    `metered` is what it drew and hashed between samples of its meter that came one after the other, None without two of them.
    """

    hashes: float = 0.0
    nonces: int = 0
    hardware_errors: int = 0
    energy_j: float | None = None
    metered: Spent | None = None


class Account:
    """Adds up what a device tells, from one opening to the next."""

    def __init__(self) -> None:
        self._before = Totals()  # of all earlier openings
        self._start = Totals()  # what it told when it was opened
        self._most = Totals()  # the highest marks since then
        self._metered: Spent | None = None
        self._sample: tuple[PowerSample, float] | None = None  # the last one, and the hashes by then

    def begin(self, told: Telemetry) -> None:
        """Count on from what a device tells that has just been opened."""
        self._before = self.totals()
        self._start = self._most = _counts(told)
        self._sample = None

    def note(self, told: Telemetry) -> None:
        """Take over what an open device tells."""
        now, most = _counts(told), self._most
        self._most = Totals(
            hashes=max(most.hashes, now.hashes),
            nonces=max(most.nonces, now.nonces),
            hardware_errors=max(most.hardware_errors, now.hardware_errors),
            energy_j=most.energy_j if now.energy_j is None else max(most.energy_j or 0.0, now.energy_j),
        )
        if told.power is None:  # what is hashed while no meter tells has no joules to go with
            self._sample = None
        elif told.power.energy_j is not None:
            self._meter(told.power, self._most.hashes)

    def totals(self) -> Totals:
        """Return what it did since the first opening."""
        before, start, most = self._before, self._start, self._most
        energy_j = before.energy_j
        if most.energy_j is not None:
            energy_j = (before.energy_j or 0.0) + most.energy_j - (start.energy_j or 0.0)
        return Totals(
            hashes=before.hashes + most.hashes - start.hashes,
            nonces=before.nonces + most.nonces - start.nonces,
            hardware_errors=before.hardware_errors + most.hardware_errors - start.hardware_errors,
            energy_j=energy_j,
            metered=self._metered,
        )

    def _meter(self, sample: PowerSample, hashes: float) -> None:
        """Add what was drawn and hashed since the sample before, if it is of the same counter."""
        if self._sample is not None and self._sample[0].time_s == sample.time_s:
            return  # the same sample once more
        if self._sample is not None:
            with suppress(PowerError):  # another meter, or one that began anew: count on from here
                spent = spent_between(self._sample[0], sample, hashes - self._sample[1])
                self._metered = spent if self._metered is None else self._metered.and_then(spent)
        self._sample = sample, hashes


def _counts(told: Telemetry) -> Totals:
    energy_j = None if told.power is None else told.power.energy_j
    return Totals(hashes=told.hashes, nonces=told.nonces, hardware_errors=told.hardware_errors, energy_j=energy_j)
