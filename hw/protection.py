"""What firmware does against heat: slow down, stop, and come back by itself.

A rule and a state; `protect` makes the next state from the temperature that a step ended with. Nothing latches: the most
asked-for property of such protection is that it recovers (ESP-Miner issues 1099, 599, 172).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import Final, Literal

from hw.errors import ModelError

Sensor = Literal["chip", "sink"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """Thresholds of one firmware.

    Attributes
    ----------
    sensor : str
        Which temperature it reads: "chip", or "sink" (sensors on the hashboards).
    throttle_c : float or None
        From here on [°C] it goes a step slower every `interval_s`; None if it has no such rule.
    ease_c : float or None
        Below this [°C] it takes a step back every `interval_s`; None if it keeps slow until somebody sets it anew.
    interval_s : float
        Between two steps [s], so that heat can follow.
    shutdown_c : float
        From here on [°C] it stops hashing, with the fans at full speed.
    restart_c : float
        Below this [°C] it starts again by itself, after `rest_s` at least, one step slower if `slower_after_shutdown`.
    rest_s : float
        The shortest stop [s].
    frequency_step_mhz, voltage_step_v : float
        One step.
    minimum_frequency_mhz : float
        It goes no slower than this [MHz].
    slower_after_shutdown : bool
        Whether a stop costs a step.
    source, as_of : str
        Where the rule stands.

    Raises
    ------
    ModelError
        If the thresholds are out of order or a figure is negative.
    """

    sensor: Sensor
    throttle_c: float | None
    ease_c: float | None
    interval_s: float
    shutdown_c: float
    restart_c: float
    rest_s: float
    frequency_step_mhz: float
    voltage_step_v: float
    minimum_frequency_mhz: float
    slower_after_shutdown: bool
    source: str
    as_of: str

    def __post_init__(self) -> None:
        """Refuse a rule that would stop and start in the same breath."""
        order = [self.ease_c, self.throttle_c, self.shutdown_c]
        marks = [mark for mark in order if mark is not None]
        if marks != sorted(marks) or not self.restart_c < self.shutdown_c:
            raise ModelError(
                f"ease {self.ease_c}, throttle {self.throttle_c}, shutdown {self.shutdown_c}, restart {self.restart_c} degC; "
                "want ease <= throttle <= shutdown, and restart below shutdown"
            )
        for field in ("interval_s", "rest_s", "frequency_step_mhz", "voltage_step_v", "minimum_frequency_mhz"):
            value = getattr(self, field)
            if not (isfinite(value) and value >= 0):
                raise ModelError(f"{field} is {value}; want a finite number, 0 or more")


@dataclass(frozen=True, slots=True)
class ProtectionState:
    """Whether the machine hashes, how many steps slower than set, and how long it has been so [s] since the last change."""

    hashing: bool = True
    steps: int = 0
    for_s: float = 0.0


def protect(rule: Protection, state: ProtectionState, temperature_c: float, duration_s: float) -> ProtectionState:
    """Return the state after a step of `duration_s` [s] that ended at `temperature_c` [°C] of the rule's sensor."""
    for_s = state.for_s + duration_s
    if not state.hashing:
        if temperature_c < rule.restart_c and for_s >= rule.rest_s:
            return ProtectionState(hashing=True, steps=state.steps)
        return replace(state, for_s=for_s)
    if temperature_c >= rule.shutdown_c:
        return ProtectionState(hashing=False, steps=state.steps + rule.slower_after_shutdown)
    if for_s >= rule.interval_s:
        if rule.throttle_c is not None and temperature_c >= rule.throttle_c:
            return ProtectionState(steps=state.steps + 1)
        if rule.ease_c is not None and temperature_c < rule.ease_c and state.steps:
            return ProtectionState(steps=state.steps - 1)
    return replace(state, for_s=for_s)


def slowed_mhz(rule: Protection, state: ProtectionState, frequency_mhz: float) -> float:
    """Return the clock [MHz] that `state` leaves of `frequency_mhz` [MHz]; a clock set below the rule's floor stays."""
    floor_mhz = min(rule.minimum_frequency_mhz, frequency_mhz)
    return max(frequency_mhz - state.steps * rule.frequency_step_mhz, floor_mhz)


ESP_MINER: Final = Protection(
    sensor="chip",
    throttle_c=None,
    ease_c=None,
    interval_s=5,  # s, the task's period; nothing is stepped by it
    shutdown_c=75,  # degC: power off and fan at 100 %
    restart_c=45,  # degC
    rest_s=30,  # s: six times 5 s
    frequency_step_mhz=100,  # MHz less after a stop ...
    voltage_step_v=0.1,  # ... and 100 mV less (ASIC_REDUCTION 100)
    minimum_frequency_mhz=50,  # MHz; assumed: the source has no floor
    slower_after_shutdown=True,
    source="bitaxeorg/ESP-Miner main/tasks/power_management_task.c",
    as_of="2026-11",
)
LUXOS: Final = Protection(
    sensor="sink",
    throttle_c=65,  # degC, "hot": a profile down (ATM)
    ease_c=55,  # degC, "target"; that a profile up comes below it is assumed
    interval_s=120,  # s; assumed: about twice the time constant of the heatsinks here
    shutdown_c=70,  # degC, "dangerous": board off
    restart_c=55,  # degC; assumed: the source does not say when a board comes back
    rest_s=30,  # s; assumed
    frequency_step_mhz=25,  # MHz between profiles
    voltage_step_v=0.1,  # V of the string between profiles
    minimum_frequency_mhz=145,  # MHz: 16 profiles below 545 MHz
    slower_after_shutdown=True,
    source="docs.luxor.tech/firmware/features/tempsandfans and /features",
    as_of="2026-11",
)
