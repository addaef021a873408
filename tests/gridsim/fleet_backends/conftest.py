"""Some machines: two designs, several settings, and what breaks."""

from __future__ import annotations

import numpy as np
import pytest

from gridsim.fleet_backends.machines import Around, Machines
from hw.catalogue import entry, machine
from hw.designs import bitaxe_gamma, s19_kind
from hw.faults import inject
from hw.health import healthy
from hw.operating_point import Setting
from hw.protection import ESP_MINER, LUXOS
from hw.stepping.figures import Condition

S19J_PRO = s19_kind(machine("Antminer S19j Pro (104Th)"))
GAMMA = bitaxe_gamma(entry("Bitaxe Gamma (600/601)").machine)


def conditions() -> tuple[Condition, ...]:
    whole = healthy(3, 126)
    broken = ["dead chip", "dead board", "fan failure", "overheating", "hang", "silent zero", "supply trip"]
    healths = [whole, *(inject(whole, fault, unit=0) for fault in broken)]
    big = [
        Condition(design=S19J_PRO, setting=Setting(frequency_mhz=clock), health=health, rule=LUXOS)
        for clock in (495.0, 545.0)
        for health in healths
    ]
    small = Condition(design=GAMMA, setting=Setting(frequency_mhz=525.0), health=healthy(1, 1), rule=ESP_MINER)
    return (*big, small)


@pytest.fixture(scope="session")
def machines() -> Machines:
    """101 machines: no multiple of any number of lanes, all conditions among them."""
    kinds = conditions()
    return Machines(kinds, np.arange(101, dtype=np.int64) % len(kinds))


@pytest.fixture(scope="session")
def weather() -> Around:
    """Cool and hot air, an hour asleep, half an hour at work, one in the dark."""
    ambient_c = 20 + 25 * np.sin(np.arange(30) / 3.0)
    at_work, asleep = np.ones(30), np.zeros(30)
    at_work[4:7], asleep[4:6] = [0.0, 0.5, 0.0], [1.0, 0.25]
    return Around(ambient_c, at_work, asleep)


@pytest.fixture(scope="session")
def orders(weather: Around) -> Around:
    """The same with one order in each step."""
    return Around(weather.ambient_c, np.floor(weather.at_work), np.ceil(weather.asleep) * (weather.at_work < 1))
