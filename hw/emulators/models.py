"""Which devices can be emulated, by name: a new one is a row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hw.drivers.bm13xx.chips import CHIPS, Chip
from hw.drivers.errors import SettingError
from hw.drivers.icarus.family import PROFILES, profile
from hw.emulators.bm13xx import Bm13xxEmulator, ChainSetting
from hw.emulators.faults import Fault, Faults
from hw.emulators.icarus import IcarusEmulator, Setting
from hw.emulators.serving import Emulator
from hw.finder import Finder

Wake = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatedModel:
    """A device that can be emulated: title, hash rate [H/s], its source, the faults it can have.

    `rate_is_free` tells whether another rate may be declared; chips of a chain hash as fast as their host clocks them.
    `draws` tells whether its power is modelled, `by_word` whether it counts the message's words up and not the nonces, and
    `parts` how many equal parts of them it searches at the same time.
    """

    name: str
    title: str
    hashrate_hps: float
    source: str
    faults: frozenset[Fault]
    rate_is_free: bool
    draws: bool
    by_word: bool
    parts: int
    build: Callable[[Wanted, Finder, Wake], Emulator]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of a model: a hash rate [H/s] where that is free, a number of chips where there are several, faults.

    `started_s` [s] is the time on the clock of whoever serves it.
    """

    rate_hps: float
    chips: int = 1
    started_s: float = 0.0
    faults: Faults = field(default_factory=Faults)


def _icarus(name: str) -> EmulatedModel:
    kind = profile(name)

    def build(wanted: Wanted, finder: Finder, wake: Wake) -> Emulator:
        return IcarusEmulator(Setting(profile=kind, rate_hps=wanted.rate_hps, faults=wanted.faults), finder, wake)

    return EmulatedModel(
        name=name,
        title=kind.title,
        hashrate_hps=kind.hashrate_hps,
        source=kind.source,
        faults=frozenset(Fault) - {Fault.BAD_CRC},  # its answers have no check digits
        rate_is_free=True,
        draws=False,
        by_word=True,
        parts=kind.parts,
        build=build,
    )


def _chain(chip: Chip) -> EmulatedModel:
    def build(wanted: Wanted, finder: Finder, wake: Wake) -> Emulator:
        return Bm13xxEmulator(_setting(chip, wanted), finder, wake)

    return EmulatedModel(
        name=chip.name.lower(),
        title=f"{chip.name} chips",
        hashrate_hps=chip.hashrate_hps(chip.default_mhz),
        source="small cores times the clock as sold; hw/drivers/bm13xx/REFERENCE.md",
        faults=frozenset(Fault),
        rate_is_free=False,
        draws=True,
        by_word=False,  # how chips share the nonces among their cores is not known
        parts=1,
        build=build,
    )


def _setting(chip: Chip, wanted: Wanted) -> ChainSetting:
    return ChainSetting(chip=chip, count=wanted.chips, faults=wanted.faults, started_s=wanted.started_s)


MODELS: Final = {
    model.name: model for model in (*(_icarus(name) for name in PROFILES), *(_chain(chip) for chip in CHIPS.values()))
}


def emulated_model(name: str) -> EmulatedModel:
    """Return the model called `name`; raise SettingError with those known."""
    if name not in MODELS:
        raise SettingError(f"no emulated device {name!r}; known: {', '.join(MODELS)}")
    return MODELS[name]
