"""Devices by name and place, such as ``bm1366:/dev/ttyUSB0`` or ``compute@rapl``, metered. A new driver is one row here."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final

from hw.compute import ComputeDevice
from hw.device import Device
from hw.drivers.bm13xx.bringup import ChainPlan
from hw.drivers.bm13xx.chips import CHIPS, Chip
from hw.drivers.bm13xx.driver import Bm13xxDevice
from hw.drivers.errors import SettingError
from hw.drivers.icarus.driver import IcarusDevice
from hw.drivers.icarus.family import PROFILES, IcarusProfile
from hw.drivers.icarus.frames import BAUD
from hw.drivers.port import SerialPort
from hw.metered import MeteredDevice
from hw.meters.registry import check_meter, open_meter

FAST_BAUD: Final = 1_000_000  # of chains once they are up, as hosts set it


def _icarus(kind: IcarusProfile) -> Callable[[str], Device]:
    return lambda path: IcarusDevice(kind, lambda: SerialPort(path, BAUD), time.monotonic)


def _chain(chip: Chip) -> Callable[[str], Device]:
    return lambda path: Bm13xxDevice(ChainPlan(chip=chip, baud=FAST_BAUD), lambda: SerialPort(path, BAUD))


DRIVERS: Final[dict[str, Callable[[str], Device]]] = {
    **{name: _icarus(kind) for name, kind in PROFILES.items()},
    **{name.lower(): _chain(chip) for name, chip in CHIPS.items()},
    "compute": lambda backend: ComputeDevice(backend or "auto"),
}
"""What makes a device of what follows the colon: the path of its port; for `compute`, the backend."""


def device_from(specification: str) -> Device:
    """Return the device that a specification names, not yet open; behind an @ stands the meter at its plug, if it has one.

    Raises
    ------
    SettingError
        If there is no driver of that name, or no port where one is needed.
    MeterError
        If there is no meter of that name, or what follows it makes no sense.
    """
    plain, at, meter = specification.partition("@")
    device = _plain(plain)
    if not at:
        return device
    check_meter(meter)
    return MeteredDevice(device, partial(open_meter, meter))


def _plain(specification: str) -> Device:
    name, _, rest = specification.partition(":")
    if name not in DRIVERS:
        raise SettingError(f"no device {name!r}; known: {', '.join(DRIVERS)}, each with its port, such as erupter:/dev/ttyUSB0")
    if not rest and name != "compute":
        raise SettingError(f"{name}: at which port? want for example {name}:/dev/ttyUSB0")
    return DRIVERS[name](rest)
