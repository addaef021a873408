"""Runs many devices on the work of one job: each gets headers of its own, and is restarted when it fails or falls silent.

A thread for each device. A device that errs is closed and opened again, after waits that grow up to a limit; what it was
working on is given to it again, so that no header is left out. One that hashes by its own account and finds nothing for far too
long is taken for flat-lined, and restarted too.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import Final
from weakref import WeakKeyDictionary

from hw.device import Device, DeviceState, DeviceWork, Solution, Telemetry
from hw.drivers.errors import FlatLineError
from hw.errors import HardwareError
from miner.errors import MinerError
from miner.header import NONCE_SPACE
from miner.stratum.backoff import Backoff
from miner.stratum.hashing import Share
from miner.work import WorkQueue, WorkUnit, hash_difficulty

POLL_S: Final = 0.05  # how long a device is listened to before the supervisor looks at its own orders
REMEMBERED: Final = 64  # pieces of work whose answers may still come
FLAT_NONCES: Final = 12.0  # expected and none there: chance does that to an honest device once in 160,000 times
FLAT_S: Final = 600.0  # and so long at least: an emulated device counts more hashes than this machine delivers
DEAD_AFTER: Final = 5  # attempts to open it in a row
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 60.0
_LOG = logging.getLogger(__name__)


class Health(StrEnum):
    """How a device does, in the words of mining programs."""

    ALIVE = "alive"
    SICK = "sick"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSnapshot:
    """How one device stands: whether it was ever opened, how often anew, and its last trouble, if any."""

    name: str
    health: Health
    opened: bool
    restarts: int
    shares: int
    trouble: str
    telemetry: Telemetry


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """How long to wait before a device is opened again [s], the first time and at most; and for how long it may find nothing.

    It is taken for flat-lined once `flat_s` [s] went by in which it should, by its own account, have found `flat_nonces`.
    """

    first_s: float = FIRST_WAIT_S
    longest_s: float = LONGEST_WAIT_S
    flat_nonces: float = FLAT_NONCES
    flat_s: float = FLAT_S


class Supervisor:
    """Keeps `devices` busy with the work it is given. `found` is called in their threads, and may block."""

    def __init__(
        self,
        devices: Sequence[Device],
        found: Callable[[Share], None],
        *,
        care: Care = Care(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._change = threading.Condition()
        self._queue: WorkQueue | None = None
        self._own = WeakKeyDictionary[WorkQueue, WorkQueue]()
        self._epoch = 0
        self._closed = False
        self._began_s, self.clock = clock(), clock
        self._keepers = [_Keeper(device, self, found, care) for device in devices]
        for keeper in self._keepers:
            keeper.thread.start()

    @property
    def backend(self) -> str:
        """What they are, in short."""
        return f"{len(self._keepers)} devices" if len(self._keepers) != 1 else self._keepers[0].snapshot().name

    @property
    def hashes(self) -> int:
        """How many hashes all devices computed, by their own account."""
        return sum(int(keeper.snapshot().telemetry.hashes) for keeper in self._keepers)

    @property
    def hashing_s(self) -> float:
        """How long they have been at it [s]."""
        return self.clock() - self._began_s

    def work_on(self, queue: WorkQueue | None, *, abandon: bool) -> None:
        """Go on with another job, or with none; with `abandon` what devices have is replaced at once.

        Versions are left to the devices: some roll them by themselves.
        """
        with self._change:
            self._queue = queue
            self._epoch += abandon
            self._change.notify_all()

    def snapshot(self) -> list[DeviceSnapshot]:
        """Return how each device stands, in order."""
        return [keeper.snapshot() for keeper in self._keepers]

    def close(self) -> None:
        """End the threads and close the devices; what they found until then is handed over."""
        with self._change:
            self._closed = True
            self._queue = None
            self._change.notify_all()
        for keeper in self._keepers:
            keeper.thread.join()

    def orders(self) -> tuple[WorkQueue | None, int, bool]:
        """Return the job, the number of its last replacement, and whether all is over."""
        with self._change:
            return self._queue, self._epoch, self._closed

    def take(self, queue: WorkQueue) -> WorkUnit | None:
        """Return a header of a job that nobody had, versions apart, or None if nothing is left."""
        with self._change:
            own = self._own.get(queue)
            if own is None:
                own = self._own[queue] = queue.without_rolling()
        return own.take(NONCE_SPACE)

    def wait(self, for_s: float) -> None:
        """Wait, but no longer than to the end."""
        until_s = self.clock() + for_s
        with self._change:
            while not self._closed and (left_s := until_s - self.clock()) > 0:
                self._change.wait(left_s)


class _Keeper:
    """Keeps one device busy."""

    def __init__(self, device: Device, supervisor: Supervisor, found: Callable[[Share], None], care: Care) -> None:
        self._device, self._supervisor, self._found, self._clock = device, supervisor, found, supervisor.clock
        self._backoff = Backoff(Random(device.name), care.first_s, care.longest_s)
        self._given: deque[tuple[int, WorkUnit, WorkQueue]] = deque(maxlen=REMEMBERED)
        self._again: deque[tuple[WorkUnit, WorkQueue]] = deque()  # in hand when the device failed
        self._care = care
        self._number = self._shares = self._attempts = 0
        self._restarts = -1  # the first opening is none
        self._epoch = 0
        self._health, self._trouble = Health.SICK, ""
        self._flat_from = (0.0, 0, 0.0)  # hashes, nonces and time at the last nonce
        self._told = device.telemetry()
        self.thread = threading.Thread(target=self._run, name=f"device {device.name}", daemon=True)

    def snapshot(self) -> DeviceSnapshot:
        return DeviceSnapshot(
            name=self._device.name,
            health=self._health,
            opened=self._restarts >= 0,
            restarts=max(0, self._restarts),
            shares=self._shares,
            trouble=self._trouble,
            telemetry=self._told,
        )

    def _run(self) -> None:
        while not self._supervisor.orders()[2]:
            try:
                if self._told.state == DeviceState.CLOSED:
                    self._open()
                self._turn()
            except (HardwareError, MinerError, OSError) as error:
                self._fail(error)
        self._device.close()
        self._told = self._device.telemetry()

    def _open(self) -> None:
        self._attempts += 1
        self._device.open()
        self._attempts, self._restarts, self._health = 0, self._restarts + 1, Health.ALIVE
        self._told = self._device.telemetry()
        self._note_nonce()

    def _fail(self, error: Exception) -> None:
        """Close the device and wait; keep what it had in hand."""
        self._trouble = " ".join(str(error).split())
        self._health = Health.DEAD if self._attempts >= DEAD_AFTER else Health.SICK
        _LOG.warning("%s: %s", self._device.name, self._trouble)
        if self._given:
            _, unit, queue = self._given[-1]
            self._again = deque([(unit, queue)])
            self._given.clear()
        self._device.close()
        self._told = self._device.telemetry()
        self._supervisor.wait(self._backoff.next_s())

    def _turn(self) -> None:
        """Give the device what it wants, listen to it, and hand over what it found."""
        queue, epoch, _ = self._supervisor.orders()
        ready = self._told.state in {DeviceState.IDLE, DeviceState.HASHING}
        if queue is not None and ready and (epoch != self._epoch or self._device.wants_work()):
            self._give(queue, at_once=epoch != self._epoch)
            self._epoch = epoch
        for solution in self._device.poll(POLL_S):
            self._hand_over(solution)
        self._told = self._device.telemetry()
        self._watch()

    def _give(self, queue: WorkQueue, *, at_once: bool) -> None:
        unit = self._next_unit(queue)
        if unit is None:
            return
        self._number += 1
        given = queue.assignment
        work = DeviceWork(number=self._number, template=unit.templates[0], target=given.target, version_mask=given.version_mask)
        self._given.append((self._number, unit, queue))
        (self._device.replace if at_once else self._device.submit)(work)

    def _next_unit(self, queue: WorkQueue) -> WorkUnit | None:
        """Return what is to be done again of this job, or else something new."""
        while self._again:
            unit, of = self._again.popleft()
            if of is queue:
                return unit
        return self._supervisor.take(queue)

    def _hand_over(self, solution: Solution) -> None:
        given = next(((unit, queue) for number, unit, queue in self._given if number == solution.work.number), None)
        if given is None:
            return
        unit, queue = given
        self._shares += 1
        self._trouble = ""
        roll = unit.rolls[0] if solution.version is None else replace(unit.rolls[0], version=solution.version)
        difficulty = hash_difficulty(int(solution.hit.hash, 16))
        self._found(Share(assignment=queue.assignment, roll=roll, nonce=solution.hit.nonce, difficulty=difficulty))

    def _watch(self) -> None:
        """Raise if the device counts hashes and finds nothing for far too long."""
        hashes, nonces, at_s = self._flat_from
        in_vain = self._told.hashes - hashes
        if self._told.nonces != nonces:
            self._note_nonce()
            self._backoff.reset()
        elif in_vain / NONCE_SPACE > self._care.flat_nonces and self._clock() - at_s > self._care.flat_s:
            raise FlatLineError(f"flat-lined: {in_vain / 1e9:,.0f} billion hashes by its own account, and no nonce among them")

    def _note_nonce(self) -> None:
        self._flat_from = self._told.hashes, self._told.nonces, self._clock()
