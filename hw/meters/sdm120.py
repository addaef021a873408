"""Eastron SDM120-Modbus: a single-phase meter for 230 V and 45 A, Modbus RTU at 2400 baud unless set otherwise, 8N1.

Input registers hold floats (IEEE 754, 32 bits) in two registers each, high part first: active power [W] at 0x000C, negative
when it flows out; energy that flowed in [kWh] at 0x0048, and out at 0x004A.

Source: Eastron, "SDM120C User Manual" (2014, V1.0), tables of input registers and of speeds (1200, 2400 as sold, 4800, 9600);
the same registers, order and speed in the package sdm-modbus 0.7.0. Accuracy: class 1 of IEC 62053-21, that is 1 % (Eastron,
data sheet of the SDM120). In which steps the counter and the power move is told nowhere that we know. 0.01 kWh is **assumed**,
as the coarsest that a meter of its kind shows: too coarse a step loosens what the sum is held to, and falsifies nothing. 0.1 W
is **assumed** too, as that of the PZEM-004T.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Sequence
from typing import Final

from hw.meters.line import line_setting, open_line
from hw.meters.modbus import ModbusRegisters, SerialSetting
from hw.meters.wall import WallMeter, WallReading
from hw.units import J_PER_KWH

BAUD: Final = 2400
BAUDS: Final = (1200, 2400, 4800, 9600)
POWER: Final = 0x000C
ENERGY_IN: Final = 0x0048
STEP_J: Final = 0.01 * J_PER_KWH  # assumed, see above
STEP_W: Final = 0.1  # assumed, see above


class Sdm120:
    """An SDM120 whose `registers` can be read."""

    step_j, step_w = STEP_J, STEP_W

    def __init__(self, registers: ModbusRegisters, name: str) -> None:
        self.name = name
        self._registers = registers

    def read(self) -> WallReading:
        """Return its energy and, one answer later, its power. Energy out is asked for only to tell the two answers apart."""
        counted_kwh = float_of(self._registers.read(ENERGY_IN, 4))
        return WallReading(power_w=float_of(self._registers.read(POWER, 2)), counted_j=counted_kwh * J_PER_KWH)

    def close(self) -> None:
        """Give the port back."""
        self._registers.close()


def float_of(registers: Sequence[int]) -> float:
    """Return the number in the first two registers."""
    value: float = struct.unpack(">f", struct.pack(">HH", *registers[:2]))[0]
    return value


def check(rest: str) -> SerialSetting:
    """Return which port and address `rest` asks for; raise MeterError if it makes no sense."""
    return line_setting("sdm120", rest, SerialSetting(path="", baud=BAUD), BAUDS)


def open_meter(rest: str, *, clock: Callable[[], float] = time.monotonic) -> WallMeter:
    """Open the meter of ``sdm120:/dev/ttyUSB0`` or ``sdm120:/dev/ttyUSB0,address=2,baud=9600``."""
    setting = check(rest)
    registers = open_line(setting)
    return WallMeter(Sdm120(registers, f"SDM120 at {setting.path}, address {setting.address}"), clock=clock)
