"""The table of meters, by the word with which their specification begins."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
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
"""Meters by name; each module has `check(rest)` and `open_meter(rest)`, which get what follows the colon."""

ON_PAPER: Final = frozenset({"nameplate", "simulated"})  # which measure nothing, so that one may stand for many


def check_meter(specification: str) -> None:
    """Raise MeterError unless a specification names a meter, and what follows makes sense; whether it is there is not asked."""
    module, rest = _named(specification)
    module.check(rest)


def open_meter(specification: str) -> PowerMeter:
    """Open the meter that a specification such as ``rapl``, ``nameplate:65`` or ``pzem:/dev/ttyUSB0`` names.

    Raises
    ------
    MeterError
        If there is none of that name, or the rest makes no sense.
    MeterUnavailableError
        If this machine has no such instrument, or may not read it.
    """
    module, rest = _named(specification)
    module.check(rest)  # what makes no sense does so on a machine without the instrument too
    return cast("PowerMeter", module.open_meter(rest))


def _named(specification: str) -> tuple[ModuleType, str]:
    """Return the module of the meter, and what follows its name."""
    name, _, rest = specification.partition(":")
    if name not in METERS:
        raise MeterError(f"no meter {name!r}; known: {', '.join(METERS)}")
    return import_module(METERS[name]), rest
