"""The registers that matter, and the fields in their 32 bits; on the wire the highest byte goes first.

A register may have another meaning on another chip: what is said here holds for BM1362 and later, and for BM1397 where it is
named. Source: REFERENCE.md beside this file, or what is named beside the number.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from hw.drivers.errors import FrameError, SettingError

CRYSTAL_HZ: Final = 25_000_000  # Hz, the clock that every chip is given; skot/BM1397 protocol.md
WORD: Final = 0xFFFFFFFF


class Register(IntEnum):
    """Numbers of registers."""

    CHIP_ID = 0x00
    PLL = 0x08
    NONCE_OFFSET = 0x0C  # 256foundation/mujina bm13xx/REFERENCE.md
    HASH_COUNTING = 0x10
    TICKET_MASK = 0x14
    MISC = 0x18
    UART = 0x28
    UART_RELAY = 0x2C
    MAILBOX = 0x3C
    ERROR_COUNT = 0x4C
    ANALOG_MUX = 0x54
    IO_STRENGTH = 0x58  # 256foundation/mujina bm13xx/REFERENCE.md
    PLL3 = 0x68  # BM1397; something else on BM1368 and BM1370
    PLL_DIVIDER = 0x70  # BM1397; skot/BM1397 registers.md
    HASH_COUNT = 0x8C  # BM1362 and later; clock order status on BM1397
    VERSION_MASK = 0xA4
    SOFT_RESET = 0xA8
    TEMPERATURE_CONTROL = 0xB0
    TEMPERATURE = 0xB4


# 14: which hashes are told

MOST_TICKET_BITS: Final = 32


def ticket_mask(difficulty: float) -> int:
    """Return register 14 for the hardest power of two that is no harder than `difficulty`, 1 or more.

    The register holds 2^n - 1 with the bits of each byte reversed; n zero bits are wanted beyond the 32 that always are.
    """
    if not 1 <= difficulty <= 1 << MOST_TICKET_BITS:
        raise SettingError(f"a ticket difficulty of {difficulty}; want 1 to 2^{MOST_TICKET_BITS}")
    return _reverse_bits((1 << int(difficulty).bit_length() - 1) - 1)


def ticket_difficulty(value: int) -> int:
    """Return the difficulty, a power of two, that register 14 with `value` asks for."""
    mask = _reverse_bits(_word(value))
    if mask & mask + 1:
        raise FrameError(f"ticket mask {value:#010x} is not 2^n - 1 with the bits of each byte reversed")
    return mask + 1


def ticket_bits(value: int) -> int:
    """Return how many zero bits beyond 32 register 14 with `value` asks for."""
    return ticket_difficulty(value).bit_length() - 1


def _reverse_bits(value: int) -> int:
    """Return 32 bits with those of each byte reversed."""
    return int.from_bytes(int(f"{byte:08b}"[::-1], 2) for byte in value.to_bytes(4))


# 28, and 18 on BM1397: the rate of the line

_UART_WRITTEN: Final = 0x11300000  # as hosts write it, with divider 0; capture of an S19j Pro, mujina REFERENCE.md
_MISC_WRITTEN: Final = 0x00006031  # BM1397, with divider 0; bitaxeorg/ESP-Miner bm1397.c
_MISC_PLL3_CLOCK: Final = 1 << 16  # BCLK_SEL: the line then runs from PLL3; skot/BM1397 registers.md
BAUD_TOLERANCE: Final = 0.05  # 1 MBd is written as 1,041,667 Bd, 4.2 % off, and works; ESP-Miner, mujina REFERENCE.md


def baud_value(register: Register, baud: float) -> int:
    """Return what to write into `register`, UART or on BM1397 MISC, for the rate [Bd] nearest to `baud`.

    Raises
    ------
    SettingError
        If no divider comes within 5 %, or `register` sets no rate.
    """
    if not baud > 0:
        raise SettingError(f"a line at {baud} Bd; want more than 0")
    most = 1 << (9 if register is Register.MISC else 8)
    ratio = CRYSTAL_HZ / (8 * baud)
    divider = round(min(max(ratio, 1), most)) - 1
    if abs(ratio / (divider + 1) - 1) > BAUD_TOLERANCE:
        raise SettingError(f"a line at {baud} Bd; the nearest that the chip has is {_baud(divider):.0f} Bd")
    if register is Register.MISC:
        return _MISC_WRITTEN | (divider & 0x1F) << 8 | (divider >> 5) << 24
    if register is Register.UART:
        return _UART_WRITTEN | divider << 8
    raise SettingError(f"register {register:#04x} sets no rate; want UART, or MISC on BM1397")


def baud_of(register: Register, value: int) -> float:
    """Return the rate [Bd] that `value` in `register`, UART or on BM1397 MISC, sets: 25 MHz / (8 (divider + 1))."""
    _word(value)
    if register is Register.UART:
        return _baud(value >> 8 & 0xFF)
    if register is not Register.MISC:
        raise SettingError(f"register {register:#04x} sets no rate; want UART, or MISC on BM1397")
    if value & _MISC_PLL3_CLOCK:
        raise SettingError(f"MISC {value:#010x} takes the line's clock from PLL3, which is not modelled")
    return _baud((value >> 8 & 0x1F) | (value >> 24 & 0xF) << 5)


def _baud(divider: int) -> float:
    return CRYSTAL_HZ / (8 * (divider + 1))


# A4: which version bits are rolled

VERSION_SHIFT: Final = 13  # the field's lowest bit is bit 13 of the version; BIP 320
_ROLL: Final = 0x90000000  # roll, and make midstates; mujina REFERENCE.md


def version_mask_value(mask: int) -> int:
    """Return register A4 for a Stratum version mask; bits outside 13 to 28 are left out, for the chip cannot roll them."""
    return _ROLL | _word(mask) >> VERSION_SHIFT & 0xFFFF


def version_mask_of(value: int) -> int:
    """Return the Stratum version mask that register A4 with `value` rolls."""
    return (_word(value) & 0xFFFF) << VERSION_SHIFT


def rolls_versions(value: int) -> bool:
    """Tell whether register A4 with `value` rolls versions, from which on answers have 11 bytes."""
    return bool(_word(value) & 1 << 31)


# 3C: the registers within the cores


def core_write(register: int, value: int, core: int | None = None) -> int:
    """Return mailbox word 3C that writes `value` (8 bits) into `register` (5 bits) of one core, or of all if that is None.

    Fields: 256foundation/mujina bm13xx/REFERENCE.md, held against the words that hosts write.
    """
    if not (0 <= register < 1 << 5 and 0 <= value < 1 << 8 and 0 <= (core or 0) < 1 << 8):
        raise FrameError(f"core {core}, register {register}, value {value}; want 8, 5 and 8 bits")
    to_whom = 1 << 31 if core is None else core << 16
    return to_whom | 1 << 15 | register << 8 | value


# 4C and 8C: how well it hashes


def error_ratio(errors: int, hashes: int) -> float:
    """Return the part of wrong hashes, from the growths of registers 4C and 8C; 0 where there was no hash."""
    return errors / hashes if hashes else 0.0


def _word(value: int) -> int:
    if not 0 <= value <= WORD:
        raise FrameError(f"{value:#x} does not fit the 32 bits of a register")
    return value
