"""What a mining device is to those who use it: work in, solutions out, and what it says of itself.

Real devices on a serial port, simulated ones and this machine's own processors keep one contract, and pass one set of tests.
A device belongs to one thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hw.power import PowerSample
from miner.share import Hit
from miner.target import Target
from miner.template import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceWork:
    """A header without its nonce, whose nonces are all to be tried.

    `number` is the host's own, given once only; `target` is that of a share. A device may roll the version bits of
    `version_mask` by itself; whoever gives it the work then leaves all of them to it.
    """

    number: int
    template: Template
    target: Target
    version_mask: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A nonce that a device found and the host checked: which work it belongs to, nonce and hash.

    `version` is the header's if the device rolled it, else None.
    """

    work: DeviceWork
    hit: Hit
    version: int | None = None


class DeviceState(StrEnum):
    """What a device is doing."""

    CLOSED = "closed"
    IDLE = "idle"
    HASHING = "hashing"
    CURTAILED = "curtailed"
    OVERHEATED = "overheated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """What a device says of itself; None where it has no such sensor.

    `hashes` counts what was searched since it was opened, `nonces` the answers whose hash ends on 32 zero bits, and
    `hardware_errors` those that were no such answer.
    """

    state: DeviceState
    hashes: float
    nonces: int
    hardware_errors: int
    frequency_mhz: float | None = None
    voltage_v: float | None = None
    temperature_c: float | None = None
    power: PowerSample | None = None


class Device(Protocol):
    """A device that searches nonces."""

    @property
    def name(self) -> str:
        """What it is and where: unique among the devices of a program."""
        ...

    def open(self) -> None:
        """Make it ready; raise DriverError, or BackendUnavailableError, if it is not there or is another."""
        ...

    def submit(self, work: DeviceWork) -> None:
        """Give it work, after what it has if it can hold several."""
        ...

    def replace(self, work: DeviceWork) -> None:
        """Give it work in place of all that it has."""
        ...

    def wants_work(self) -> bool:
        """Return whether it has room for work."""
        ...

    def poll(self, timeout_s: float) -> list[Solution]:
        """Return what it found, waiting up to `timeout_s` [s] for the first."""
        ...

    def telemetry(self) -> Telemetry:
        """Return what it says of itself."""
        ...

    def set_frequency(self, frequency_mhz: float) -> None:
        """Set its clock; raise SettingError if it has none to set, or outside its range."""
        ...

    def set_power_target(self, power_w: float) -> None:
        """Let it draw about `power_w` [W]; raise SettingError if it cannot, or outside its range."""
        ...

    def curtail(self) -> None:
        """Stop hashing until `resume`; work is forgotten."""
        ...

    def resume(self) -> None:
        """Hash again."""
        ...

    def close(self) -> None:
        """Give it back; closing twice is nothing."""
        ...
