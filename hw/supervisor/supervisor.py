"""Keeps many devices busy with the work of one job, each with headers of its own, and passes orders on to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, count

from hw.device import Device
from hw.drivers.errors import SettingError
from hw.supervisor.job_board import JobBoard
from hw.supervisor.keeper import DEFAULT_CARE, Care, Keeper
from hw.supervisor.orders import Frequency, Hashing, Order, Outcomes, PowerTarget
from hw.supervisor.snapshot import DeviceSnapshot
from miner.stratum.hashing import Share
from miner.work_queue import WorkQueue


class Supervisor:
    """Keeps `devices` busy with the work it is given. `found` is called in their threads, and may block.

    Devices may be given by the labels that orders shall call them by; else their own names serve, numbered where several are
    alike.

    Orders may come from any thread. A device belongs to its own, so they return at once, with a Future for each device that was
    meant: done when the device has carried the order out, within a twentieth of a second if nothing stands in the way, or with
    the SettingError of one that refuses. They wait while a device is away, and while `found` blocks; `refusals` waits for them
    and gives the sentences.
    """

    def __init__(
        self,
        devices: Sequence[Device] | Mapping[str, Device],
        found: Callable[[Share], None],
        *,
        care: Care = DEFAULT_CARE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not isinstance(devices, Mapping):
            devices = dict(zip(unique_labels([device.name for device in devices]), devices, strict=True))
        self._clock = clock
        self._board = JobBoard(clock)
        self._keepers = {label: Keeper(label, device, self._board, found, care) for label, device in devices.items()}
        for keeper in self._keepers.values():
            keeper.thread.start()

    @property
    def backend(self) -> str:
        """What they are, in short."""
        told = self.snapshot()
        return told[0].name if len(told) == 1 else f"{len(told)} devices"

    @property
    def hashes(self) -> int:
        """How many hashes all devices computed, by their own account."""
        return sum(int(one.totals.hashes) for one in self.snapshot())

    @property
    def hashing_s(self) -> float:
        """How long [s] they have been at it, from when the first of them was open."""
        since_s = [keeper.since_s for keeper in self._keepers.values() if keeper.since_s is not None]
        return self._clock() - min(since_s) if since_s else 0.0

    @property
    def labels(self) -> tuple[str, ...]:
        """What orders call the devices, in order."""
        return tuple(self._keepers)

    def work_on(self, queue: WorkQueue | None, *, abandon: bool) -> None:
        """Go on with another job, or with none; with `abandon` what devices have is replaced at once."""
        self._board.post(queue, abandon=abandon)

    def curtail(self, label: str | None = None) -> Outcomes:
        """Stop the device called `label`, or all, until `resume`; one that fails meanwhile stays stopped.

        Raises
        ------
        SettingError
            If there is no such device.
        """
        return self._order(Hashing(on=False), label)

    def resume(self, label: str | None = None) -> Outcomes:
        """Let the device called `label`, or all, hash again, first what was not searched through before; raise as `curtail`."""
        return self._order(Hashing(on=True), label)

    def set_frequency(self, frequency_mhz: float, label: str | None = None) -> Outcomes:
        """Set the clock [MHz] of the device called `label`, or of each; it is set again whenever that is opened anew.

        Raises
        ------
        SettingError
            If there is no such device, or no device could have such a clock; the outcome has it if this one cannot.
        """
        return self._order(Frequency(frequency_mhz), label)

    def set_power_target(self, power_w: float, label: str | None = None) -> Outcomes:
        """Let the device called `label`, or each of them, draw about `power_w` [W]; otherwise as `set_frequency`."""
        return self._order(PowerTarget(power_w), label)

    def snapshot(self) -> list[DeviceSnapshot]:
        """Return how each device stands, in order."""
        return [keeper.snapshot() for keeper in self._keepers.values()]

    def close(self) -> None:
        """End the threads and close the devices; what they found until then is handed over, orders that wait are refused."""
        self._board.close()
        for keeper in self._keepers.values():
            keeper.thread.join()

    def _order(self, order: Order, label: str | None) -> Outcomes:
        if label is not None and label not in self._keepers:
            raise SettingError(f"no device {label!r}; known: {', '.join(self._keepers) or 'none at all'}")
        return {name: keeper.order(order) for name, keeper in self._keepers.items() if label in {None, name}}


def unique_labels(names: Sequence[str]) -> list[str]:
    """Return `names`, numbered from the second on where several are alike: "compute", "compute #2"."""
    labels: list[str] = []
    for name in names:
        numbered = (f"{name} #{number}" for number in count(2))
        labels.append(next(label for label in chain([name], numbered) if label not in labels))
    return labels
