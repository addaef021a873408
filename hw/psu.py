"""The power supply: what stands at the wall when so much is drawn behind it.

Losses, not efficiencies, are joined by straight lines: they grow with the load, so that wall power always grows with it too and
can be taken back exactly. At the published points the efficiency is the published one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Final

from hw.curves import interpolate
from hw.errors import ModelError
from hw.sourced import Basis, Sourced


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerSupply:
    """A power supply by its rating and its efficiency at some loads.

    Attributes
    ----------
    rated_w : float
        The most that it gives behind it, continuously [W].
    loads : tuple of float
        Loads, as parts of `rated_w`, rising; at least one.
    efficiencies : tuple of float
        Output over input at those loads, above 0 and at most 1.
    standby_w : float
        What it takes [W] with nothing behind it; from there the loss runs straight to that of the first load.
    source, as_of, basis : str
        Where the figures stand.

    Raises
    ------
    ModelError
        If a figure is out of its range, or a loss is smaller at a higher load.
    """

    rated_w: float
    loads: tuple[float, ...]
    efficiencies: tuple[float, ...]
    standby_w: float
    source: str
    as_of: str
    basis: Basis

    def __post_init__(self) -> None:
        """Refuse a supply that gives more than it takes."""
        if not (isfinite(self.rated_w) and self.rated_w > 0):
            raise ModelError(f"rated_w is {self.rated_w}; want a finite number above 0")
        if not (isfinite(self.standby_w) and self.standby_w >= 0):
            raise ModelError(f"standby_w is {self.standby_w}; want a finite number, 0 or more")
        if not self.loads or len(self.loads) != len(self.efficiencies):
            raise ModelError(
                f"{len(self.loads)} loads and {len(self.efficiencies)} efficiencies; want one for each, one or more"
            )
        if any(later <= earlier for earlier, later in pairwise((0.0, *self.loads))):
            raise ModelError(f"loads {self.loads}; want them above 0 and rising")
        if not all(0 < efficiency <= 1 for efficiency in self.efficiencies):
            raise ModelError(f"efficiencies {self.efficiencies}; want them above 0 and at most 1")
        if any(later < earlier for earlier, later in pairwise(self._losses_w())):
            raise ModelError(f"losses {self._losses_w()} W at loads {(0.0, *self.loads)}; want none below the one before")

    def loss_w(self, dc_power_w: float) -> float:
        """Return what the supply itself turns into heat [W] while it gives `dc_power_w` [W].

        Above the highest load the last line goes on; whether the supply holds that is not asked here (`load`).

        Raises
        ------
        ModelError
            If the power is negative or not finite.
        """
        _check(dc_power_w, "dc_power_w")
        return interpolate(dc_power_w, self._dc_w(), self._losses_w())

    def input_w(self, dc_power_w: float) -> float:
        """Return the power [W] that the supply takes while it gives `dc_power_w` [W].

        Raises
        ------
        ModelError
            If the power is negative or not finite.
        """
        return dc_power_w + self.loss_w(dc_power_w)

    def output_w(self, input_power_w: float) -> float:
        """Return the power [W] that the supply gives while it takes `input_power_w` [W]: `input_w` taken back.

        Raises
        ------
        ModelError
            If the power is below `standby_w` or not finite.
        """
        _check(input_power_w, "input_power_w")
        if input_power_w < self.standby_w:
            raise ModelError(
                f"input_power_w is {input_power_w:g}; want {self.standby_w:g} W or more, which it takes with no load"
            )
        dc_w = self._dc_w()
        inputs_w = tuple(given_w + loss_w for given_w, loss_w in zip(dc_w, self._losses_w(), strict=True))
        return interpolate(input_power_w, inputs_w, dc_w)

    def efficiency(self, dc_power_w: float) -> float:
        """Return output over input while the supply gives `dc_power_w` [W]; 0 with nothing behind it.

        Raises
        ------
        ModelError
            If the power is negative or not finite.
        """
        return dc_power_w / self.input_w(dc_power_w) if dc_power_w else 0.0

    def load(self, dc_power_w: float) -> float:
        """Return `dc_power_w` [W] as a part of the rating; above 1 the supply is overloaded."""
        return dc_power_w / self.rated_w

    def loss_points_w(self) -> tuple[tuple[float, float], ...]:
        """Return the points between which losses run straight: what is given, and what is lost [W], from no load on."""
        return tuple(zip(self._dc_w(), self._losses_w(), strict=True))

    def _dc_w(self) -> tuple[float, ...]:
        return (0.0, *(load * self.rated_w for load in self.loads))

    def _losses_w(self) -> tuple[float, ...]:
        losses = (load * self.rated_w * (1 / part - 1) for load, part in zip(self.loads, self.efficiencies, strict=True))
        return (self.standby_w, *losses)


def _check(value: float, name: str) -> None:
    if not (isfinite(value) and value >= 0):
        raise ModelError(f"{name} is {value}; want a finite number, 0 or more")


APW12_RATED_W: Final = Sourced(
    value=3600,
    unit="W",
    source="d-central.tech/mining-glossary/psu: 'APW PSUs are rated up to 3,600W', of the APW family",
    as_of="2026-06",
    basis="datasheet",
)
SLEEP_W: Final = Sourced(
    value=25,
    unit="W",
    source="hashrateindex.com, 'How LuxOS Powers Down Fast': a miner drops to roughly 25 W",
    as_of="2026-11",
    basis="datasheet",
)

# 80 PLUS Platinum, 230 V internal redundant: 90, 94 and 91 % at 20, 50 and 100 % (en.wikipedia.org/wiki/80_Plus, read 2026-11;
# the same in tomshardware.com/reviews/80-plus-psu-efficiency,4848-2). A requirement on other supplies: no maker of miners
# publishes a curve. It is taken for the S19 class because the one figure quoted for such a supply, 95 % for the APW12, has no
# source; 93 % for the APW3 has (d-central).
PLATINUM_LOADS: Final = (0.2, 0.5, 1.0)
PLATINUM_EFFICIENCIES: Final = (0.90, 0.94, 0.91)

S19_SUPPLY: Final = PowerSupply(
    rated_w=APW12_RATED_W.value,
    loads=PLATINUM_LOADS,
    efficiencies=PLATINUM_EFFICIENCIES,
    standby_w=SLEEP_W.value,
    source="80 PLUS Platinum at 230 V (en.wikipedia.org/wiki/80_Plus) taken for the APW12; its real curve is not published",
    as_of="2026-11",
    basis="assumed",
)
APW3_SUPPLY: Final = PowerSupply(
    rated_w=1600,  # W at 220 V: d-central.tech/data/asic-psu-reference.json, 2026-06-19 (CC BY 4.0)
    loads=(1.0,),
    efficiencies=(0.93,),  # "~93%": same page; at which load is not said, full load is assumed
    standby_w=SLEEP_W.value,
    source="d-central.tech/data/asic-psu-reference.json (CC BY 4.0): APW3++, about 93 %; straight losses assumed",
    as_of="2026-06-19",
    basis="assumed",
)
ADAPTER_5V: Final = PowerSupply(
    rated_w=30,  # W: 5 V, 6 A, the usual adapter of a Bitaxe; assumed
    loads=(1.0,),
    efficiencies=(0.88,),
    standby_w=0.1,
    source="a 5 V adapter of 88 % and 0.1 W without load, round figures for external supplies of today",
    as_of="2026-11",
    basis="assumed",
)


def scaled_supply(supply: PowerSupply, rated_w: float) -> PowerSupply:
    """Return a supply of `rated_w` [W] with the efficiencies of `supply`, labelled assumed.

    Raises
    ------
    ModelError
        If the rating is not above 0.
    """
    return PowerSupply(
        rated_w=rated_w,
        loads=supply.loads,
        efficiencies=supply.efficiencies,
        standby_w=supply.standby_w * min(rated_w / supply.rated_w, 1.0),  # the control board of a sleeper does not grow
        source=f"{supply.source}; scaled to {rated_w:g} W",
        as_of=supply.as_of,
        basis="assumed",
    )
