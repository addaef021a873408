"""Backends for arrays of machines: loaded on demand, and refused if they come to other watts than the reference."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final, cast

import numpy as np

from gridsim.errors import FleetBackendUnavailableError, FleetSelfTestError
from gridsim.fleet_backends.machines import FleetBackend, FleetRun, Machines, always_at_work, cold
from hw.catalogue import machine
from hw.designs import s19_kind
from hw.health import healthy
from hw.operating_point import Setting
from hw.protection import LUXOS
from hw.stepping.figures import Condition

FLEET_BACKENDS: Final = {
    "numba-cpu": ("gridsim.fleet_backends.numba_cpu", "NumbaCpu"),
    "reference": ("gridsim.fleet_backends.reference", "Reference"),
}
"""Backends by name, the fastest first; `auto` takes the first that loads."""

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
    """Compare a machine in cool, warm and too hot air with the reference; raise FleetSelfTestError if `backend` errs."""
    from gridsim.fleet_backends.reference import Reference

    design = s19_kind(machine("Antminer S19j Pro (104Th)"))
    setting = Setting(frequency_mhz=design.build.frequency_mhz)
    condition = Condition(design=design, setting=setting, health=healthy(3, 126), rule=LUXOS)
    machines, around = Machines((condition,), np.zeros(3, dtype=np.int64)), always_at_work([-10.0, 25.0, 60.0])
    runs = [
        [one.steady(machines, around, 3600.0), one.moving(machines, 60.0, cold(machines, 20.0)).run(around)]
        for one in (backend, Reference())
    ]
    for found, wanted in zip(*runs, strict=True):
        _compare(name, found, wanted)


def _compare(name: str, found: FleetRun, wanted: FleetRun) -> None:
    for field in ("wall_w", "hashrate_hps", "resting", "energy_j", "hashes", "resting_s"):
        got, right = getattr(found, field), getattr(wanted, field)
        if not np.allclose(got, right, rtol=CLOSE, atol=0.0):
            raise FleetSelfTestError(f"backend {name!r} comes to {field} {got}; the reference to {right}")
