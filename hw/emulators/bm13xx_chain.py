"""The chips of an emulated BM13xx chain as their host sees them: addresses and registers, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass, field

from hw.drivers.bm13xx.chips import Chip
from hw.drivers.bm13xx.commands import ChainInactive, Command, ReadRegister, SetAddress, WriteRegister
from hw.drivers.bm13xx.pll import Pll
from hw.drivers.bm13xx.registers import (
    Register,
    baud_of,
    rolls_versions,
    ticket_bits,
    version_mask_of,
)
from hw.drivers.bm13xx.responses import RegisterResponse
from hw.drivers.errors import DriverError
from hw.emulators.bm13xx_sensors import Sense, kept, told

FRESH_ADDRESS = 0  # what a chip has after power-up
ADDRESSES = 256  # of a line, which hosts share out among its chips
RESET_BAUD = 115_200


@dataclass(slots=True)
class EmulatedChip:
    """One chip: its address, None after the chain was made inactive, and its registers."""

    address: int | None = FRESH_ADDRESS
    registers: dict[int, int] = field(default_factory=dict)


class Chain:
    """`count` chips of one kind on one line, the first the nearest to the host.

    While it is `broken` a chip in the middle is dead, and so is everything after it.
    """

    def __init__(self, chip: Chip, count: int) -> None:
        self.chip = chip
        self.broken = False
        self._chips = [EmulatedChip(registers=dict(chip.resets)) for _ in range(count)]

    @property
    def count(self) -> int:
        """How many chips answer and hash."""
        return len(self._chips) // 2 if self.broken else len(self._chips)

    @property
    def length(self) -> int:
        """How many chips there are on the line, dead ones and those behind them included."""
        return len(self._chips)

    def answers_for(self, address: int) -> bool:
        """Tell whether the chip lives to whose part of the nonces `address` belongs.

        Parts go as hosts reckon them, by steps of the address. Those that no chip has, where addresses do not fill all bits,
        and all of them before any chip has an address of its own, are shared out evenly: so much is lost as chips are.
        """
        own = [chip.address or FRESH_ADDRESS for chip in self._chips[:2]]
        step = own[1] - own[0] if len(own) > 1 and own[1] > own[0] else max(ADDRESSES // self.length, 1)
        return address // step % self.length < self.count

    @property
    def baud(self) -> int:
        """The speed [baud] at which they listen and speak."""
        register = self.chip.baud_register
        value = self._first(register)
        if value == dict(self.chip.resets).get(register):
            return RESET_BAUD  # 115,740 exactly; both ends are within the tolerance of a line
        try:
            return round(baud_of(register, value))
        except DriverError:
            return 0

    @property
    def clock_mhz(self) -> float:
        """The mean clock [MHz] of the chips that answer; 0 where a PLL was never set."""
        clocks = [self._clock_mhz(chip) for chip in self._chips[: self.count]]
        return sum(clocks) / len(clocks) if clocks else 0.0

    @property
    def hashes(self) -> bool:
        """Whether a sweep was not set to no length, which stops hashing."""
        return self._chips[0].registers.get(Register.HASH_COUNTING) != 0

    @property
    def hashrate_hps(self) -> float:
        """The hash rate [H/s] that the clocks make."""
        return self.chip.hashrate_hps(self.clock_mhz, self.count) if self.hashes else 0.0

    @property
    def rolls(self) -> bool:
        """Whether version rolling is on: answers are longer then."""
        return rolls_versions(self._first(Register.VERSION_MASK))

    @property
    def version_mask(self) -> int:
        """The version bits that are rolled."""
        return version_mask_of(self._first(Register.VERSION_MASK)) if self.rolls else 0

    @property
    def ticket_bits(self) -> int:
        """How many zero bits beyond 32 a hash must have to be told; a mask that is none is read as none."""
        try:
            return ticket_bits(self._first(Register.TICKET_MASK))
        except DriverError:
            return 0

    def handle(self, command: Command, sense: Sense) -> list[RegisterResponse]:
        """Do what a command says; return what the chips answer, in their order. `sense` tells how each of them stands."""
        if isinstance(command, ChainInactive):
            for chip in self._chips:
                chip.address = None
        elif isinstance(command, SetAddress):
            without = (chip for chip in self._chips[: self.count] if chip.address is None)
            for chip in list(without)[:1]:
                chip.address = command.address
        elif isinstance(command, WriteRegister):
            for chip in self._asked(command.chip):
                chip.registers[command.register] = kept(self.chip, command.register, command.value, sense)
        elif isinstance(command, ReadRegister):
            return [self._answer(chip, command.register, sense) for chip in self._asked(command.chip)]
        return []

    def _answer(self, chip: EmulatedChip, register: int, sense: Sense) -> RegisterResponse:
        value = told(self.chip, register, chip.registers, sense)
        return RegisterResponse(value, chip.address or FRESH_ADDRESS, register, 0 if self.rolls else None)

    def _asked(self, address: int | None) -> list[EmulatedChip]:
        return [chip for chip in self._chips[: self.count] if address is None or chip.address == address]

    def _first(self, register: int) -> int:
        return self._chips[0].registers.get(register, 0)

    def _clock_mhz(self, chip: EmulatedChip) -> float:
        value = chip.registers.get(Register.PLL, 0)
        try:
            return Pll.from_value(value, self.chip).mhz
        except DriverError:
            return 0.0
