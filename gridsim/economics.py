"""Whether a machine pays for its electricity: block reward, price and tariff against joules per hash."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gridsim.scenario import Economy, Scenario
from gridsim.units import SUBSIDY_BTC
from hw.units import J_PER_KWH


class Market:
    """The price path and tariffs of one scenario, ready for a yes or no per region and cohort."""

    def __init__(self, scenario: Scenario) -> None:
        clock = scenario.clock
        self._times_s = np.array([clock.seconds(point.at) for point in scenario.economy.price])
        self._prices_usd = np.array([point.usd for point in scenario.economy.price])
        self._reward_btc = block_reward_btc(scenario.economy)
        by_id = {region.id: region for region in scenario.regions}
        tariffs = [by_id[share.region].tariff_usd_per_kwh.value for share in scenario.shares]
        self._tariff_usd_per_j = np.array(tariffs) / J_PER_KWH

    def price_usd(self, time_s: float) -> float:
        """Return the price of one bitcoin [USD]; before and after the path it stays at the nearest point."""
        return float(np.interp(time_s, self._times_s, self._prices_usd))

    def revenue_usd_per_hash(self, time_s: float, hashes_per_block: float) -> float:
        """Return what one hash earns on average [USD]."""
        return self._reward_btc * self.price_usd(time_s) / hashes_per_block

    def paying(self, revenue_usd_per_hash: float, energy_j_per_hash: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return 1.0 where running earns more than its electricity, else 0.0, float64[region, cohort].

        `energy_j_per_hash`, float64[cohort], is what the site meter sees.
        """
        cost = self._tariff_usd_per_j[:, None] * energy_j_per_hash[None, :]
        return (revenue_usd_per_hash > cost).astype(np.float64)


def block_reward_btc(economy: Economy) -> float:
    """Return subsidy plus mean fees of a block [BTC]."""
    return SUBSIDY_BTC + economy.fees_btc_per_block.value
