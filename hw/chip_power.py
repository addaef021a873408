"""The physics of a hashing chip: hash rate from clock and cores, watts from voltage, clock and temperature.

A chip that switches a capacitance C between 0 and V at frequency f draws C·V²·f; leakage is a current that flows all the same
and grows with temperature. All functions here are pure; watts are those of the chip itself (boundary "chip").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite
from typing import Final

from hw.errors import ModelError
from hw.sourced import Sourced
from hw.units import HZ_PER_MHZ

LEAKAGE_SHARE: Final = Sourced(
    value=0.05,
    unit="1",
    source="chosen so that power grows by 0.1 to 0.15 % a degree at the reference, as units in the field are said to do; "
    "no chip maker publishes it",
    as_of="2026-11",
    basis="assumed",
)
LEAKAGE_GROWTH: Final = Sourced(
    value=0.0231,
    unit="1/degC",
    source="leakage that doubles every 30 degC: ln 2 / 30; a round figure for silicon, not measured on these chips",
    as_of="2026-11",
    basis="assumed",
)


def hashrate_hps(small_cores: float, frequency_mhz: float, chips: int = 1) -> float:
    """Return the hash rate [H/s]: every small core does one double SHA-256 a clock.

    `small_cores` is the number of such cores of one chip, or the effective number where some are off. Source: ESP-Miner's
    expected hash rate.

    Raises
    ------
    ModelError
        If a figure is negative or not finite.
    """
    for name, value in (("small_cores", small_cores), ("frequency_mhz", frequency_mhz), ("chips", chips)):
        _check_amount(name, value)
    return small_cores * frequency_mhz * HZ_PER_MHZ * chips


def effective_cores(rate_hps: float, frequency_mhz: float, chips: int) -> float:
    """Return how many double hashes a clock one of `chips` chips does when all do `rate_hps` [H/s] at `frequency_mhz` [MHz].

    Raises
    ------
    ModelError
        If a figure is 0, negative or not finite.
    """
    for name, value in (("rate_hps", rate_hps), ("frequency_mhz", frequency_mhz), ("chips", chips)):
        _check_amount(name, value)
        if value == 0:
            raise ModelError(f"{name} is 0; want more")
    return rate_hps / (frequency_mhz * HZ_PER_MHZ * chips)


def dynamic_power_w(capacitance_w_per_v2_mhz: float, voltage_v: float, frequency_mhz: float) -> float:
    """Return the switching power [W]: C·V²·f, with C in W/(V²·MHz), which is µF.

    C belongs to the node at which V is taken: for chips in series on a string, C of the string goes with the string's voltage.

    Raises
    ------
    ModelError
        If a figure is negative or not finite.
    """
    _check_amount("capacitance_w_per_v2_mhz", capacitance_w_per_v2_mhz)
    _check_amount("voltage_v", voltage_v)
    _check_amount("frequency_mhz", frequency_mhz)
    return capacitance_w_per_v2_mhz * voltage_v**2 * frequency_mhz


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipPoint:
    """One published operating point of a chip: core voltage [V], clock [MHz] and power [W] at the chip."""

    voltage_v: float
    frequency_mhz: float
    power_w: float

    @property
    def capacitance_w_per_v2_mhz(self) -> float:
        """The switched capacitance [W/(V²·MHz)] that this point alone tells: P / (V²·f)."""
        return self.power_w / (self.voltage_v**2 * self.frequency_mhz)


def fit_capacitance(points: Sequence[ChipPoint]) -> float:
    """Return the switched capacitance [W/(V²·MHz)] of `points`: the mean of P / (V²·f), so every point counts alike.

    Leakage is not told apart: it is in the figure.

    Raises
    ------
    ModelError
        If there is no point.
    """
    if not points:
        raise ModelError("no operating point; want at least one to fit a capacitance to")
    return sum(point.capacitance_w_per_v2_mhz for point in points) / len(points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leakage:
    """The part of a chip's power that flows whatever the clock.

    ``P = share · P_reference · V / V_reference · exp(growth · (T − T_reference))``: a current that grows exponentially with
    temperature and not with voltage.

    Attributes
    ----------
    share : float
        Leakage over all power of the chip at the reference: nominal power, nominal voltage, `reference_c`. 0 or more, below 1.
    growth_per_c : float
        Exponent [1/°C]; ln 2 / 30 doubles it every 30 °C.
    reference_c : float
        Chip temperature [°C] of the reference.

    Raises
    ------
    ModelError
        If a figure is out of its range.
    """

    share: float = LEAKAGE_SHARE.value
    growth_per_c: float = LEAKAGE_GROWTH.value
    reference_c: float

    def __post_init__(self) -> None:
        """Refuse a share that leaves nothing for hashing, and leakage that shrinks with heat."""
        if not (isfinite(self.share) and 0 <= self.share < 1):
            raise ModelError(f"leakage share is {self.share}; want 0 or more and below 1")
        _check_amount("growth_per_c", self.growth_per_c)
        if not isfinite(self.reference_c):
            raise ModelError(f"reference_c is {self.reference_c}; want a finite temperature")

    def factor(self, temperature_c: float) -> float:
        """Return leakage at `temperature_c` [°C] over leakage at the reference, voltage unchanged."""
        return exp(self.growth_per_c * (temperature_c - self.reference_c))

    def power_growth_per_c(self) -> float:
        """Return by what part of itself all power grows a degree at the reference [1/°C]."""
        return self.share * self.growth_per_c


def leakage_power_w(
    leakage: Leakage, *, reference_power_w: float, temperature_c: float, relative_voltage: float = 1.0
) -> float:
    """Return the leakage [W] at `temperature_c` [°C] of chips that draw `reference_power_w` [W] in all at the reference.

    `relative_voltage` is V over that of the reference.

    Raises
    ------
    ModelError
        If a figure is negative or not finite.
    """
    _check_amount("reference_power_w", reference_power_w)
    _check_amount("relative_voltage", relative_voltage)
    if not isfinite(temperature_c):
        raise ModelError(f"temperature_c is {temperature_c}; want a finite temperature")
    return leakage.share * reference_power_w * relative_voltage * leakage.factor(temperature_c)


def _check_amount(name: str, value: float) -> None:
    if not (isfinite(value) and value >= 0):
        raise ModelError(f"{name} is {value}; want a finite number, 0 or more")
