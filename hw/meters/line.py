"""The serial line that the specification of a wall meter names: a port, and options for address, speed and patience."""

from __future__ import annotations

from dataclasses import replace

from hw.drivers.errors import PortError
from hw.errors import MeterError, MeterUnavailableError
from hw.meters.modbus import ModbusRegisters, SerialSetting
from hw.meters.options import number, split_options, whole_number

ADDRESSES = range(1, 248)  # Modbus over Serial Line V1.02, 2.2: 0 is for all, 248 and more are reserved
ANSWERS_S = (0.05, 10.0)


def line_setting(meter: str, rest: str, default: SerialSetting, bauds: tuple[int, ...] = ()) -> SerialSetting:
    """Return what ``PORT[,address=1][,baud=2400][,wait=1]`` asks for; `baud` is an option only where there are several `bauds`.

    Raises
    ------
    MeterError
        If there is no port, an option is unknown, or has no value that could be.
    """
    path, options = split_options(meter, rest, ("address", "baud", "wait") if bauds else ("address", "wait"))
    if not path:
        raise MeterError(f"{meter}: at which port? want for example {meter}:/dev/ttyUSB0")
    if "://" in path:
        raise MeterError(f"{meter}:{path[:60]}: an address; want the path of a device, such as /dev/ttyUSB0")
    wait_s = number(meter, options, "wait", default.answer_s)
    if not ANSWERS_S[0] <= wait_s <= ANSWERS_S[1]:
        raise MeterError(f"{meter}: wait={wait_s:g}; want seconds from {ANSWERS_S[0]:g} to {ANSWERS_S[1]:g}")
    baud = options.get("baud", str(default.baud))
    if bauds and baud not in map(str, bauds):
        raise MeterError(f"{meter}: baud={baud[:40]}; want one of {', '.join(map(str, bauds))}")
    address = whole_number(meter, options, "address", ADDRESSES, default.address)
    return replace(default, path=path, baud=int(baud), address=address, answer_s=wait_s)


def open_line(setting: SerialSetting) -> ModbusRegisters:
    """Open the port of a meter.

    Raises
    ------
    MeterUnavailableError
        If pymodbus is missing or the port cannot be opened.
    """
    try:
        return ModbusRegisters(setting)
    except PortError as error:
        raise MeterUnavailableError(str(error)) from None
