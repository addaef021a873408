"""Which devices can be emulated, by name: a new one is a row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hw.drivers.errors import SettingError
from hw.drivers.icarus.family import PROFILES, profile
from hw.emulators.faults import Fault, Faults
from hw.emulators.icarus import IcarusEmulator, Setting
from hw.emulators.serving import Emulator
from hw.finder import Finder

Wake = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatedModel:
    """A device that can be emulated: title, hash rate [H/s] if no other is asked for, its source, the faults it can have."""

    name: str
    title: str
    hashrate_hps: float
    source: str
    faults: frozenset[Fault]
    build: Callable[[float, Faults, Finder, Wake], Emulator]


def _icarus(name: str) -> EmulatedModel:
    kind = profile(name)

    def build(rate_hps: float, faults: Faults, finder: Finder, wake: Wake) -> Emulator:
        return IcarusEmulator(Setting(profile=kind, rate_hps=rate_hps, faults=faults), finder, wake)

    return EmulatedModel(
        name=name,
        title=kind.title,
        hashrate_hps=kind.hashrate_hps,
        source=kind.source,
        faults=frozenset(Fault) - {Fault.BAD_CRC},  # its answers have no check digits
        build=build,
    )


MODELS: Final = {name: _icarus(name) for name in PROFILES}


def emulated_model(name: str) -> EmulatedModel:
    """Return the model called `name`; raise SettingError with those known."""
    if name not in MODELS:
        raise SettingError(f"no emulated device {name!r}; known: {', '.join(MODELS)}")
    return MODELS[name]
