"""How a machine is built, and the one constant that its nameplate then leaves free.

A build says chips, voltages, supply, fans and heat; `calibrate` takes from the nameplate the switched capacitance, the cores
and the thermal resistances, so that the nominal setting gives the nameplate exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from hw.chip_power import Leakage, effective_cores
from hw.errors import ModelError
from hw.fans import FanBank
from hw.models import MachineModel
from hw.psu import PowerSupply
from hw.thermal import TwoNode, resistance_at_flow
from hw.voltage import VoltageCurve


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """How a machine is built and what its nameplate goes with: all of the physics but the one constant.

    Attributes
    ----------
    chips : int
        Hashing chips in all.
    curve : VoltageCurve
        Voltage over clock, at a chip or at a string.
    frequency_mhz, ambient_c, chip_c, sink_c, fan_speed : float
        The nominal state: clock [MHz], inlet air, chip and heatsink temperatures [°C], fans' part of rated speed.
    rated_at : str
        Where the nameplate's watts are: "wall" or "dc".
    overhead_w : float
        What the supply gives besides the chips: control board and so on [W].
    chip_j_per_c, sink_j_per_c : float
        Heat capacities of all chips with their boards, and of all heatsinks [J/°C].
    leakage_share : float
        Leakage over the chips' power in the nominal state.
    supply, fans : PowerSupply, FanBank
        The supply and the fans.
    """

    chips: int
    curve: VoltageCurve
    frequency_mhz: float
    ambient_c: float
    chip_c: float
    sink_c: float
    fan_speed: float
    rated_at: Literal["wall", "dc"]
    overhead_w: float
    chip_j_per_c: float
    sink_j_per_c: float
    leakage_share: float
    supply: PowerSupply
    fans: FanBank


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineDesign:
    """A machine as physics: a build, calibrated.

    Attributes
    ----------
    name : str
        Of the machine.
    build : Build
        What it was calibrated from.
    small_cores : float
        Double hashes a clock that one chip does.
    capacitance_w_per_v2_mhz : float
        Of all chips, for the voltage of the build's curve.
    chip_power_w : float
        What all chips draw in the nominal state [W].
    leakage : Leakage
        Its reference is the nominal state.
    thermal : TwoNode
        At the nominal flow of air.
    nominal_flow_m3_per_s : float
        That flow [m³/s]; 0 for a machine without fans.
    """

    name: str
    build: Build
    small_cores: float
    capacitance_w_per_v2_mhz: float
    chip_power_w: float
    leakage: Leakage
    thermal: TwoNode
    nominal_flow_m3_per_s: float

    def thermal_at(self, fan_speed: float) -> TwoNode:
        """Return the thermal network with fans at `fan_speed`, 0 to 1, and as many of them as still turn."""
        if not self.nominal_flow_m3_per_s:
            return self.thermal
        flow_part = self.build.fans.flow_m3_per_s(fan_speed) / self.nominal_flow_m3_per_s
        return replace(self.thermal, sink_to_air_c_per_w=resistance_at_flow(self.thermal.sink_to_air_c_per_w, flow_part))

    def with_fans(self, fans: FanBank) -> MachineDesign:
        """Return the same machine with other fans, or with some standing still; calibration is kept."""
        return replace(self, build=replace(self.build, fans=fans))


def calibrate(model: MachineModel, build: Build) -> MachineDesign:
    """Return `build` with the capacitance, the cores and the thermal resistances that give the nameplate of `model`.

    Raises
    ------
    ModelError
        If the nameplate leaves nothing for the chips, or the nominal temperatures are out of order.
    """
    fans_w = build.fans.power_w(build.fan_speed)
    dc_w = build.supply.output_w(model.power_w - fans_w) if build.rated_at == "wall" else model.power_w
    chip_w = dc_w - build.overhead_w
    if not chip_w > 0:
        raise ModelError(
            f"{model.name}: {model.power_w:g} W less fans, supply and {build.overhead_w:g} W besides leave {chip_w:g} W; "
            "want something for the chips"
        )
    if not build.ambient_c < build.sink_c < build.chip_c:
        raise ModelError(
            f"{model.name}: ambient {build.ambient_c}, heatsink {build.sink_c}, chip {build.chip_c} degC; "
            "want each above the one before"
        )
    voltage_v = build.curve.voltage(build.frequency_mhz).voltage_v
    leakage = Leakage(share=build.leakage_share, reference_c=build.chip_c)
    return MachineDesign(
        name=model.name,
        build=build,
        small_cores=effective_cores(model.hashrate_hps, build.frequency_mhz, build.chips),
        capacitance_w_per_v2_mhz=(1 - leakage.share) * chip_w / (voltage_v**2 * build.frequency_mhz),
        chip_power_w=chip_w,
        leakage=leakage,
        thermal=TwoNode(
            chip_to_sink_c_per_w=(build.chip_c - build.sink_c) / chip_w,
            sink_to_air_c_per_w=(build.sink_c - build.ambient_c) / chip_w,
            chip_j_per_c=build.chip_j_per_c,
            sink_j_per_c=build.sink_j_per_c,
        ),
        nominal_flow_m3_per_s=build.fans.flow_m3_per_s(build.fan_speed),
    )
