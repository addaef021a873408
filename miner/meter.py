"""What the benchmark asks of a power meter; `hw.meters` has the meters."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a meter cannot tell; of one on paper, all zeros, nothing.

    Its power moves in steps of `step_w` [W], its energy every `step_s` [s]. A change of power shows in full after `late_s` [s]
    at most. Every `every_s` [s] its power is off by another normal deviate of `noise_w` [W].
    """

    step_w: float = 0.0
    step_s: float = 0.0
    late_s: float = 0.0
    noise_w: float = 0.0
    every_s: float = 0.0

    def noise_of_mean_w(self, window_s: float) -> float:
        """Return the standard deviation [W] of a power's mean over `window_s` [s], at most: deviates held, then averaged."""
        return self.noise_w * sqrt(min(1.0, self.every_s / window_s))


class EnergyMeter(Protocol):
    """Something that adds up energy from some moment on.

    `source` names the instrument, `boundary` says in words what its watts hold, `boundary_kind` in one (chip, board, wall or
    another of `hw.power`, whose "machine" is the wall). `kind` tells whether they are *measured* by a counter of energy,
    *integrated* from a power that was read over and over again, *modelled* or *nameplate*, and `resolution` how finely.
    """

    source: str
    boundary: str
    boundary_kind: str
    kind: str
    resolution: Resolution

    def energy_j(self) -> float:
        """Return the energy [J] since the meter was opened; it never falls.

        Raises
        ------
        OSError
            If the instrument cannot be read any more, or tells what cannot be.
        """
        ...
