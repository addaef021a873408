"""From a fresh chain of chips to one that hashes: count them, give them addresses, set registers, raise the clock in steps.

Source: REFERENCE.md beside this file; the order is that of the hosts seen there. Tried on emulated chains only, on no hardware.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hw.drivers.bm13xx.chips import CHIPS, Chip
from hw.drivers.bm13xx.commands import ChainInactive, Command, ReadRegister, SetAddress, WriteRegister
from hw.drivers.bm13xx.jobs import JobForm
from hw.drivers.bm13xx.pll import Pll, choose_pll, sweep_ticks
from hw.drivers.bm13xx.registers import Register, baud_value, core_write, ticket_mask, version_mask_value
from hw.drivers.bm13xx.responses import RegisterResponse
from hw.drivers.errors import ProbeError, SettingError

ADDRESSES: Final = 256
MOST_CHIPS: Final = 128
FIRST_MHZ: Final = 56.25  # MHz, where hosts begin; ESP-Miner, piaxe
STEP_MHZ: Final = 6.25  # MHz, by which they go up; the same
STEP_S: Final = 0.1  # s, between steps; the same
VERSION_MASK_WRITES: Final = 3  # hosts write it three times, since a chip may miss the first; piaxe

_SOFT_RESET: Final = 0x000701F0  # A8, before the cores are set up; piaxe, ESP-Miner
_NONCES_OUT: Final = 0xF000C100  # 18, lets nonces out; the same
_CORE_SETTINGS: Final = ((0x0B, 0x00), (0x00, 0x20), (0x02, 0xAA))  # 3C: register and value, to each chip; the same


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPlan:
    """How a chain is to be run.

    `chips` is how many there must be, None for any number; `clock_mhz` the clock [MHz], None for the chip's own; a hash is told
    from `ticket_difficulty` on; `baud` is the speed of the line [Bd], None to leave it; `step_s` the time between steps of
    the clock [s].
    """

    chip: Chip
    chips: int | None = None
    clock_mhz: float | None = None
    ticket_difficulty: int = 1
    baud: int | None = None
    step_s: float = STEP_S

    def __post_init__(self) -> None:
        if self.chips is not None and not 1 <= self.chips <= MOST_CHIPS:
            raise SettingError(f"a chain of {self.chips} chips; want 1 to {MOST_CHIPS}")

    @property
    def goal_mhz(self) -> float:
        """The clock to reach [MHz]."""
        return self.chip.default_mhz if self.clock_mhz is None else self.clock_mhz


def discovery(chip: Chip) -> list[Command]:
    """Return the commands that make every chip of a chain tell its kind."""
    rolling = version_mask_value(0)
    first: list[Command] = [] if chip.job_form is JobForm.MIDSTATE else [WriteRegister(Register.VERSION_MASK, rolling)]
    return [*first * VERSION_MASK_WRITES, ReadRegister(Register.CHIP_ID)]


def count_chips(plan: ChainPlan, answers: list[RegisterResponse], port: str) -> int:
    """Return how many chips answered.

    Raises
    ------
    ProbeError
        If none did, or chips of another kind, or more or fewer than there must be.
    """
    told = [answer for answer in answers if answer.register == Register.CHIP_ID]
    if not told:
        raise ProbeError(f"{port}: no {plan.chip.name}: no chip answered")
    others = {answer.value >> 16 for answer in told} - {plan.chip.chip_id}
    if others:
        names = [next((chip.name for chip in CHIPS.values() if chip.chip_id == other), f"chip {other:04x}") for other in others]
        raise ProbeError(f"{port}: no {plan.chip.name}: {', '.join(sorted(names))} answered")
    if plan.chips is not None and len(told) != plan.chips:
        raise ProbeError(f"{port}: {len(told)} of {plan.chips} chips {plan.chip.name} answered; is the chain broken?")
    return len(told)


def address_interval(chips: int) -> int:
    """Return by how much addresses go up, such that all fit."""
    return ADDRESSES // (1 << (chips - 1).bit_length())


def setting_up(plan: ChainPlan, chips: int) -> Iterator[Command]:
    """Yield what gives each chip its address and lets it hash, but for the clock."""
    addresses = [place * address_interval(chips) for place in range(chips)]
    yield ChainInactive()
    for address in addresses:
        yield SetAddress(address)
    yield WriteRegister(Register.TICKET_MASK, ticket_mask(plan.ticket_difficulty))
    if plan.chip.job_form is JobForm.MIDSTATE:
        return
    for address in addresses:
        yield WriteRegister(Register.SOFT_RESET, _SOFT_RESET, address)
        yield WriteRegister(Register.MISC, _NONCES_OUT, address)
        for register, value in _CORE_SETTINGS:
            yield WriteRegister(Register.MAILBOX, core_write(register, value), address)


def faster_line(plan: ChainPlan, baud: int) -> Command:
    """Return the command after which the line runs at `baud` [Bd]."""
    return WriteRegister(plan.chip.baud_register, baud_value(plan.chip.baud_register, baud))


def clock_steps(from_mhz: float, to_mhz: float) -> list[float]:
    """Return the clocks [MHz] to set one after the other, the last the wished one."""
    start = max(from_mhz, FIRST_MHZ)
    steps = []
    while start + STEP_MHZ < to_mhz:
        start += STEP_MHZ
        steps.append(start)
    return [*steps, to_mhz]


def set_clock(chip: Chip, chips: int, wish_mhz: float) -> tuple[Pll, Command]:
    """Return the setting nearest to a clock [MHz], and the command that fits the chips' sweep to it and starts it."""
    pll = choose_pll(chip, wish_mhz)
    return pll, WriteRegister(Register.HASH_COUNTING, sweep_ticks(chip, pll, chips))
