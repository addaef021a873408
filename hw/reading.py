"""What a machine that runs tells at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hw.health import Health


class MachineState(StrEnum):
    """What a machine is doing."""

    OFF = "off"
    """Without power: its supply tripped or is broken."""
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    CURTAILED = "curtailed"
    OVERHEATED = "overheated"
    """Resting, until it is cool enough to go on by itself."""
    HUNG = "hung"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a machine does at a moment, and what it did since it was made; all of it modelled.

    Powers are at the wall [W], temperatures in °C, `energy_j` and `hashes` count from the beginning. `reported_hps` is what its
    firmware says, which is more than `hashrate_hps` where a fault goes unnoticed.
    """

    time_s: float
    state: MachineState
    hashrate_hps: float
    reported_hps: float
    wall_power_w: float
    energy_j: float
    hashes: float
    chip_c: float
    sink_c: float
    ambient_c: float
    fan_rpm: tuple[float, ...]
    frequency_mhz: float
    voltage_v: float
    error_rate: float
    extrapolated: bool
    health: Health
