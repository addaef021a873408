"""From a group of the spec to machines: who each is, how it is built, what its firmware does, and which faults await it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from hw.catalogue import CatalogueEntry, entry, suggestion
from hw.catalogue.names import family
from hw.designs import s19_kind, with_fan_count
from hw.errors import FaultError, HardwareError, ModelError, OperatingPointError
from hw.faults import FaultEvent, draw_faults, inject
from hw.fleet.bitaxe import BOARDS, bitaxe
from hw.fleet.errors import FleetSpecError
from hw.fleet.power_limit import clock_within
from hw.fleet.spec import Firmware, FleetSpec, Group
from hw.health import Health, healthy
from hw.modes import ESP_PAUSE, esp_resume
from hw.operating_point import Setting, operating_point
from hw.protection import ESP_MINER
from hw.running_machine import MachinePlan

HAZARD_HORIZON_S: Final = 7 * 86_400.0  # s: random faults are drawn for the first week
KNOWN_CLOCK: Final = "Antminer S19j Pro"  # the one family of its kind whose clocks in MHz are published


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a machine is.

    Attributes
    ----------
    name : str
        Its hostname: the group's name and a number.
    entry : CatalogueEntry
        What it is.
    firmware : Firmware
        How it answers.
    model_code : str
        Its model as the firmware of its maker writes it, "M30S+_VE40".
    mac : str
        An address that nobody owns (locally administered), unique in the fleet.
    serial : str
        A number that nobody gave; it begins with SIM.
    clock_known : bool
        Whether the clock of its design is the real one, in MHz, and not that of the machine whose design it borrows.
    """

    name: str
    entry: CatalogueEntry
    firmware: Firmware
    model_code: str
    mac: str
    serial: str
    clock_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMachine:
    """A machine to be: who it is, its plan without faults, and the faults that await it, by time."""

    identity: Identity
    plan: MachinePlan
    faults: tuple[FaultEvent, ...]


def plan_fleet(spec: FleetSpec, *, where: str) -> tuple[PlannedMachine, ...]:
    """Return the machines of `spec`, group by group; `where` names its file in messages.

    Random faults depend on the seed, the group's place and the machine's number alone.

    Raises
    ------
    FleetSpecError
        If there is no such machine or fault, or one that cannot be; the message gives file, key path and remedy.
    """
    return tuple(
        machine
        for place, group in enumerate(spec.groups)
        for machine in _plan_group(spec, group, place, f"{where}: groups[{place}]")
    )


def _plan_group(spec: FleetSpec, group: Group, place: int, path: str) -> list[PlannedMachine]:
    found = _entry(group, path)
    firmware = _firmware(group, found, path)
    health = _health(group, found, path)
    try:
        plan = _axe_plan(group, found, health) if firmware is Firmware.AXEOS else _rig_plan(group, found, health)
        operating_point(plan.design, Setting(frequency_mhz=plan.design.build.frequency_mhz), group.ambient_c)
        if firmware is Firmware.BTMINER:  # which has a power limit from the factory
            plan = replace(plan, frequency_mhz=clock_within(plan.design, health, group.ambient_c, found.machine.power_w))
    except OperatingPointError:
        raise FleetSpecError(
            f"{path}.ambient_c: {group.ambient_c:g}; a {found.name} runs away in such air, want it cooler"
        ) from None
    except ModelError as error:
        raise FleetSpecError(f"{path}.machine: {error}") from None
    _check_faults(group, plan, path)
    return [
        PlannedMachine(
            identity=_identity(group, found, firmware, place, number),
            plan=plan,
            faults=_faults(spec, group, plan, place, number),
        )
        for number in range(group.count)
    ]


def _entry(group: Group, path: str) -> CatalogueEntry:
    try:
        found = entry(group.machine, _is_served)
    except HardwareError as error:
        raise FleetSpecError(f"{path}.machine: {error}") from None
    if not _is_served(found):
        what = "a GPU" if found.kind == "gpu" else f"cooled by {'water' if found.cooling == 'hydro' else 'oil'}"
        raise FleetSpecError(
            f"{path}.machine: {found.name} is {what}; want an air-cooled mining machine of the catalogue: "
            f"{suggestion(group.machine, _is_served)}"
        )
    return found


def _is_served(one: CatalogueEntry) -> bool:
    """Tell whether there is a model of a machine that answers on the network."""
    return one.kind == "asic" and one.cooling == "air"


def _firmware(group: Group, found: CatalogueEntry, path: str) -> Firmware:
    is_bitaxe = found.machine.model in BOARDS
    usual = Firmware.AXEOS if is_bitaxe else Firmware.BTMINER if found.machine.maker == "MicroBT" else Firmware.CGMINER
    firmware = group.firmware or usual
    if (firmware is Firmware.AXEOS) != is_bitaxe:
        wanted = "axeos" if is_bitaxe else "btminer or cgminer"
        raise FleetSpecError(f"{path}.firmware: {firmware} does not run on {found.name}; want {wanted}")
    if group.variant is not None and firmware is not Firmware.BTMINER:
        raise FleetSpecError(f"{path}.variant: {group.variant!r}; only machines with btminer have one, leave it out")
    return firmware


def _health(group: Group, found: CatalogueEntry, path: str) -> Health:
    known = {
        "boards": found.layout.boards if found.layout is not None else None,
        "chips_per_board": found.layout.chips_per_board if found.layout is not None else None,
    }
    numbers = {}
    for key, own in known.items():
        stated: int | None = getattr(group, key)
        if stated is None and own is None:
            raise FleetSpecError(
                f"{path}.{key}: it is missing, and the catalogue does not know it of {found.name}; want it stated, such as "
                f"{'3' if key == 'boards' else '126'}"
            )
        if stated is not None and own is not None and stated != own:
            raise FleetSpecError(f"{path}.{key}: {stated}; {found.name} has {own}, so leave it out")
        numbers[key] = stated if stated is not None else own or 1
    return healthy(numbers["boards"], numbers["chips_per_board"])


def _axe_plan(group: Group, found: CatalogueEntry, health: Health) -> MachinePlan:
    design = bitaxe(found)
    start = esp_resume(design.build.frequency_mhz)
    return MachinePlan(
        design=design, health=health, rule=ESP_MINER, ambient_c=group.ambient_c, boot=start, sleep=ESP_PAUSE, wake=start
    )


def _rig_plan(group: Group, found: CatalogueEntry, health: Health) -> MachinePlan:
    design = s19_kind(found.machine, chips=sum(board.chips for board in health.boards))
    fans = found.layout.fans if found.layout is not None else None
    return MachinePlan(design=with_fan_count(design, fans), health=health, ambient_c=group.ambient_c)


def _check_faults(group: Group, plan: MachinePlan, path: str) -> None:
    for number, fault in enumerate(group.faults):
        try:
            inject(plan.health, fault.name, unit=fault.unit, fans=plan.design.build.fans.count)
        except FaultError as error:
            key = "name" if str(error).startswith("no fault") else "unit"
            raise FleetSpecError(f"{path}.faults[{number}].{key}: {error}") from None


def _faults(spec: FleetSpec, group: Group, plan: MachinePlan, place: int, number: int) -> tuple[FaultEvent, ...]:
    planned = [
        FaultEvent(fault.at_s, fault.name, fault.unit)
        for fault in group.faults
        if fault.machine is None or fault.machine == number
    ]
    if group.hazard_factor:
        rng = np.random.default_rng(np.random.SeedSequence(spec.seed, spawn_key=(place, number)))
        drawn = draw_faults(rng, plan.health, plan.design.build.fans.count, HAZARD_HORIZON_S * group.hazard_factor)
        planned += [replace(event, time_s=event.time_s / group.hazard_factor) for event in drawn]
    return tuple(sorted(planned))


def _identity(group: Group, found: CatalogueEntry, firmware: Firmware, place: int, number: int) -> Identity:
    short = family(found.machine.model).removeprefix("Whatsminer ")
    return Identity(
        name=f"{group.name}-{number:03}",
        entry=found,
        firmware=firmware,
        model_code=f"{short}_{group.variant}" if group.variant is not None else re.sub(r"\s+", " ", short),
        mac=f"02:53:49:{place:02X}:{number >> 8:02X}:{number & 0xFF:02X}",  # 02: locally administered, owned by nobody
        serial=f"SIM{place:02}{number:04}",
        clock_known=firmware is Firmware.AXEOS or short == KNOWN_CLOCK,
    )
