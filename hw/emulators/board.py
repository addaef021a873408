"""The board around emulated chips: what it draws and how warm it gets, as the clock that the host sets would make it.

Known for boards with one chip, the Bitaxe family. Of these only the Gamma's voltages are known; the others borrow their shape,
so that a clock counts by its ratio to the board's own.
"""

from __future__ import annotations

from typing import Final

from hw.catalogue import entry
from hw.designs import bitaxe_gamma
from hw.drivers.bm13xx.chips import Chip
from hw.health import healthy
from hw.modes import ESP_PAUSE, preset_range_mhz, set_ramp
from hw.protection import ESP_MINER
from hw.running_machine import MachinePlan, MachineState, Reading, RunningMachine

BOARDS: Final = {
    "BM1397": "Bitaxe Max",
    "BM1366": "Bitaxe Ultra",
    "BM1368": "Bitaxe Supra",
    "BM1370": "Bitaxe Gamma (602/603)",
}
"""The board of one chip, by its name in the catalogue."""


class EmulatedBoard:
    """A board with one `chip`, cold and without a clock at `now_s` [s]."""

    def __init__(self, chip: Chip, now_s: float) -> None:
        self._chip = chip
        self._design = bitaxe_gamma(entry(BOARDS[chip.name]).machine)
        plan = MachinePlan(
            design=self._design,
            health=healthy(1, 1),
            rule=ESP_MINER,
            sleep=ESP_PAUSE,
            wake=set_ramp(0.0),  # the host itself raises the clock step by step
            boot=set_ramp(0.0),
            warm=False,
        )
        self._machine = RunningMachine(plan, now_s)
        self._machine.curtail(now_s)

    def clock(self, mhz: float, now_s: float) -> None:
        """Run the chip at `mhz` [MHz], 0 for not at all; beyond what boards are set to, draw as at the nearest such clock."""
        if mhz <= 0:
            self._machine.curtail(now_s)
            return
        lowest_mhz, highest_mhz = preset_range_mhz(self._design)
        wished_mhz = self._design.build.frequency_mhz * mhz / self._chip.default_mhz
        self._machine.resume(now_s)
        self._machine.set_frequency(min(max(wished_mhz, lowest_mhz), highest_mhz), now_s)

    def read(self, now_s: float) -> Reading:
        """Return what it draws and how warm it is."""
        return self._machine.read(now_s)

    def is_cool(self, now_s: float) -> bool:
        """Tell whether it does not rest for heat."""
        return self._machine.read(now_s).state != MachineState.OVERHEATED


def board_for(chip: Chip, chips: int, now_s: float) -> EmulatedBoard | None:
    """Return the board of a chain, or None where none is known."""
    return EmulatedBoard(chip, now_s) if chips == 1 and chip.name in BOARDS else None
