"""What the benchmark asks of a power meter; `hw.meters` has the meters."""

from __future__ import annotations

from typing import Protocol


class EnergyMeter(Protocol):
    """Something that adds up energy from some moment on.

    `source` names the instrument, `boundary` what its watts hold (chip, board, wall), `kind` whether they are *measured* by a
    counter of energy, *integrated* from a power that was read over and over again, *modelled* or *nameplate*.
    """

    source: str
    boundary: str
    kind: str

    def energy_j(self) -> float:
        """Return the energy [J] since the meter was opened; it never falls.

        Raises
        ------
        OSError
            If the instrument cannot be read any more.
        """
        ...
