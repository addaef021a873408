"""Backends for arrays of machines: loaded on demand, and refused if they come to other watts than the reference."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final, cast

import numpy as np

from gridsim.errors import FleetBackendUnavailableError, FleetSelfTestError
from gridsim.fleet_backends.machines import Around, FleetBackend, FleetRun, Machines, cold
from hw.catalogue import machine
from hw.designs import s19_kind
from hw.health import dead_board, healthy, supply_trip
from hw.operating_point import Setting
from hw.protection import ESP_MINER, LUXOS
from hw.stepping.figures import Condition

FLEET_BACKENDS: Final = {
    "numba-cpu": ("gridsim.fleet_backends.numba_cpu", "NumbaCpu"),
    "reference": ("gridsim.fleet_backends.reference", "Reference"),
}
"""Backends by name, the fastest first; `auto` takes the first that loads."""

TESTED_STEP_S, TESTED_START_C = 60.0, 60.0  # s, degC: the first steps already slow a machine down
CLOSE: Final = 1e-12  # how near to the reference a backend must come, relative


def load(name: str = "auto") -> FleetBackend:
    """Return the backend called `name`, or the fastest one that works here for `auto`.

    Raises
    ------
    FleetBackendUnavailableError
        If there is none of that name, or what it needs is missing.
    FleetSelfTestError
        If it comes to other watts than the reference.
    """
    if name != "auto":
        return _load(name)
    reasons = []
    for candidate in FLEET_BACKENDS:
        try:
            return _load(candidate)
        except FleetBackendUnavailableError as error:
            reasons.append(str(error))
    raise FleetBackendUnavailableError("no backend works here: " + "; ".join(reasons))


@cache
def _load(name: str) -> FleetBackend:
    if name not in FLEET_BACKENDS:
        raise FleetBackendUnavailableError(
            f"no backend {name!r} for arrays of machines; known: auto, {', '.join(FLEET_BACKENDS)}"
        )
    module, made = FLEET_BACKENDS[name]
    try:
        backend = cast(FleetBackend, getattr(import_module(module), made)())
    except ImportError as error:
        raise FleetBackendUnavailableError(f"backend {name!r} cannot be loaded: {error}") from error
    self_test(name, backend)
    return backend


def self_test(name: str, backend: FleetBackend) -> None:
    """Take some machines through hot and cold air, sleep and darkness; raise FleetSelfTestError if `backend` errs."""
    from gridsim.fleet_backends.reference import Reference

    machines, around = tested()
    runs = []
    for one in (backend, Reference()):
        moving = one.moving(machines, TESTED_STEP_S, cold(machines, TESTED_START_C))
        runs.append([one.steady(machines, around, 3600.0), moving.run(around)])
    for found, wanted in zip(*runs, strict=True):
        _compare(name, found, wanted)


def tested() -> tuple[Machines, Around]:
    """Return what a backend is tested on: one machine of each rule against heat, one with a dead board, one that tripped.

    They begin hot in hot air, so that firmware slows them down and stops them, and cool down until they come back.
    """
    design, whole = s19_kind(machine("Antminer S19j Pro (104Th)")), healthy(3, 126)
    setting = Setting(frequency_mhz=design.build.frequency_mhz)
    kinds = [(whole, LUXOS), (whole, ESP_MINER), (dead_board(whole, 1), LUXOS), (supply_trip(whole), LUXOS)]
    conditions = tuple(Condition(design=design, setting=setting, health=health, rule=rule) for health, rule in kinds)
    ambient_c, at_work, asleep = np.repeat([42.0, 60.0, -10.0], 8), np.ones(24), np.zeros(24)
    at_work[20:22], asleep[20] = 0.0, 1.0
    return Machines(conditions, np.arange(len(kinds), dtype=np.int64)), Around(ambient_c, at_work, asleep)


def _compare(name: str, found: FleetRun, wanted: FleetRun) -> None:
    for field in ("wall_w", "hashrate_hps", "resting", "energy_j", "hashes", "resting_s"):
        got, right = getattr(found, field), getattr(wanted, field)
        if not np.allclose(got, right, rtol=CLOSE, atol=0.0):
            raise FleetSelfTestError(f"backend {name!r} comes to {field} {got}; the reference to {right}")
