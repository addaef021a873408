"""Fans: air by speed, watts by its cube, and the speed that a temperature asks for.

The fan laws (affinity laws): air moved goes with the speed, power with its third power. Speeds are parts of the rated speed, 0
to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import Final

from hw.errors import ModelError
from hw.sourced import Sourced

M3_PER_S_PER_CFM: Final = 0.3048**3 / 60  # exact: a cubic foot a minute, with the international foot of 0.3048 m

S19_FAN_W: Final = Sourced(
    value=12 * 1.65,
    unit="W",
    source="buybtc123.com, 'The Evaluation of Antminer S19': fan of the S19 Pro, 12 V, 1.65 A, 6150 rpm, 197 cfm",
    as_of="2020-06",
    basis="measured",
)
S19_AIRFLOW_CFM: Final = Sourced(
    value=370,
    unit="cfm",
    source="buybtc123.com, 'The Evaluation of Antminer S19': through an S19 Pro at 3320 W, 23.1 degC in, 38.8 degC out",
    as_of="2020-06",
    basis="measured",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FanBank:
    """The fans of one machine, alike and at one speed.

    Attributes
    ----------
    count : int
        How many there are; 0 for a machine cooled by water or oil, whose pump is the site's.
    rated_w : float
        Power of one at rated speed [W].
    rated_rpm : float
        Rated speed [1/min].
    airflow_m3_per_s : float
        Air through the whole machine [m³/s] with all at rated speed.
    failed : int
        How many stand still.
    minimum_speed : float
        The slowest that they run while the machine hashes, part of rated speed.

    Raises
    ------
    ModelError
        If a figure is out of its range.
    """

    count: int
    rated_w: float
    rated_rpm: float
    airflow_m3_per_s: float
    failed: int = 0
    minimum_speed: float = 0.1

    def __post_init__(self) -> None:
        """Refuse fans that cannot be."""
        if not 0 <= self.failed <= self.count:
            raise ModelError(f"{self.failed} of {self.count} fans failed; want 0 to {self.count}")
        for field in ("rated_w", "rated_rpm", "airflow_m3_per_s"):
            value = getattr(self, field)
            if not (isfinite(value) and value >= 0):
                raise ModelError(f"{field} is {value}; want a finite number, 0 or more")
        _check_speed(self.minimum_speed)

    def power_w(self, speed: float) -> float:
        """Return the power [W] of all working fans at `speed`, 0 to 1: rated power times the cube of the speed.

        Raises
        ------
        ModelError
            If the speed is not from 0 to 1.
        """
        _check_speed(speed)
        return (self.count - self.failed) * self.rated_w * speed**3

    def flow_m3_per_s(self, speed: float) -> float:
        """Return the air through the machine [m³/s] at `speed`, 0 to 1; a fan that stands still takes its share along.

        The share is assumed: fans in a row hinder each other more, fans side by side leak backwards.

        Raises
        ------
        ModelError
            If the speed is not from 0 to 1.
        """
        _check_speed(speed)
        return self.airflow_m3_per_s * speed * (self.count - self.failed) / self.count if self.count else 0.0

    def rpm(self, speed: float) -> float:
        """Return the speed [1/min] at `speed`, 0 to 1.

        Raises
        ------
        ModelError
            If the speed is not from 0 to 1.
        """
        _check_speed(speed)
        return self.rated_rpm * speed

    def with_failed(self, failed: int) -> FanBank:
        """Return the same fans with `failed` of them standing still.

        Raises
        ------
        ModelError
            If there are not so many.
        """
        return replace(self, failed=failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class FanControl:
    """A straight law from temperature to speed: slowest up to `low_c`, full speed from `target_c` on.

    LuxOS too runs its fans at 100 % from the target temperature of the boards on (55 °C;
    docs.luxor.tech/firmware/features/tempsandfans, read 2026-11); the straight line below it is assumed.

    Raises
    ------
    ModelError
        If `target_c` is not above `low_c`.
    """

    low_c: float
    target_c: float

    def __post_init__(self) -> None:
        """Refuse a law that falls."""
        if not (isfinite(self.low_c) and isfinite(self.target_c) and self.low_c < self.target_c):
            raise ModelError(
                f"fan law from {self.low_c} to {self.target_c} degC; want finite temperatures, the first below the second"
            )

    def speed(self, temperature_c: float, minimum_speed: float) -> float:
        """Return the speed, `minimum_speed` to 1, that `temperature_c` [°C] asks for.

        Raises
        ------
        ModelError
            If the minimum is not from 0 to 1.
        """
        _check_speed(minimum_speed)
        part = min(max((temperature_c - self.low_c) / (self.target_c - self.low_c), 0.0), 1.0)
        return minimum_speed + (1 - minimum_speed) * part


def _check_speed(speed: float) -> None:
    if not (isfinite(speed) and 0 <= speed <= 1):
        raise ModelError(f"a fan speed of {speed}; want a part of the rated speed, 0 to 1")


S19_FANS: Final = FanBank(
    count=4,
    rated_w=S19_FAN_W.value,
    rated_rpm=6150,  # 1/min: see S19_FAN_W
    airflow_m3_per_s=S19_AIRFLOW_CFM.value * M3_PER_S_PER_CFM,
)
