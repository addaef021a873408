"""Heat: a machine as one thermal mass or two, with steps that are exact however long they are.

Power and ambient are constant during a step, so the differential equations are linear with constant coefficients and solved in
closed form: a step of an hour is as good as 3600 of a second. Resistances are in °C/W, capacities in J/°C, for the whole
machine: all its chips count as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isfinite, sqrt
from typing import Final

from hw.errors import ModelError
from hw.sourced import Sourced

# Dry air as an ideal gas of two-atomic molecules at 101325 Pa and 25 degC: rho = p·M/(R·T), c_p = 7/2·R/M.
GAS_CONSTANT: Final = 8.314462618  # J/(mol·K), exact since the SI of 2019
AIR_MOLAR_KG: Final = 0.0289652  # kg/mol, dry air (US Standard Atmosphere 1976: 28.9644 g/mol; CIPM-2007: 28.96546)
PRESSURE_PA: Final = 101_325  # Pa, standard atmosphere, by definition
ZERO_C_IN_K: Final = 273.15  # exact, by definition of the degree Celsius

FLOW_EXPONENT: Final = Sourced(
    value=0.8,
    unit="1",
    source="heat transfer by turbulent flow goes with its 0.8th power (Dittus and Boelter 1930); taken for these heatsinks too",
    as_of="2026-11",
    basis="assumed",
)
STILL_AIR_PART: Final = Sourced(
    value=0.05,
    unit="1",
    source="with all fans still, air rises through the machine as if it were 5 % of the rated flow",
    as_of="2026-11",
    basis="assumed",
)


def air_rise_c(power_w: float, airflow_m3_per_s: float, inlet_c: float = 25.0) -> float:
    """Return by how much [°C] air warms that carries `power_w` [W] away: P / (rho·c_p·Q), rho at the inlet.

    Raises
    ------
    ModelError
        If there is no air, or a figure is negative or not finite.
    """
    if not (isfinite(power_w) and power_w >= 0):
        raise ModelError(f"power_w is {power_w}; want a finite number, 0 or more")
    if not (isfinite(airflow_m3_per_s) and airflow_m3_per_s > 0):
        raise ModelError(f"airflow_m3_per_s is {airflow_m3_per_s}; want a finite number above 0")
    density = PRESSURE_PA * AIR_MOLAR_KG / (GAS_CONSTANT * (inlet_c + ZERO_C_IN_K))
    heat_capacity = 3.5 * GAS_CONSTANT / AIR_MOLAR_KG
    return power_w / (density * heat_capacity * airflow_m3_per_s)


def resistance_at_flow(resistance_c_per_w: float, flow_part: float) -> float:
    """Return the resistance [°C/W] from heatsink to air at `flow_part` of the flow at which it is `resistance_c_per_w`.

    It goes with the flow to the power −0.8; below 5 % of the flow it stays what it is there (`FLOW_EXPONENT`, `STILL_AIR_PART`:
    assumed).

    Raises
    ------
    ModelError
        If a figure is negative or not finite.
    """
    for name, value in (("resistance_c_per_w", resistance_c_per_w), ("flow_part", flow_part)):
        if not (isfinite(value) and value >= 0):
            raise ModelError(f"{name} is {value}; want a finite number, 0 or more")
    part: float = max(flow_part, STILL_AIR_PART.value) ** -FLOW_EXPONENT.value
    return resistance_c_per_w * part


@dataclass(frozen=True, slots=True, kw_only=True)
class OneNode:
    """One thermal mass between a source of heat and the ambient: dT/dt = (P − (T − T_ambient)/R) / C.

    Raises
    ------
    ModelError
        If a figure is not above 0 and finite.
    """

    resistance_c_per_w: float
    capacity_j_per_c: float

    def __post_init__(self) -> None:
        """Refuse a mass without mass."""
        _check_positive(self, "resistance_c_per_w", "capacity_j_per_c")

    @property
    def time_constant_s(self) -> float:
        """R·C [s]: after so long, 63 % of a change is done."""
        return self.resistance_c_per_w * self.capacity_j_per_c

    def steady_c(self, power_w: float, ambient_c: float) -> float:
        """Return the temperature [°C] at which `power_w` [W] flows off as fast as it comes."""
        return ambient_c + self.resistance_c_per_w * power_w

    def step_c(self, temperature_c: float, *, power_w: float, ambient_c: float, duration_s: float) -> float:
        """Return the temperature [°C] after `duration_s` [s] of constant `power_w` [W] and `ambient_c` [°C]; exact.

        Raises
        ------
        ModelError
            If the duration is negative or not finite.
        """
        _check_duration(duration_s)
        end_c = self.steady_c(power_w, ambient_c)
        return end_c + (temperature_c - end_c) * exp(-duration_s / self.time_constant_s)


@dataclass(frozen=True, slots=True)
class TwoTemperatures:
    """The temperatures [°C] of the chips and of the heatsinks."""

    chip_c: float
    sink_c: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoNode:
    """Chips on heatsinks in air: heat goes into the chips, from them into the sinks, from the sinks into the air.

    C1·dT1/dt = P − (T1 − T2)/R1;  C2·dT2/dt = (T1 − T2)/R1 − (T2 − T_ambient)/R2.

    Raises
    ------
    ModelError
        If a figure is not above 0 and finite.
    """

    chip_to_sink_c_per_w: float
    sink_to_air_c_per_w: float
    chip_j_per_c: float
    sink_j_per_c: float

    def __post_init__(self) -> None:
        """Refuse a mass without mass."""
        _check_positive(self, "chip_to_sink_c_per_w", "sink_to_air_c_per_w", "chip_j_per_c", "sink_j_per_c")

    def steady(self, power_w: float, ambient_c: float) -> TwoTemperatures:
        """Return the temperatures at which `power_w` [W] flows off as fast as it comes."""
        sink_c = ambient_c + self.sink_to_air_c_per_w * power_w
        return TwoTemperatures(sink_c + self.chip_to_sink_c_per_w * power_w, sink_c)

    def step(self, now: TwoTemperatures, *, power_w: float, ambient_c: float, duration_s: float) -> TwoTemperatures:
        """Return the temperatures after `duration_s` [s] of constant `power_w` [W] and `ambient_c` [°C]; exact.

        Raises
        ------
        ModelError
            If the duration is negative or not finite.
        """
        end = self.steady(power_w, ambient_c)
        chip, sink = now.chip_c - end.chip_c, now.sink_c - end.sink_c
        chip_chip, chip_sink, sink_chip, sink_sink = self.kept(duration_s)
        return TwoTemperatures(
            end.chip_c + (chip_chip * chip + chip_sink * sink), end.sink_c + (sink_chip * chip + sink_sink * sink)
        )

    def kept(self, duration_s: float) -> tuple[float, float, float, float]:
        """Return what `duration_s` [s] leave of the distance to the steady state: the exponential of a matrix, written out.

        Of the chips' distance and of the sinks' in the chips' after it, then of the chips' and of the sinks' in the sinks'.

        Raises
        ------
        ModelError
            If the duration is negative or not finite.
        """
        _check_duration(duration_s)
        a = 1 / (self.chip_to_sink_c_per_w * self.chip_j_per_c)  # 1/s, chips into sinks, seen from the chips
        b = 1 / (self.chip_to_sink_c_per_w * self.sink_j_per_c)  # 1/s, the same, seen from the sinks
        c = 1 / (self.sink_to_air_c_per_w * self.sink_j_per_c)  # 1/s, sinks into air
        root = sqrt((a - b - c) ** 2 + 4 * a * b)  # of the discriminant; above 0, since a and b are
        fast = -(a + b + c + root) / 2
        slow = a * c / fast  # their product is the determinant, a·c: no difference of nearly equal numbers
        e_fast, e_slow = exp(fast * duration_s), exp(slow * duration_s)
        keep = (fast * e_slow - slow * e_fast) / (fast - slow)
        turn = (e_fast - e_slow) / (fast - slow)
        return keep - turn * a, turn * a, turn * b, keep - turn * (b + c)

    def stored_j(self, now: TwoTemperatures, ambient_c: float) -> float:
        """Return the heat [J] that the masses hold above `ambient_c` [°C]."""
        return self.chip_j_per_c * (now.chip_c - ambient_c) + self.sink_j_per_c * (now.sink_c - ambient_c)

    def as_one_node(self) -> OneNode:
        """Return the one-mass form: resistances and capacities added, chips and sinks at one temperature."""
        return OneNode(
            resistance_c_per_w=self.chip_to_sink_c_per_w + self.sink_to_air_c_per_w,
            capacity_j_per_c=self.chip_j_per_c + self.sink_j_per_c,
        )


def _check_positive(model: OneNode | TwoNode, *fields: str) -> None:
    for field in fields:
        value = getattr(model, field)
        if not (isfinite(value) and value > 0):
            raise ModelError(f"{field} is {value}; want a finite number above 0")


def _check_duration(duration_s: float) -> None:
    if not (isfinite(duration_s) and duration_s >= 0):
        raise ModelError(f"duration_s is {duration_s}; want a finite number, 0 or more")
