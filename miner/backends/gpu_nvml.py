"""A GPU board's own sensors through NVML: an energy counter, and what its clocks and its temperature are. Read, never set.

The counter holds the board alone, not the host, and moves about every 0.1 s, so that a window of 20 s errs by half a per
cent at its edges; the sensor's own error is a few per cent. Source: NVML, ``nvmlDeviceGetTotalEnergyConsumption`` (mJ since
the driver was loaded, Volta and later).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from miner.backends.gpu_driver import REMEDY

MJ_PER_J: Final = 1000  # exact, SI prefix
MW_PER_W: Final = 1000  # exact, SI prefix; NVML's milliwatts


class BoardState(NamedTuple):
    """What a board says of itself at a moment; `reasons` are NVML's bits for a clock below the highest, 0 for none."""

    sm_mhz: int
    temperature_c: int
    power_w: float
    limit_w: float
    reasons: int


class Nvml:
    """NVML, started. Raises ImportError with one sentence if its package or a driver is not to be had."""

    def __init__(self) -> None:
        try:
            import pynvml
        except ImportError:
            raise ImportError(f"package nvidia-ml-py is missing; {REMEDY}") from None
        self._pynvml: Any = pynvml
        try:
            self._pynvml.nvmlInit()
        except self._pynvml.NVMLError as error:
            raise ImportError(f"NVML does not start ({error}); the extra `gpu` needs a machine with an NVIDIA driver") from None

    def boards(self) -> int:
        """Return how many boards the driver knows; raise OSError if it does not say."""
        return self.number("nvmlDeviceGetCount")

    def board(self, by: str, which: int | str) -> Board:
        """Return the board that is looked up `by` "Index", "UUID" or "PciBusId".

        Raises
        ------
        LookupError
            If there is none.
        OSError
            If it cannot be read.
        """
        absent = self._pynvml.NVMLError_NotFound, self._pynvml.NVMLError_InvalidArgument
        try:
            return Board(self, getattr(self._pynvml, f"nvmlDeviceGetHandleBy{by}")(which))
        except absent as error:
            raise LookupError(f"NVML: {error}") from error
        except self._pynvml.NVMLError as error:
            raise OSError(f"NVML: {error}") from error

    def number(self, function: str, *what: object) -> int:
        """Return the number that a function of NVML gives; raise OSError if it gives none."""
        return int(self._read(function, *what))

    def text(self, function: str, *what: object, field: str = "") -> str:
        """Return the text that a function of NVML gives, or holds in a `field`; raise OSError if it gives none."""
        read = self._read(function, *what)
        told: bytes | str = getattr(read, field) if field else read
        return told.decode() if isinstance(told, bytes) else told

    def constant(self, name: str) -> int:
        """Return a number that NVML has a name for."""
        return int(getattr(self._pynvml, name))

    def _read(self, function: str, *what: object) -> Any:  # noqa: ANN401  whatever NVML gives
        try:
            return getattr(self._pynvml, function)(*what)
        except self._pynvml.NVMLError as error:
            raise OSError(f"NVML: {error}") from error


class Board:
    """The board with a `handle` of NVML's: its name, PCI address and driver. Raises OSError if it cannot be read."""

    boundary: Final = "GPU board (without the host)"

    def __init__(self, nvml: Nvml, handle: object) -> None:
        self._nvml, self._handle = nvml, handle
        self.name = nvml.text("nvmlDeviceGetName", handle)
        self.address = nvml.text("nvmlDeviceGetPciInfo", handle, field="busId")
        self.driver = nvml.text("nvmlSystemGetDriverVersion")

    def energy_mj(self) -> int:
        """Return what the energy counter says [mJ]; raise OSError if there is none, or it cannot be read."""
        return self._nvml.number("nvmlDeviceGetTotalEnergyConsumption", self._handle)

    def power_w(self) -> float:
        """Return the power [W], a mean over a second on most boards; raise OSError if it cannot be read."""
        return self._nvml.number("nvmlDeviceGetPowerUsage", self._handle) / MW_PER_W

    def state(self) -> BoardState:
        """Return clock [MHz], temperature [degrees C], power and its limit [W]; raise OSError if they cannot be read."""
        nvml, handle = self._nvml, self._handle
        return BoardState(
            sm_mhz=nvml.number("nvmlDeviceGetClockInfo", handle, nvml.constant("NVML_CLOCK_SM")),
            temperature_c=nvml.number("nvmlDeviceGetTemperature", handle, nvml.constant("NVML_TEMPERATURE_GPU")),
            power_w=self.power_w(),
            limit_w=nvml.number("nvmlDeviceGetEnforcedPowerLimit", handle) / MW_PER_W,
            reasons=nvml.number("nvmlDeviceGetCurrentClocksThrottleReasons", handle),
        )


class BoardMeter:
    """The energy counter of a board. Raises OSError if it has none, or one that stands still at 0."""

    kind = "measured"
    boundary = Board.boundary

    def __init__(self, board: Board) -> None:
        self.board = board
        self._first_mj = self._last_mj = board.energy_mj()
        if not self._first_mj:
            raise OSError("NVML: the energy counter stands at 0")
        self.source = f"NVML energy counter, {board.name}, driver {board.driver}"

    def energy_j(self) -> float:
        """Return the energy [J] since the meter was opened; raise OSError if the board cannot be read any more."""
        now_mj = self.board.energy_mj()
        if now_mj < self._last_mj:
            raise OSError(f"NVML: the energy counter fell from {self._last_mj} to {now_mj} mJ: was the driver loaded anew?")
        self._last_mj = now_mj
        return (now_mj - self._first_mj) / MJ_PER_J

    def state(self) -> BoardState:
        """Return the board's clock, temperature and power."""
        return self.board.state()


def board_meter(pci_address: str) -> BoardMeter:
    """Return the meter of the board with a PCI address such as ``0000:05:00.0``; raise ImportError if it is not to be had."""
    try:
        return BoardMeter(Nvml().board("PciBusId", pci_address))
    except (OSError, LookupError) as error:
        raise ImportError(f"the energy of board {pci_address} cannot be read: {error}") from error
