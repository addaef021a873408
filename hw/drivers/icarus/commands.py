"""The commands of Antminer U1 and U2: four bytes that set their clock, on the same line as work and without a frame.

    [command | 0x80] [register, highest byte first: 2] [CRC5 over the first 27 bits]

A device tells a command from the first bytes of work by the command's number and the CRC. The clock's register (BM1380) is
bs << 14 | m << 7 | n << 2 | od, and the clock 25 MHz (m + 1) / ((n + 1) 2^od); bs is 1 where clock times 2^od is 500 MHz or
more.

Source: bfgminer ``driver-antminer.c``, cgminer ``driver-icarus.c``.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from hw.drivers.bm13xx.crc import crc5
from hw.drivers.errors import FrameError, SettingError

COMMAND_BYTES: Final = 4
SET_CLOCK: Final = 2
READ_CLOCK: Final = 4
SLOWEST_MHZ, FASTEST_MHZ = 125.0, 500.0  # MHz, which cgminer takes for U1 and U2; ckolivas/cgminer ASIC-README
CRYSTAL_MHZ: Final = 25.0
FAST_MHZ: Final = 500.0  # MHz of clock times 2^od, from which on bs is set; cgminer anu_find_freqhex

_PREFIX: Final = 0x80
_CRC_BITS: Final = 27
_KNOWN: Final = {_PREFIX | SET_CLOCK, _PREFIX | READ_CLOCK}


class Clock(NamedTuple):
    """The fields of the clock's register; `od` is an exponent."""

    m: int
    n: int
    od: int

    @property
    def mhz(self) -> float:
        """The clock [MHz]."""
        return CRYSTAL_MHZ * (self.m + 1) / ((self.n + 1) << self.od)

    @property
    def register(self) -> int:
        """The register's 16 bits."""
        fast = self.mhz * (1 << self.od) >= FAST_MHZ
        return fast << 14 | self.m << 7 | self.n << 2 | self.od

    @classmethod
    def from_register(cls, value: int) -> Clock:
        """Read the register's 16 bits."""
        return cls(value >> 7 & 0x7F, value >> 2 & 0x1F, value & 0x3)


def nearest_clock(wish_mhz: float) -> Clock:
    """Return the clock nearest to `wish_mhz` [MHz], with the smallest fields of those that are as near.

    Raises
    ------
    SettingError
        If the wish is outside 125 to 500 MHz.
    """
    if not SLOWEST_MHZ <= wish_mhz <= FASTEST_MHZ:
        raise SettingError(f"a clock of {wish_mhz:g} MHz; Antminer U1 and U2 take {SLOWEST_MHZ:g} to {FASTEST_MHZ:g} MHz")
    every = (Clock(m, n, od) for od in range(4) for n in range(32) for m in range(128))
    return min(every, key=lambda clock: (abs(clock.mhz - wish_mhz), abs(clock.od - 1), clock.n, clock.m))


def set_clock(clock: Clock) -> bytes:
    """Return the four bytes that set a clock."""
    head = bytes([_PREFIX | SET_CLOCK]) + clock.register.to_bytes(2)
    return head + bytes([crc5(head + b"\0", _CRC_BITS)])


def looks_like_command(data: bytes) -> bool:
    """Tell whether `data` begins with a command; 64 bytes of work do so once in 4,000 times."""
    if len(data) < COMMAND_BYTES or data[0] not in _KNOWN:
        return False
    return crc5(data[:3] + b"\0", _CRC_BITS) == data[3] & 0x1F


def clock_of(command: bytes) -> Clock | None:
    """Return the clock that a command sets, or None if it sets none; raise FrameError if it is no command."""
    if not looks_like_command(command):
        raise FrameError(f"{command[:COMMAND_BYTES].hex(' ')} is no command of an Antminer U1")
    return Clock.from_register(int.from_bytes(command[1:3])) if command[0] == _PREFIX | SET_CLOCK else None
