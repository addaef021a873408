"""The table of meters, by the word with which their specification begins."""

from __future__ import annotations

from importlib import import_module
from typing import Final, cast

from hw.errors import MeterError
from hw.meters.meter import PowerMeter

METERS: Final = {
    "nameplate": "hw.meters.nameplate",
    "nvml": "hw.meters.nvml",
    "rapl": "hw.meters.rapl",
    "pzem": "hw.meters.pzem",
    "sdm120": "hw.meters.sdm120",
    "simulated": "hw.meters.simulated",
}
"""Meters by name; each module has `open_meter(rest)`, which gets what follows the colon."""


def check_meter(specification: str) -> None:
    """Raise MeterError unless a specification begins with the name of a meter."""
    name = specification.partition(":")[0]
    if name not in METERS:
        raise MeterError(f"no meter {name!r}; known: {', '.join(METERS)}")


def open_meter(specification: str) -> PowerMeter:
    """Open the meter that a specification such as ``rapl``, ``nameplate:65`` or ``pzem:/dev/ttyUSB0`` names.

    Raises
    ------
    MeterError
        If there is none of that name, or the rest makes no sense.
    MeterUnavailableError
        If this machine has no such instrument, or may not read it.
    """
    name, _, rest = specification.partition(":")
    check_meter(specification)
    return cast("PowerMeter", import_module(METERS[name]).open_meter(rest))
