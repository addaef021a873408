"""Joules a terahash from what a meter saw and what was hashed meanwhile, for one device and for many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, isfinite
from typing import Final

from hw.errors import PowerError
from hw.power import Boundary, PowerSample, Quality, energy_between_j
from miner.units import HASHES_PER_TH

WEAKEST_FIRST: Final[tuple[Quality, ...]] = ("nameplate", "modelled", "integrated", "measured")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one device drew [J] and hashed (found or not) in the same time, where the watts were seen, and how well.

    Raises
    ------
    PowerError
        If the energy or the number of hashes is negative or not finite.
    """

    energy_j: float
    hashes: float
    boundary: Boundary
    quality: Quality

    def __post_init__(self) -> None:
        """Refuse what cannot have been."""
        for what, value in (("hashes", self.hashes), ("J", self.energy_j)):
            if not (isfinite(value) and value >= 0):
                raise PowerError(f"{value} {what}; want 0 or more")

    def and_then(self, later: Spent) -> Spent:
        """Return what the same device drew and hashed in two times together; the weaker quality is that of both."""
        weaker = min(self.quality, later.quality, key=WEAKEST_FIRST.index)
        total_j, hashes = self.energy_j + later.energy_j, self.hashes + later.hashes
        return Spent(energy_j=total_j, hashes=hashes, boundary=later.boundary, quality=weaker)


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """Energy a hash [J/TH], its joules and hashes, where the watts were seen, and the weakest of their qualities."""

    j_per_th: float
    energy_j: float
    hashes: float
    boundary: Boundary
    quality: Quality


def spent_between(earlier: PowerSample, later: PowerSample, hashes: float) -> Spent:
    """Return what one device spent on `hashes` between two samples of its meter.

    Raises
    ------
    PowerError
        If the samples do not belong together (`hw.power.energy_between_j`), or the number of hashes is negative.
    """
    energy_j = energy_between_j(earlier, later)
    quality = min(earlier.quality, later.quality, key=WEAKEST_FIRST.index)
    return Spent(energy_j=energy_j, hashes=hashes, boundary=later.boundary, quality=quality)


def efficiency(devices: Sequence[Spent]) -> Efficiency:
    """Return what devices spent on all their hashes: joules over hashes, not the mean of the devices' ratios.

    A device that drew power and hashed nothing counts with its joules.

    Raises
    ------
    PowerError
        If there is no device, nothing was hashed at all, or the watts were seen at different boundaries: chips' watts and
        machines' watts do not add up.
    """
    boundaries = {"wall" if one.boundary == "machine" else one.boundary for one in devices}
    if len(boundaries) != 1:
        raise PowerError(f"watts of {', '.join(sorted(boundaries)) or 'no device'}; want devices metered at one boundary")
    hashes = fsum(one.hashes for one in devices)
    if hashes == 0:
        raise PowerError("no hashes; want at least one, there is no energy a hash without")
    energy_j = fsum(one.energy_j for one in devices)
    return Efficiency(
        j_per_th=energy_j / hashes * HASHES_PER_TH,
        energy_j=energy_j,
        hashes=hashes,
        boundary=devices[0].boundary,
        quality=min((one.quality for one in devices), key=WEAKEST_FIRST.index),
    )
