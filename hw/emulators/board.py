"""What emulated chips draw, hash and warm up, as the clock that their host sets would make them.

Chips are taken from a board or a machine of the catalogue that is built of them, each with its part of all that this draws: the
Bitaxe with one such chip, and for BM1362 the Antminer S19j Pro. So many chips draw as many times as much; a chain as long as
those of a real machine may in truth draw less a chip, since its supply and its control board are others. Of the Bitaxes only
the Gamma's voltages are known; the others borrow their shape, so that a clock counts by its ratio to the board's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from hw.catalogue import entry
from hw.designs import S19J_PRO_MHZ, bitaxe_gamma, s19_kind
from hw.drivers.bm13xx.chips import Chip
from hw.emulators.bm13xx_sensors import ChipReading
from hw.faults import FaultEvent
from hw.faulty import error_rate
from hw.health import healthy
from hw.machine_design import MachineDesign
from hw.models import MachineModel
from hw.modes import preset_range_mhz, set_ramp
from hw.operating_point import Setting
from hw.protection import ESP_MINER, LUXOS, Protection
from hw.running_machine import MachinePlan, MachineState, Reading, RunningMachine


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBoard:
    """What chips are taken from: its name in the catalogue, its design, and its rule against heat.

    `rated_mhz` is the clock at which a chip there does what the catalogue says; None for the default of its kind.
    """

    name: str
    design: Callable[[MachineModel], MachineDesign] = bitaxe_gamma
    rule: Protection = ESP_MINER
    rated_mhz: float | None = None


BOARDS: Final = {
    "BM1397": KnownBoard(name="Bitaxe Max"),
    "BM1362": KnownBoard(name="Antminer S19j Pro (104Th)", design=s19_kind, rule=LUXOS, rated_mhz=S19J_PRO_MHZ.value),
    "BM1366": KnownBoard(name="Bitaxe Ultra"),
    "BM1368": KnownBoard(name="Bitaxe Supra"),
    "BM1370": KnownBoard(name="Bitaxe Gamma (602/603)"),
}
"""Where the chips of each kind are taken from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardReading:
    """What chips draw at their plug [W, J] since they were switched on, and their temperature [°C]; all of it modelled."""

    power_w: float
    energy_j: float
    chip_c: float


class EmulatedBoard:
    """`chips` chips of one kind, cold and without a clock at `now_s` [s].

    From `dead_from_s` [s] on the one in the middle is dead, and with it all behind it: they leak and switch nothing.
    """

    def __init__(self, chip: Chip, chips: int, now_s: float, *, dead_from_s: float | None = None) -> None:
        board = BOARDS[chip.name]
        machine = entry(board.name).machine
        self._design = board.design(machine)
        self._nominal_mhz = board.rated_mhz or chip.default_mhz
        self._part = chips / self._design.build.chips  # of all that the machine draws
        self._chip_part = chip.hashrate_hps(self._nominal_mhz) / machine.hashrate_hps  # one chip's, of all that it hashes
        self._nominal_errors = error_rate(self._design, Setting(frequency_mhz=self._design.build.frequency_mhz))
        self._beyond = 1.0  # the clock that was asked for, over the one that the machine runs at
        self._hashes = self._wrong_hashes = 0.0
        self._dead_from_s = inf if dead_from_s is None else dead_from_s
        dies = () if dead_from_s is None else (FaultEvent(dead_from_s - now_s, "dead chip", chips // 2),)
        self._machine = RunningMachine(replace(_plan(self._design, board.rule, chips), faults=dies), now_s)
        self._machine.curtail(now_s)
        self._last = self._machine.read(now_s)

    def clock(self, mhz: float, now_s: float) -> None:
        """Run the chips at `mhz` [MHz], 0 for not at all; beyond what boards are set to, draw as at the nearest such clock."""
        self._count(now_s)
        if mhz <= 0:
            self._machine.curtail(now_s)
            return
        lowest_mhz, highest_mhz = preset_range_mhz(self._design)
        wished_mhz = self._design.build.frequency_mhz * mhz / self._nominal_mhz
        set_mhz = min(max(wished_mhz, lowest_mhz), highest_mhz)
        self._beyond = wished_mhz / set_mhz
        self._machine.resume(now_s)
        self._machine.set_frequency(set_mhz, now_s)

    def read(self, now_s: float) -> BoardReading:
        """Return what all the chips draw, and how warm they are."""
        told = self._count(now_s)
        return BoardReading(power_w=told.wall_power_w * self._part, energy_j=told.energy_j * self._part, chip_c=told.chip_c)

    def chip(self, now_s: float) -> ChipReading:
        """Return how each of the chips stands that live: all do alike."""
        told = self._count(now_s)
        return ChipReading(
            chip_c=told.chip_c,
            hashrate_hps=self._of_one_chip(told.hashrate_hps, told),
            hashes=self._hashes,
            wrong_hashes=self._wrong_hashes,
        )

    def is_cool(self, now_s: float) -> bool:
        """Tell whether it does not rest for heat."""
        return self._count(now_s).state != MachineState.OVERHEATED

    def _count(self, now_s: float) -> Reading:
        """Add what each chip hashed since it was last counted, before and after some of them died."""
        if self._last.time_s < self._dead_from_s < now_s:
            self._count_to(self._dead_from_s)
        return self._count_to(now_s)

    def _count_to(self, now_s: float) -> Reading:
        now, last = self._machine.read(now_s), self._last
        told = last if last.error_rate and not now.error_rate else now  # 0 while nothing is hashed
        told = replace(told, health=last.health)  # what dies does so at the end
        hashes = self._of_one_chip(now.hashes - last.hashes, told)
        self._hashes += hashes
        self._wrong_hashes += hashes * told.error_rate
        self._last = now
        return now

    def _of_one_chip(self, right: float, told: Reading) -> float:
        """Return all hashes of a chip that lives, at its own clock, when the machine has so many `right` ones.

        A machine's rating counts right ones; clock times cores, which a chip does, counts all.
        """
        one = right * self._chip_part * self._beyond * (1 - self._nominal_errors) / (1 - told.error_rate)
        [board] = told.health.boards
        return one * (board.chips / board.answering) if board.answering else 0.0


def _plan(design: MachineDesign, rule: Protection, chips: int) -> MachinePlan:
    at_once = set_ramp(0.0)  # the host itself raises the clock step by step, and a chip without a clock stands still
    return MachinePlan(
        design=design,
        health=healthy(1, chips),  # as many as there are, of which parts can die; watts are scaled beside
        rule=rule,
        sleep=at_once,
        wake=at_once,
        boot=at_once,
        warm=False,
    )
