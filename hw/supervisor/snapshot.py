"""How a device stands, for who watches from outside."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hw.device import Telemetry
from hw.supervisor.account import Totals
from hw.supervisor.orders import Standing


class Health(StrEnum):
    """How a device does, in the words of mining programs."""

    ALIVE = "alive"
    SICK = "sick"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSnapshot:
    """How one device stands.

    Attributes
    ----------
    label : str
        What orders call it: unique among the devices, and the same whether it is open or not.
    name : str
        What it calls itself by now.
    health : Health
        Alive, sick after a failure, or dead after several attempts to open it; a curtailed device is alive.
    opened : bool
        Whether it was ever opened.
    restarts, work, shares : int
        How often it was opened anew, what it was given, and what it found of the job's difficulty.
    trouble : str
        Its last trouble, or what it was last refused, until it finds a share; else empty.
    away : bool
        Whether that was the loss of its port while it was open: it may come back.
    standing : Standing
        What holds for it by order: whether it is curtailed, its clock, its power.
    telemetry : Telemetry
        What it says of itself, with its own counts.
    totals : Totals
        Those counts since the supervisor began: they do not fall when it is opened anew.
    """

    label: str
    name: str
    health: Health
    opened: bool
    restarts: int
    work: int
    shares: int
    trouble: str
    away: bool
    standing: Standing
    telemetry: Telemetry
    totals: Totals
