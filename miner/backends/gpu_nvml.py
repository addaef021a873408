"""A GPU board's own sensors through NVML: an energy counter, and what its clocks and its temperature are. Read, never set.

The counter holds the board alone, not the host, and moves about every 0.1 s, so that a window of 20 s errs by half a per
cent at its edges; the sensor's own error is a few per cent. Source: NVML, ``nvmlDeviceGetTotalEnergyConsumption`` (mJ since
the driver was loaded, Volta and later).
"""

from __future__ import annotations

from typing import Any, NamedTuple

MJ_PER_J = 1000  # exact, SI prefix


class BoardState(NamedTuple):
    """What a board says of itself at a moment; `reasons` are NVML's bits for a clock below the highest, 0 for none."""

    sm_mhz: int
    temperature_c: int
    power_w: float
    limit_w: float
    reasons: int


class BoardMeter:
    """The board with a PCI address, such as ``0000:05:00.0``. Raises ImportError if NVML or the board is not to be had."""

    kind = "measured"
    boundary = "GPU board (without the host)"

    def __init__(self, pci_address: str) -> None:
        import pynvml

        self._nvml: Any = pynvml
        try:
            pynvml.nvmlInit()
            self._board = pynvml.nvmlDeviceGetHandleByPciBusId(pci_address)
            self._first_mj: int = pynvml.nvmlDeviceGetTotalEnergyConsumption(self._board)
            self.name = _text(pynvml.nvmlDeviceGetName(self._board))
            self.driver = _text(pynvml.nvmlSystemGetDriverVersion())
        except pynvml.NVMLError as error:
            raise ImportError(f"NVML does not read the energy of board {pci_address}: {error}") from error
        self.source = f"NVML energy counter, {self.name}, driver {self.driver}"

    def energy_j(self) -> float:
        """Return the energy [J] since the meter was opened; raise OSError if the board cannot be read any more."""
        try:
            now_mj: int = self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._board)
        except self._nvml.NVMLError as error:
            raise OSError(f"NVML: {error}") from error
        return (now_mj - self._first_mj) / MJ_PER_J

    def state(self) -> BoardState:
        """Return clock [MHz], temperature [degrees C], power and its limit [W], averaged by the board over a second."""
        nvml = self._nvml
        return BoardState(
            sm_mhz=nvml.nvmlDeviceGetClockInfo(self._board, nvml.NVML_CLOCK_SM),
            temperature_c=nvml.nvmlDeviceGetTemperature(self._board, nvml.NVML_TEMPERATURE_GPU),
            power_w=nvml.nvmlDeviceGetPowerUsage(self._board) / 1000,
            limit_w=nvml.nvmlDeviceGetEnforcedPowerLimit(self._board) / 1000,
            reasons=nvml.nvmlDeviceGetCurrentClocksThrottleReasons(self._board),
        )


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
