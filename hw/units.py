"""Units of the hardware floor: watts, joules, kilowatt-hours and joules per terahash.

Every conversion is exact and stands once. Hash units live in `miner.units`; a power is what is drawn, so it is positive.
"""

from __future__ import annotations

from typing import Final

from miner.units import HASHES_PER_TH

HZ_PER_MHZ: Final = 1_000_000  # exact, SI prefix
W_PER_KW: Final = 1_000  # exact, SI prefix
W_PER_MW: Final = 1_000_000  # exact, SI prefix
W_PER_GW: Final = 1_000_000_000  # exact, SI prefix
J_PER_WH: Final = 3_600  # exact, by definition of the hour
J_PER_KWH: Final = 3_600_000  # exact, by definition of the hour
J_PER_MWH: Final = 3_600_000_000  # exact, by definition of the hour


def energy_j(power_w: float, duration_s: float) -> float:
    """Return the energy [J] of `power_w` [W] held for `duration_s` [s]."""
    return power_w * duration_s


def energy_kwh(power_w: float, duration_s: float) -> float:
    """Return the energy [kWh] of `power_w` [W] held for `duration_s` [s]."""
    return power_w * duration_s / J_PER_KWH


def energy_mwh(power_w: float, duration_s: float) -> float:
    """Return the energy [MWh, megawatt-hours] of `power_w` [W] held for `duration_s` [s]."""
    return power_w * duration_s / J_PER_MWH


def j_per_th(power_w: float, hashrate_hps: float) -> float:
    """Return the efficiency [J/TH] of `power_w` [W] spent on `hashrate_hps` [H/s]; one W per TH/s is one J/TH.

    Raises
    ------
    ZeroDivisionError
        If nothing is hashed: there is no energy per hash then.
    """
    return power_w * HASHES_PER_TH / hashrate_hps


def power_at_efficiency_w(hashrate_hps: float, efficiency_j_per_th: float) -> float:
    """Return the power [W] that `hashrate_hps` [H/s] takes at `efficiency_j_per_th` [J/TH]."""
    return hashrate_hps * efficiency_j_per_th / HASHES_PER_TH


def g_per_j(g_per_kwh: float) -> float:
    """Return a carbon intensity in g/J, given in g/kWh."""
    return g_per_kwh / J_PER_KWH
