"""The world's machines as arrays: cohorts of one model each, region by region.

Machines are counted in fractions: a fluid, since a region holds tens of thousands of each model.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gridsim.quantity import resolve
from gridsim.scenario import Scenario
from gridsim.shares import adjusted_shares, cohort_shares
from miner.units import HASHES_PER_EH

Floats = NDArray[np.float64]


class Fleet:
    """Machines by region and cohort, and what keeps some of them from running.

    Attributes
    ----------
    hps, power_w, site_power_w : float64[cohort]
        Hash rate [H/s] and power [W] of one machine, at its own plug and at the site meter (times PUE).
    active : float64[region, cohort]
        Machines installed in the open, subject to orders and rationing.
    covert : float64[region, cohort]
        Machines running in hiding; no order reaches them.
    displaced_hps : float64[region]
        Hash rate [H/s] that orders have taken from each region so far.
    rationed : float64[region]
        Fraction of the open machines without supply for now.
    paying : float64[region, cohort]
        1 where a machine earns more than its electricity, else 0.
    """

    def __init__(self, scenario: Scenario, draws: Mapping[str, float]) -> None:
        self.hps: Floats = np.array([model.hashrate_hps for model in scenario.machines])
        self.power_w: Floats = np.array([model.power_w for model in scenario.machines])
        self.site_power_w: Floats = self.power_w * resolve(scenario.pue, draws)
        shares = adjusted_shares(scenario, draws)
        start = scenario.network
        world_hps = start.hashrate_ehps.value * HASHES_PER_EH * resolve(start.hashrate_scale, draws)
        mix = cohort_shares(scenario, draws)
        self.active: Floats = world_hps * shares[:, None] * mix[None, :] / self.hps
        self.covert: Floats = np.zeros_like(self.active)
        self.displaced_hps: Floats = np.zeros(len(shares))
        self.rationed: Floats = np.zeros(len(shares))
        self.paying: Floats = np.ones_like(self.active)
        self._withheld: dict[str, Floats] = {}

    def running(self) -> Floats:
        """Return the machines that hash now, float64[region, cohort]."""
        machines: Floats = (self.active * (1 - self.rationed[:, None]) + self.covert) * self.paying
        return machines

    def installed_power_w(self) -> Floats:
        """Return the power [W] at the site meter if every machine present ran, float64[region]."""
        power: Floats = (self.active + self.covert) @ self.site_power_w
        return power

    def ration(self, name: str, rows: list[int], fraction: float) -> None:
        """Withhold supply from `fraction` of the open machines of some regions, until `restore(name)`.

        Rationings of one region compound: each takes its fraction of what the others leave.
        """
        self._withheld[name] = np.zeros(len(self.rationed))
        self._withheld[name][rows] = fraction
        self._compound()

    def restore(self, name: str) -> None:
        """End the rationing called `name`."""
        del self._withheld[name]
        self._compound()

    def _compound(self) -> None:
        supplied = np.ones(len(self.rationed))
        for fraction in self._withheld.values():
            supplied *= 1 - fraction
        self.rationed = 1 - supplied

    def only(self, region: int, machines: Floats) -> Floats:
        """Return an array, float64[region, cohort], that holds `machines` (float64[cohort]) in one region."""
        array: Floats = np.zeros_like(self.active)
        array[region] = machines
        return array

    def displace(self, machines: Floats) -> Floats:
        """Take up to `machines` (float64[region, cohort]) off for good; return what was taken."""
        taken: Floats = np.minimum(machines, self.active)
        self.active -= taken
        self.displaced_hps += taken @ self.hps
        return taken
