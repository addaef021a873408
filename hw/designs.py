"""Designs of machines that somebody described, and one for any machine of the S19's kind.

Only the Antminer S19j Pro has a published ladder of voltage over clock. Others of its kind borrow its shape; then clocks count
in units in which the nominal clock is 545, and `extrapolated` marks what lies outside 495 to 595.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hw.chip_power import LEAKAGE_SHARE
from hw.fans import S19_FANS, FanBank
from hw.machine_design import Build, MachineDesign, calibrate
from hw.models import MachineModel
from hw.psu import ADAPTER_5V, S19_SUPPLY, scaled_supply
from hw.sourced import Sourced
from hw.voltage import voltage_ladder

S19J_PRO_MHZ: Final = Sourced(
    value=545,
    unit="MHz",
    source="docs.luxor.tech/firmware/features: default profile of an S19j Pro of 104 TH/s",
    as_of="2026-11",
    basis="datasheet",
)
S19J_PRO_W: Final = Sourced(
    value=3068,
    unit="W",
    source="nhamilton1/asics-tools: Antminer S19j Pro of 104 TH/s",
    as_of="2022",
    basis="nameplate",
)
S19_SINK_C: Final = Sourced(
    value=50,
    unit="degC",
    source="25 degC above the inlet: an S21 throttles above 40 degC of air (hackernoon.com, BTCWire: 'S21 Review'), and "
    "boards count as hot from 65 degC on (docs.luxor.tech tempsandfans)",
    as_of="2024-03-11",
    basis="derived",
)
S19_CHIP_ABOVE_SINK_C: Final = Sourced(
    value=15,
    unit="degC",
    source="docs.luxor.tech/firmware/features: firmware takes chips to be about 15 degC above the boards' sensors",
    as_of="2026-11",
    basis="datasheet",
)
S19_INLET_C: Final = Sourced(
    value=25,
    unit="degC",
    source="makers rate machines of this kind at 25 degC of inlet air (as Bitmain's sheet of the S15 says)",
    as_of="2018-11",
    basis="nameplate",
)
S19_SINK_J_PER_C: Final = Sourced(
    value=4500,
    unit="J/degC",
    source="5 kg of aluminium at 0.9 kJ/(kg degC), of the 13.2 kg that an S19 Pro weighs (buybtc123.com); the 5 kg are a guess",
    as_of="2026-11",
    basis="assumed",
)
S19_CHIP_J_PER_C: Final = Sourced(
    value=300,
    unit="J/degC",
    source="chips with their small sinks and solder, about 1 J/degC each: a time constant of 1.5 s against the heatsinks",
    as_of="2026-11",
    basis="assumed",
)
S19_OVERHEAD_W: Final = Sourced(
    value=15,
    unit="W",
    source="control board: most of the 25 W that a sleeping machine draws",
    as_of="2026-11",
    basis="assumed",
)
GAMMA_CHIP_C: Final = Sourced(
    value=58,
    unit="degC",
    source="articles.shopbitcoin.com.au: dashboard of a Bitaxe Gamma, chip 58 degC, 1.18 TH/s, 17.1 W, fan 87 %",
    as_of="2026-11",
    basis="measured",
)


def s19_build(chips: int) -> Build:
    """Return the build of an S19j Pro, with `chips` chips: its ladder, four fans, a supply of 3.6 kW."""
    return Build(
        chips=chips,
        curve=voltage_ladder("Antminer S19j Pro"),
        frequency_mhz=S19J_PRO_MHZ.value,
        ambient_c=S19_INLET_C.value,
        sink_c=S19_SINK_C.value,
        chip_c=S19_SINK_C.value + S19_CHIP_ABOVE_SINK_C.value,
        fan_speed=1.0,  # the 370 cfm measured at 23 degC are 94 % of what two fans side by side are rated at
        rated_at="wall",
        overhead_w=S19_OVERHEAD_W.value,
        chip_j_per_c=S19_CHIP_J_PER_C.value,
        sink_j_per_c=S19_SINK_J_PER_C.value,
        leakage_share=LEAKAGE_SHARE.value,
        supply=S19_SUPPLY,
        fans=S19_FANS,
    )


def s19_kind(model: MachineModel, *, chips: int = 378) -> MachineDesign:
    """Return the design of an air-cooled machine of the S19's kind, calibrated to the nameplate of `model`.

    What is known of the S19j Pro is taken for it: right for its relatives, a stand-in for others. Supply, fans and heat
    capacities scale with the nameplate. `chips` in all; 378 are those of the S19j Pro (pyasic).

    Raises
    ------
    ModelError
        If the nameplate leaves nothing for the chips.
    """
    build = s19_build(chips)
    scale = model.power_w / S19J_PRO_W.value
    scaled = replace(
        build,
        overhead_w=build.overhead_w * min(scale, 1.0),
        chip_j_per_c=build.chip_j_per_c * scale,
        sink_j_per_c=build.sink_j_per_c * scale,
        supply=scaled_supply(build.supply, build.supply.rated_w * scale),
        fans=replace(build.fans, rated_w=build.fans.rated_w * scale, airflow_m3_per_s=build.fans.airflow_m3_per_s * scale),
    )
    return calibrate(model, scaled)


def with_fan_count(design: MachineDesign, count: int | None) -> MachineDesign:
    """Return `design` with `count` fans that move the same air for the same watts; None or 0 keeps those it has."""
    fans = design.build.fans
    if not count:
        return design
    return design.with_fans(replace(fans, count=count, rated_w=fans.rated_w * fans.count / count))


def bitaxe_gamma(model: MachineModel) -> MachineDesign:
    """Return the design of a Bitaxe Gamma, one BM1370, calibrated to `model`, whose watts are those of its 5 V input.

    Raises
    ------
    ModelError
        If the nameplate leaves nothing for the chip.
    """
    return calibrate(
        model,
        Build(
            chips=1,
            curve=voltage_ladder("Bitaxe Gamma"),
            frequency_mhz=525,  # MHz, default of BM1370: ESP-Miner main/device_config.h, read 2026-11
            ambient_c=25,  # degC, assumed
            chip_c=GAMMA_CHIP_C.value,
            sink_c=GAMMA_CHIP_C.value - 8,  # degC, assumed
            fan_speed=0.87,  # of rated speed: see GAMMA_CHIP_C
            rated_at="dc",
            overhead_w=2.5,  # W for the controller, regulator's losses and the fan, assumed
            chip_j_per_c=2.0,  # J/degC, assumed
            sink_j_per_c=60.0,  # J/degC, assumed
            leakage_share=LEAKAGE_SHARE.value,
            supply=ADAPTER_5V,
            fans=FanBank(
                count=1,
                rated_w=0,  # its watts are those of the board
                rated_rpm=5400 / 0.87,  # 1/min: see GAMMA_CHIP_C, 5400 at 87 %
                airflow_m3_per_s=0.008,  # m3/s, a fan of 40 to 60 mm; assumed
            ),
        ),
    )
