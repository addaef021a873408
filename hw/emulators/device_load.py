"""Emulated devices as the load of an emulated meter: what they draw together at one plug."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hw.emulators.serving import Emulator, EmulatorSnapshot
from hw.errors import PowerError


class DeviceLoad:
    """What `devices`, all started at `started_s` [s], draw together; they do not know their past, and are asked about now."""

    def __init__(self, devices: Sequence[Emulator], started_s: float) -> None:
        self._devices, self._started_s = devices, started_s

    def power_w(self, time_s: float) -> float:
        """Return their power [W] at `time_s` [s]; a device whose power is not modelled adds nothing."""
        return self._sum(lambda told: told.power_w, time_s)

    def energy_j(self, from_s: float, to_s: float) -> float:
        """Return their energy [J] from their start until `to_s` [s].

        Raises
        ------
        PowerError
            If `from_s` is another moment: what they had drawn by then is not known.
        """
        if from_s != self._started_s:
            raise PowerError(f"energy from {from_s} s on; these devices count theirs from {self._started_s} s on only")
        return self._sum(lambda told: told.energy_j, to_s)

    def _sum(self, of: Callable[[EmulatorSnapshot], float | None], time_s: float) -> float:
        return sum(of(device.snapshot(time_s)) or 0.0 for device in self._devices)
