"""The Bitaxe family: what each board and chip is, and its design.

The numbers are those of `main/device_config.h` of bitaxeorg/ESP-Miner (read 2026-11). Only the Gamma has a published ladder of
voltage over clock; the others borrow its shape through their own default, so what lies off the default is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from hw.catalogue import CatalogueEntry
from hw.designs import bitaxe_gamma
from hw.errors import ModelError
from hw.machine_design import MachineDesign, calibrate
from hw.psu import scaled_supply
from hw.sourced import Sourced
from hw.units import HZ_PER_MHZ

GAMMA_MHZ: Final = 525  # MHz, where the borrowed ladder has its default
GAMMA_W: Final = 19  # W, of the board whose heat capacities and supply the borrowed design has
REGULATOR_C_PER_W: Final = Sourced(
    value=(72 - 50) / 17.1,
    unit="degC/W",
    source="articles.shopbitcoin.com.au: dashboard of a Bitaxe Gamma, regulator 72 degC at 17.1 W and chip 58 degC, whose "
    "heatsink is taken to be at 50 degC; that the rise goes with the board's watts a chip is assumed",
    as_of="2026-11",
    basis="derived",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AxeChip:
    """A chip as its firmware sets it: small cores, its default voltage [mV], and the clocks [MHz] and voltages [mV] offered."""

    small_cores: int
    default_mv: int
    clocks_mhz: tuple[int, ...]
    voltages_mv: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AxeBoard:
    """A board: its family's name and colour in lists, board version, the most it may draw [W], its input [V].

    `senses_regulator` tells whether its voltage regulator has a thermometer.
    """

    family: str
    colour: str
    version: str
    most_w: int
    input_v: int
    senses_regulator: bool


BM1370_MV: Final = (1000, 1060, 1100, 1150, 1200, 1250)
CHIPS: Final = {
    "BM1397": AxeChip(
        small_cores=672,
        default_mv=1400,
        clocks_mhz=(400, 425, 450, 475, 485, 500, 525, 550, 575, 600),
        voltages_mv=(1100, 1150, 1200, 1250, 1300, 1350, 1400, 1450, 1500),
    ),
    "BM1366": AxeChip(
        small_cores=894,
        default_mv=1200,
        clocks_mhz=(400, 425, 450, 475, 485, 500, 525, 550, 575),
        voltages_mv=(1100, 1150, 1200, 1250, 1300),
    ),
    "BM1368": AxeChip(
        small_cores=1276,
        default_mv=1166,
        clocks_mhz=(400, 425, 450, 475, 485, 490, 500, 525, 550, 575),
        voltages_mv=(1100, 1150, 1166, 1200, 1250, 1300),
    ),
    "BM1370": AxeChip(small_cores=2040, default_mv=1150, clocks_mhz=(400, 490, 525, 550, 600, 625), voltages_mv=BM1370_MV),
}
DUO_CHIP: Final = AxeChip(small_cores=2040, default_mv=1150, clocks_mhz=(350, 375, 380, 400, 410), voltages_mv=BM1370_MV)


BOARDS: Final = {  # by the catalogue's names; of several versions of one board the last
    "Bitaxe Max": AxeBoard("Max", "red", "102", most_w=25, input_v=5, senses_regulator=False),
    "Bitaxe Ultra": AxeBoard("Ultra", "purple", "205", most_w=25, input_v=5, senses_regulator=False),
    "Bitaxe Supra": AxeBoard("Supra", "blue", "401", most_w=40, input_v=5, senses_regulator=False),
    "Bitaxe Gamma (600/601)": AxeBoard("Gamma", "green", "601", most_w=40, input_v=5, senses_regulator=True),
    "Bitaxe Gamma (602/603)": AxeBoard("Gamma", "green", "603", most_w=40, input_v=5, senses_regulator=True),
    "Bitaxe GammaDuo 650": AxeBoard("GammaDuo", "green", "650", most_w=40, input_v=5, senses_regulator=True),
    "Bitaxe GammaTurbo 801": AxeBoard("GammaTurbo", "cyan", "801", most_w=60, input_v=12, senses_regulator=True),
    "Bitaxe Hex 302/303": AxeBoard("Hex", "orange", "303", most_w=90, input_v=12, senses_regulator=True),
    "Bitaxe SupraHex 701/702": AxeBoard("SupraHex", "darkblue", "702", most_w=120, input_v=12, senses_regulator=True),
}


def axe_chip(entry: CatalogueEntry) -> AxeChip:
    """Return the chip of a Bitaxe of the catalogue; the GammaDuo's is a BM1370 with clocks of its own.

    Raises
    ------
    ModelError
        If it is no Bitaxe.
    """
    if entry.machine.model not in BOARDS or entry.layout is None or entry.layout.chip not in CHIPS:
        raise ModelError(f"{entry.name} is no Bitaxe; want one of {', '.join(BOARDS)}")
    return DUO_CHIP if "Duo" in entry.machine.model else CHIPS[entry.layout.chip]


def bitaxe(entry: CatalogueEntry) -> MachineDesign:
    """Return the design of any Bitaxe of the catalogue: the Gamma's, with its own chips, clock, voltage and watts.

    The clock is that of the rating to a whole MHz, cores times chips being known. Supply, heat capacities and overhead of
    boards with several chips grow with their watts (assumed).

    Raises
    ------
    ModelError
        If it is no Bitaxe.
    """
    chip, chips = axe_chip(entry), (entry.layout.chips if entry.layout is not None else None) or 1
    base = bitaxe_gamma(entry.machine).build
    frequency_mhz = float(round(entry.machine.hashrate_hps / (chip.small_cores * chips * HZ_PER_MHZ)))
    gamma_mv = base.curve.voltage(GAMMA_MHZ).voltage_v * 1000
    size = max(entry.machine.power_w / GAMMA_W, 1.0) if chips > 1 else 1.0
    fans = base.fans
    build = replace(
        base,
        chips=chips,
        frequency_mhz=frequency_mhz,
        curve=base.curve.scaled(frequency=frequency_mhz / GAMMA_MHZ, voltage=chip.default_mv / gamma_mv),
        overhead_w=base.overhead_w * size,
        chip_j_per_c=base.chip_j_per_c * size,
        sink_j_per_c=base.sink_j_per_c * size,
        supply=base.supply if size == 1 else scaled_supply(base.supply, base.supply.rated_w * size),
        fans=replace(fans, airflow_m3_per_s=fans.airflow_m3_per_s * size),
    )
    return calibrate(entry.machine, build)
