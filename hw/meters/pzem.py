"""Peacefair PZEM-004T, version 3 and 4: an AC meter for 80 to 260 V and 10 A or 100 A, Modbus RTU at 9600 baud, 8N1.

Ten input registers from 0 on; the parts of a number of two registers come low part first:

==========  =====================  =========
registers   what                   unit
==========  =====================  =========
0           voltage                0.1 V
1, 2        current                0.001 A
3, 4        power                  0.1 W
5, 6        energy                 1 Wh
7           frequency              0.1 Hz
8           power factor           0.01
9           alarm                  0xFFFF: on
==========  =====================  =========

Power and energy within 0.5 %, power from 0.4 W on, energy up to 9999.99 kWh; what comes after that is not told, so a counter
that falls is an error here, never a wrap. Source: Peacefair, "PZEM-004T V3.0 User Manual", 1.3, 1.6, 2.1 to 2.3. That version 4
has the same registers is what users found (tasmota/docs, pull request 1477; mandulaj/PZEM-004T-v30, report 139), not what a
manual that we know says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from hw.meters.line import line_setting, open_line
from hw.meters.modbus import ModbusRegisters, SerialSetting
from hw.meters.wall import WallMeter, WallReading
from hw.units import J_PER_WH

BAUD: Final = 9600
REGISTERS: Final = 10
UNITS_PER_W: Final = 10
UNIT_WORD: Final = 1 << 16  # of the high part of a number


class Pzem:
    """A PZEM-004T whose `registers` can be read."""

    step_j = float(J_PER_WH)
    step_w = 1 / UNITS_PER_W

    def __init__(self, registers: ModbusRegisters, name: str) -> None:
        self.name = name
        self._registers = registers

    def read(self) -> WallReading:
        """Return its power and its energy, of one moment."""
        return reading_of(self._registers.read(0, REGISTERS))

    def close(self) -> None:
        """Give the port back."""
        self._registers.close()


def reading_of(registers: Sequence[int]) -> WallReading:
    """Return what the ten registers say."""
    return WallReading(
        power_w=(registers[3] + registers[4] * UNIT_WORD) / UNITS_PER_W,
        counted_j=(registers[5] + registers[6] * UNIT_WORD) * J_PER_WH,
    )


def check(rest: str) -> SerialSetting:
    """Return which port and address `rest` asks for; raise MeterError if it makes no sense."""
    return line_setting("pzem", rest, SerialSetting(path="", baud=BAUD))


def open_meter(rest: str, *, clock: Callable[[], float] = time.monotonic) -> WallMeter:
    """Open the meter of ``pzem:/dev/ttyUSB0`` or ``pzem:/dev/ttyUSB0,address=2``."""
    setting = check(rest)
    registers = open_line(setting)
    return WallMeter(Pzem(registers, f"PZEM-004T at {setting.path}, address {setting.address}"), clock=clock)
