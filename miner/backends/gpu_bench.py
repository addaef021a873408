"""The bench on which GPU kernels are measured: devices, the board's sensors, and for how long."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Protocol

from miner.backends.error_words import first_line
from miner.backends.gpu_driver import require_device
from miner.backends.gpu_job import Device, Job
from miner.backends.gpu_nvml import BoardState, board_meter
from miner.backends.gpu_pipes import PipeRunner
from miner.backends.gpu_variant import Variant
from miner.errors import BackendUnavailableError

COMPILERS: Final = {"NVRTC": "miner.backends.gpu_cupy", "numba.cuda": "miner.backends.gpu_numba"}
NONCES_PER_PROCESSOR: Final = 1 << 23  # of a launch of one midstate: an eighth of a second, beside which its start is nothing
MOST_NONCES: Final = 1 << 31  # of a launch: what kernels can count to


class TimedDevice(Device, Protocol):
    """A GPU that also tells kernels' own times and registers; `variants` are the kernels that its compiler takes."""

    variants: tuple[Variant, ...]

    def begin(self, job: Job, start: int, count: int, launches: int) -> Callable[[], list[float]]:
        """Launch so many times without a pause; return what waits for each one's own time [s]."""
        ...

    def registers(self, variant: Variant) -> int:
        """Return the registers of a thread of a kernel that has been launched."""
        ...


class Meter(Protocol):
    """A board that tells its energy [J] and its state; raises OSError where it does not."""

    source: str

    def energy_j(self) -> float:
        """Return the energy [J] since the meter was opened."""
        ...

    def state(self) -> BoardState:
        """Return clock, temperature and power."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What is measured and for how long [s].

    `launch_nonces` is one launch of a kernel of one midstate, `absent` what could not be had and why.
    """

    devices: dict[str, TimedDevice]
    pipes: PipeRunner | None
    meter: Meter | None
    launch_nonces: int
    absent: tuple[str, ...] = ()
    rank_s: float = 3.0
    shape_s: float = 0.5
    warm_up_s: float = 10.0
    energy_s: float = 20.0
    repeats: int = 2
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def opened() -> Bench:
    """Return the bench of this machine's first GPU, with what of compilers and sensors there is.

    Raises
    ------
    ImportError
        If there is no device.
    BackendUnavailableError
        If there is one, and no compiler can use it; the message says why of each.
    """
    require_device()
    devices: dict[str, Any] = {}
    absent = []
    for name, module in COMPILERS.items():
        try:
            devices[name] = import_module(module).open_devices()[0]
        except Exception as error:  # whatever a driver or a library may raise, the other one may do
            absent.append(f"{name}: {first_line(error)}")
    if not devices:
        raise BackendUnavailableError(f"there is a CUDA device, but nothing can use it: {'; '.join(absent)}")
    first = next(iter(devices.values()))
    try:
        meter: Meter | None = board_meter(first.pci_address)
    except Exception as error:  # sensors are worth less than the record without them
        meter = None
        absent.append(f"energy counter: {first_line(error)}")
    return Bench(
        devices=devices,
        pipes=devices.get("NVRTC"),
        meter=meter,
        launch_nonces=min(first.processors * NONCES_PER_PROCESSOR, MOST_NONCES),
        absent=tuple(absent),
    )


def answers(device: TimedDevice) -> bool:
    """Say whether a device still does anything: after some errors CUDA answers no call of that process any more."""
    try:
        device.collect()
    except Exception:  # whatever it is, it says no
        return False
    return True
