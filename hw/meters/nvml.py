"""NVML: the power sensors of NVIDIA's GPU boards. An energy counter where there is one, else power that is added up.

A sample spans at least a second: the counter moves about every 0.1 s, and the power is often a mean over the last second
(`miner.backends.gpu_nvml`), so that a shorter one could tell half or double.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final

from hw.errors import MeterError, MeterUnavailableError
from hw.meters.meter import Label, MeanPower
from hw.meters.polling import EVERY_S, PolledEnergy
from hw.power import PowerSample, Quality
from miner.backends.gpu_nvml import Board, BoardMeter, Nvml
from miner.meter import Resolution

LEAST_S: Final = 1.0  # and as long as a power may be a mean over
STEP_S: Final = 0.1  # in which the counter moves (see above), and in which the power is read for want of one
PCI_ADDRESS: Final = re.compile(r"([0-9a-f]+:)?[0-9a-f]+:[0-9a-f]+(\.[0-9a-f])?", re.IGNORECASE)


class NvmlMeter:
    """One GPU board, without its host: *measured* by its energy counter, or *integrated* from its power, as `source` says."""

    boundary = Board.boundary
    boundary_kind = "board"

    def __init__(self, board: Board, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._polled: PolledEnergy | None = None
        try:
            counter = BoardMeter(board)
            self._energy_j, self.source = counter.energy_j, counter.source
            quality: Quality = "measured"
        except OSError as no_counter:
            try:
                self._polled = PolledEnergy(board.power_w, clock=clock)
            except OSError as error:
                raise MeterUnavailableError(
                    f"{board.name} at {board.address} tells neither its energy ({no_counter}) nor its power ({error})"
                ) from None
            self._energy_j, quality = self._polled.energy_j, "integrated"
            self.source = (
                f"NVML power, {board.name}, driver {board.driver}, read every {EVERY_S:g} s and added up "
                f"for want of an energy counter ({no_counter})"
            )
        self.kind: str = quality
        self.resolution = Resolution(step_s=STEP_S, late_s=LEAST_S)
        self._mean = MeanPower(self.energy_j, Label(self.source, "board", quality), clock=clock, least_s=LEAST_S)

    def energy_j(self) -> float:
        """Return the energy [J] since the meter was opened; raise MeterUnavailableError if it cannot be read any more."""
        try:
            return self._energy_j()
        except OSError as error:
            raise MeterUnavailableError(f"{self.source}: {error}") from error

    def sample(self) -> PowerSample:
        """Return the mean power since the sample before, at first since the meter was opened (`hw.meters.meter`)."""
        return self._mean.sample()

    def close(self) -> None:
        """Let go of the thread that reads the power, if there is one."""
        if self._polled is not None:
            self._polled.close()


def check(rest: str) -> None:
    """Raise MeterError if `rest` cannot name a board; which boards there are shows when it is opened."""
    if rest and not ((rest.isascii() and rest.isdigit()) or rest.upper().startswith("GPU-") or PCI_ADDRESS.fullmatch(rest)):
        raise MeterError(f"nvml:{rest[:60]}: want nvml, or nvml: with a board's number, UUID (GPU-...) or PCI address")


def open_meter(rest: str, *, clock: Callable[[], float] = time.monotonic) -> NvmlMeter:
    """Open the meter of ``nvml``, ``nvml:INDEX``, ``nvml:UUID`` or ``nvml:PCI-ADDRESS``."""
    try:
        nvml = Nvml()
        board = _chosen(nvml, rest)
    except ImportError as error:
        raise MeterUnavailableError(f"no NVML here: {error}") from None
    except OSError as error:
        raise MeterUnavailableError(f"no GPU board to read: {error}") from error
    return NvmlMeter(board, clock=clock)


def _chosen(nvml: Nvml, rest: str) -> Board:
    """Return the board that `rest` names, or the only one; raise MeterError if there is no such board."""
    number = nvml.boards()
    if not number:
        raise OSError("NVML finds none")
    if not rest:
        if number > 1:
            raise MeterError(f"nvml: there are {number} boards here; want one of {_listed(nvml)}")
        rest = "0"
    try:
        if rest.isascii() and rest.isdigit():
            return nvml.board("Index", int(rest) if len(rest) < 9 else number)  # NVML would take 2^32 for 0
        if rest.upper().startswith("GPU-"):
            return nvml.board("UUID", rest)
        if PCI_ADDRESS.fullmatch(rest):
            return nvml.board("PciBusId", rest)
    except LookupError:
        pass
    raise MeterError(f"nvml:{rest[:60]}: no such board here; want one of {_listed(nvml)}, or its UUID or PCI address")


def _listed(nvml: Nvml) -> str:
    return ", ".join(f"nvml:{place} ({_told(nvml, place)})" for place in range(nvml.boards()))


def _told(nvml: Nvml, place: int) -> str:
    """Return name and PCI address of a board, or why they are not known."""
    try:
        board = nvml.board("Index", place)
    except (OSError, LookupError) as error:
        return str(error)
    return f"{board.name} at {board.address}"
