"""A device with a meter beside it: its telemetry tells what the meter saw.

What goes wrong with the meter never stops the mining: then there is no power, one warning, and another try after a while.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from hw.device import Device, DeviceWork, Solution, Telemetry
from hw.errors import HardwareError, NoPowerYetError
from hw.meters.meter import PowerMeter
from hw.power import PowerSample

AGAIN_S: Final = 10.0  # after which a meter that could not be opened, or failed, is opened again
_LOG = logging.getLogger(__name__)


class MeteredDevice:
    """`device`, and the meter that `open_meter` opens while the device is open. `clock` gives seconds.

    Its energy counts from the opening of the device on, also when the meter had to be opened again; what passed meanwhile is
    not known, and not in it.
    """

    def __init__(
        self, device: Device, open_meter: Callable[[], PowerMeter], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._device, self._open_meter, self._clock = device, open_meter, clock
        self._meter: PowerMeter | None = None
        self._sample: PowerSample | None = None  # the last one of the meter that is open
        self._earlier_j = 0.0  # counted before it was opened
        self._wanted = self._warned = False
        self._again_s = 0.0

    @property
    def name(self) -> str:
        """The device's own name."""
        return self._device.name

    def open(self) -> None:
        """Open the device, as it does; a meter that cannot be opened is no reason not to."""
        self._device.open()
        self._wanted, self._again_s, self._earlier_j = True, self._clock(), 0.0

    def submit(self, work: DeviceWork) -> None:
        """Give the device work."""
        self._device.submit(work)

    def replace(self, work: DeviceWork) -> None:
        """Give the device work in place of all that it has."""
        self._device.replace(work)

    def wants_work(self) -> bool:
        """Return whether the device has room for work."""
        return self._device.wants_work()

    def poll(self, timeout_s: float) -> list[Solution]:
        """Return what the device found."""
        return self._device.poll(timeout_s)

    def telemetry(self) -> Telemetry:
        """Return what the device says of itself, with the power that the meter tells, None while it tells none."""
        return replace(self._device.telemetry(), power=self._power())

    def set_frequency(self, frequency_mhz: float) -> None:
        """Set the device's clock [MHz]."""
        self._device.set_frequency(frequency_mhz)

    def set_power_target(self, power_w: float) -> None:
        """Let the device draw about `power_w` [W]; a meter cannot make it."""
        self._device.set_power_target(power_w)

    def curtail(self) -> None:
        """Stop the device."""
        self._device.curtail()

    def resume(self) -> None:
        """Let the device hash again."""
        self._device.resume()

    def close(self) -> None:
        """Give back the device and the meter."""
        self._wanted = False
        self._let_go()
        self._device.close()

    def _power(self) -> PowerSample | None:
        if not self._wanted or self._clock() < self._again_s:
            return None
        try:
            if self._meter is None:
                self._meter = self._open_meter()
            self._sample = self._meter.sample()
        except NoPowerYetError:
            return None
        except (HardwareError, OSError) as error:
            self._fail(error)
            return None
        self._warned = False
        counted_j = self._sample.energy_j
        return self._sample if counted_j is None else replace(self._sample, energy_j=self._earlier_j + counted_j)

    def _fail(self, error: Exception) -> None:
        if not self._warned:
            _LOG.warning("%s: no power: %s", self.name, error)
        self._warned = True
        self._again_s = self._clock() + AGAIN_S
        self._let_go()

    def _let_go(self) -> None:
        if self._sample is not None and self._sample.energy_j is not None:
            self._earlier_j += self._sample.energy_j
        if self._meter is not None:
            self._meter.close()
        self._meter = self._sample = None
