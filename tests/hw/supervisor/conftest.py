"""A device that does what the test says, and a supervisor that ends with the test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from hw.device import DeviceState, DeviceWork, Solution, Telemetry
from hw.supervisor import Care, Supervisor
from miner.header import Nonce
from miner.share import Hit
from miner.stratum.hashing import Share
from miner.target import MAX_TARGET, NBits, Target
from miner.work import Assignment, Job
from miner.work_queue import WorkQueue

JOB = Job(
    job_id="1",
    previous=bytes(32),
    coinbase1=b"\x01",
    coinbase2=b"\x02",
    branch=(),
    version=4,
    nbits=NBits(0x1D00FFFF),
    time_s=1_600_000_000,
)
SHORT = Care(first_s=0.01, longest_s=0.05, flat_s=0.0)

Supervise = Callable[..., Supervisor]
MakeQueue = Callable[..., WorkQueue]
Until = Callable[..., bool]


class Scripted:
    """A device that does what the test says in `on_poll`, `on_open` and `on_order`; it notes what it was given and told."""

    def __init__(self, name: str = "scripted at 1") -> None:
        self.name = name
        self.state = DeviceState.CLOSED
        self.given: list[DeviceWork] = []
        self.replaced: list[int] = []
        self.told: list[object] = []
        self.opened = 0
        self.hashes = 0.0
        self.nonces = 0
        self.hardware_errors = 0
        self.wants = True
        self.listened_s = 0.0  # how long it was listened to last
        self.on_open: Callable[[], None] = lambda: None
        self.on_poll: Callable[[], list[Solution]] = lambda: []
        self.on_order: Callable[[object], None] = lambda order: None

    def open(self) -> None:
        self.opened += 1
        self.on_open()
        self.state, self.wants = DeviceState.IDLE, True
        self.told.append("open")

    def submit(self, work: DeviceWork) -> None:
        self.given.append(work)
        self.wants = False

    def replace(self, work: DeviceWork) -> None:
        self.replaced.append(work.number)
        self.submit(work)

    def wants_work(self) -> bool:
        return self.wants and self.state != DeviceState.CURTAILED

    def poll(self, timeout_s: float) -> list[Solution]:
        self.listened_s = timeout_s
        time.sleep(min(timeout_s, 0.005))
        return self.on_poll()

    def telemetry(self) -> Telemetry:
        return Telemetry(
            state=self.state, hashes=self.hashes, nonces=self.nonces, hardware_errors=self.hardware_errors, power=None
        )

    def set_frequency(self, frequency_mhz: float) -> None:
        self._do(frequency_mhz)

    def set_power_target(self, power_w: float) -> None:
        self._do((power_w, "W"))

    def curtail(self) -> None:
        self._do("curtail")
        self.state, self.wants = DeviceState.CURTAILED, True

    def resume(self) -> None:
        self._do("resume")
        self.state = DeviceState.IDLE

    def close(self) -> None:
        self.state = DeviceState.CLOSED

    def _do(self, order: object) -> None:
        self.on_order(order)
        self.told.append(order)


def _queue(target: Target = MAX_TARGET) -> WorkQueue:
    return WorkQueue(Assignment(job=JOB, extranonce1=b"", extranonce2_bytes=4, target=target))


def _until(condition: Callable[[], object], for_s: float = 10.0) -> bool:
    end_s = time.monotonic() + for_s
    while time.monotonic() < end_s:
        if condition():
            return True
        time.sleep(0.005)
    return False


def _found(work: DeviceWork, nonce: int = 7) -> Solution:
    return Solution(work=work, hit=Hit(Nonce(nonce), "00" * 32))


@pytest.fixture
def scripted() -> type[Scripted]:
    """Return the class of devices that do what the test says."""
    return Scripted


@pytest.fixture
def queue() -> MakeQueue:
    """Return a function that makes the space of one and the same job, for a target."""
    return _queue


@pytest.fixture
def until() -> Until:
    """Return a function that waits until a condition holds, 10 s at most, and tells whether it does."""
    return _until


@pytest.fixture
def found() -> Callable[..., Solution]:
    """Return a function that makes a solution of a work."""
    return _found


@pytest.fixture
def shares() -> list[Share]:
    """Return what supervised devices have found."""
    return []


@pytest.fixture
def supervise(shares: list[Share]) -> Iterator[Supervise]:
    """Return a function that starts a supervisor of some devices, with short waits or others."""
    running: list[Supervisor] = []

    def start(*devices: object, care: Care = SHORT) -> Supervisor:
        running.append(Supervisor(devices, shares.append, care=care))  # type: ignore[arg-type]
        return running[-1]

    yield start
    for supervisor in running:
        supervisor.close()
