"""Joules a terahash from what a meter saw and what was hashed meanwhile, for one device and for many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from typing import Final

from hw.errors import PowerError
from hw.power import Boundary, PowerSample, Quality, energy_between_j
from miner.units import HASHES_PER_TH

WEAKEST_FIRST: Final[tuple[Quality, ...]] = ("nameplate", "modelled", "integrated", "measured")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One device between two samples of its meter: `hashes` were made meanwhile, found or not.

    Raises
    ------
    PowerError
        If the number of hashes is negative, or the samples do not belong together (`hw.power.energy_between_j`).
    """

    earlier: PowerSample
    later: PowerSample
    hashes: int

    def __post_init__(self) -> None:
        """Refuse what cannot have been."""
        if self.hashes < 0:
            raise PowerError(f"{self.hashes} hashes; want 0 or more")
        energy_between_j(self.earlier, self.later)

    @property
    def energy_j(self) -> float:
        """Energy [J] between the two samples."""
        return energy_between_j(self.earlier, self.later)


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """Energy a hash [J/TH], its joules and hashes, where the watts were seen, and the weakest of their qualities."""

    j_per_th: float
    energy_j: float
    hashes: int
    boundary: Boundary
    quality: Quality


def device_efficiency(earlier: PowerSample, later: PowerSample, hashes: int) -> Efficiency:
    """Return what one device spent on its hashes between two samples of its meter.

    Raises
    ------
    PowerError
        If nothing was hashed, so that there is no energy a hash, or the samples do not belong together.
    """
    return fleet_efficiency([Window(earlier=earlier, later=later, hashes=hashes)])


def fleet_efficiency(windows: Sequence[Window]) -> Efficiency:
    """Return what many devices spent on all their hashes: joules over hashes, not the mean of the devices' ratios.

    A device that drew power and hashed nothing counts with its joules.

    Raises
    ------
    PowerError
        If there is no device, nothing was hashed at all, or the watts were seen at different boundaries: chips' watts and
        machines' watts do not add up.
    """
    boundaries = {"wall" if window.later.boundary == "machine" else window.later.boundary for window in windows}
    if len(boundaries) != 1:
        raise PowerError(f"watts of {', '.join(sorted(boundaries)) or 'no device'}; want devices metered at one boundary")
    hashes = sum(window.hashes for window in windows)
    if hashes == 0:
        raise PowerError("no hashes; want at least one, there is no energy a hash without")
    energy_j = fsum(window.energy_j for window in windows)
    qualities = {sample.quality for window in windows for sample in (window.earlier, window.later)}
    return Efficiency(
        j_per_th=energy_j / hashes * HASHES_PER_TH,
        energy_j=energy_j,
        hashes=hashes,
        boundary=windows[0].later.boundary,
        quality=next(quality for quality in WEAKEST_FIRST if quality in qualities),
    )
