"""What every test may use: the repository, fresh interpreters in it, and GPU boards on paper."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).parents[1]

# Tests whose files begin so share one worker when several run tests: they unplug and replug pseudo-terminals, whose numbers are
# given anew at once, and listen on the ports that mining machines have.
SHARED_LINES = tuple(
    f"tests/{start}"
    for start in ("hw/", "reports/test_devices_", "reports/test_emulate", "reports/test_fleet", "reports/test_mine_devices")
)

Python = Callable[..., "subprocess.CompletedProcess[str]"]


class ByFileAndLines(LoadFileScheduling):
    """Keeps the tests of a file, and all that share lines, in one worker each."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "lines" if file.startswith(SHARED_LINES) else file


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Return who gives tests to workers, unless another way was asked for."""
    return ByFileAndLines(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the folder that holds the four packages and pyproject.toml."""
    return ROOT


@pytest.fixture(scope="session")
def python() -> Python:
    """Return a function that runs ``python ARGUMENTS`` in a fresh interpreter which finds the packages of this tree."""

    def run(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {key: value for key, value in os.environ.items() if not key.startswith("HASHWATT_")}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            env={**own, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


class NvmlError(Exception):
    """What NVML raises."""


class NvmlNotFoundError(NvmlError):
    """No board of that UUID or address."""


class NvmlInvalidArgumentError(NvmlError):
    """No board of that number."""


class NvmlNotSupportedError(NvmlError):
    """A sensor that the board does not have."""


@dataclass
class PaperBoard:
    """A GPU board on paper; what is None it does not support, and if `lost` it tells nothing at all."""

    name: str | bytes = b"H100"
    address: str = "00000000:05:00.0"
    uuid: str = "GPU-5c3e0a1d-0000-0000-0000-000000000000"
    energy_mj: int | None = 5000
    power_mw: int | None = 345_600
    lost: bool = False

    def tell(self, value: Any) -> Any:
        if self.lost:
            raise NvmlError("GPU is lost")
        if value is None:
            raise NvmlNotSupportedError("Not Supported")
        return value


class PaperNvml(ModuleType):
    """A stand-in for the module pynvml, with one board or several."""

    NVMLError, NVMLError_NotFound, NVMLError_InvalidArgument = NvmlError, NvmlNotFoundError, NvmlInvalidArgumentError
    NVML_CLOCK_SM, NVML_TEMPERATURE_GPU = 1, 0

    def __init__(self) -> None:
        super().__init__("pynvml")
        self.boards = [PaperBoard()]
        self.nvmlInit = lambda: None
        self.nvmlSystemGetDriverVersion = lambda: "580.1"
        self.nvmlDeviceGetCount = lambda: len(self.boards)
        self.nvmlDeviceGetName = lambda board: board.tell(board.name)
        self.nvmlDeviceGetPciInfo = lambda board: SimpleNamespace(busId=board.tell(board.address))
        self.nvmlDeviceGetTotalEnergyConsumption = lambda board: board.tell(board.energy_mj)
        self.nvmlDeviceGetPowerUsage = lambda board: board.tell(board.power_mw)
        self.nvmlDeviceGetClockInfo = lambda board, kind: board.tell((1980, 1980)[kind])
        self.nvmlDeviceGetTemperature = lambda board, kind: board.tell((55,)[kind])
        self.nvmlDeviceGetEnforcedPowerLimit = lambda board: board.tell(700_000)
        self.nvmlDeviceGetCurrentClocksThrottleReasons = lambda board: board.tell(4)

    def nvmlDeviceGetHandleByIndex(self, number: int) -> PaperBoard:  # noqa: N802
        if not 0 <= number < len(self.boards):
            raise NvmlInvalidArgumentError("Invalid Argument")
        return self.boards[number]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> PaperBoard:  # noqa: N802
        return self._found(board for board in self.boards if board.uuid == uuid)

    def nvmlDeviceGetHandleByPciBusId(self, address: str) -> PaperBoard:  # noqa: N802
        return self._found(board for board in self.boards if board.address[-7:].lower() == address[-7:].lower())

    def _found(self, boards: Iterator[PaperBoard]) -> PaperBoard:
        for board in boards:
            return board
        raise NvmlNotFoundError("Not Found")


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> PaperNvml:
    """Put a stand-in for pynvml in its place: one board that tells everything, its counter at 5 J."""
    module = PaperNvml()
    monkeypatch.setitem(sys.modules, "pynvml", module)
    return module
