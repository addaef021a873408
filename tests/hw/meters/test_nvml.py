"""The meter of a GPU board: which board, by its counter or by its power, and one sentence where it cannot be read."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from hw.errors import MeterError, MeterUnavailableError
from hw.meters import nvml as nvml_module
from hw.meters.nvml import NvmlMeter
from hw.meters.polling import PolledEnergy
from hw.meters.registry import open_meter
from miner.backends.gpu_nvml import Board

UUID = "GPU-5c3e0a1d-0000-0000-0000-00000000000"
LISTED = "nvml:0 (A100 at 00000000:05:00.0), nvml:1 (H100 at 00000000:0B:00.0)"


@pytest.fixture
def two(nvml: Any) -> Any:
    """Return NVML with an A100 and an H100."""
    first = replace(nvml.boards[0], name="A100", uuid=UUID + "1")
    nvml.boards = [first, replace(first, name="H100", uuid=UUID + "2", address="00000000:0B:00.0")]
    return nvml


@pytest.mark.parametrize("rest", ["", ":", ":0", ":GPU-5c3e0a1d-0000-0000-0000-000000000000", ":0000:05:00.0", ":05:00.0"])
def test_the_only_board_by_any_of_its_names(nvml: Any, rest: str) -> None:
    meter = open_meter("nvml" + rest)
    nvml.boards[0].energy_mj += 1500
    assert meter.energy_j() == 1.5
    assert (meter.source, meter.kind) == ("NVML energy counter, H100, driver 580.1", "measured")


@pytest.mark.parametrize("rest", ["1", "001", UUID + "2", "00000000:0B:00.0", "0000:0b:00.0"])
def test_one_of_two_boards(two: Any, rest: str) -> None:
    assert open_meter("nvml:" + rest).source == "NVML energy counter, H100, driver 580.1"


def test_two_boards_and_none_named_is_a_sentence_that_lists_them(two: Any) -> None:
    with pytest.raises(MeterError, match=r".") as caught:
        open_meter("nvml")
    assert not isinstance(caught.value, MeterUnavailableError)  # the benchmark does not go on without
    assert str(caught.value) == f"nvml: there are 2 boards here; want one of {LISTED}"


@pytest.mark.parametrize("rest", ["2", "4294967296", "18446744073709551616", "9" * 5000, UUID + "3", "0000:06:00.0", "GPU-"])
def test_a_board_that_is_not_here(two: Any, rest: str) -> None:
    with pytest.raises(MeterError, match=r".") as caught:
        open_meter("nvml:" + rest)
    assert not isinstance(caught.value, MeterUnavailableError)
    assert str(caught.value) == f"nvml:{rest[:60]}: no such board here; want one of {LISTED}, or its UUID or PCI address"


@pytest.mark.parametrize("rest", ["-1", "H100", "²", "é", "zzz"])
def test_what_names_no_board_is_refused_without_nvml_too(nvml: Any, monkeypatch: pytest.MonkeyPatch, rest: str) -> None:
    for _ in range(2):
        with pytest.raises(MeterError, match=r".") as caught:
            open_meter("nvml:" + rest)
        assert not isinstance(caught.value, MeterUnavailableError)
        assert str(caught.value) == f"nvml:{rest}: want nvml, or nvml: with a board's number, UUID (GPU-...) or PCI address"
        monkeypatch.setitem(sys.modules, "pynvml", None)


def test_a_board_that_is_lost_does_not_hide_the_others(two: Any) -> None:
    two.boards[0].lost = True
    assert open_meter("nvml:1").source.startswith("NVML energy counter, H100")
    with pytest.raises(MeterUnavailableError, match=r"^no GPU board to read: NVML: GPU is lost$"):
        open_meter("nvml:0")
    with pytest.raises(MeterError, match=r"nvml:0 \(NVML: GPU is lost\), nvml:1 \(H100 at 00000000:0B:00.0\)"):
        open_meter("nvml")


def test_no_package_and_no_driver_are_sentences(nvml: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise nvml.NVMLError("NVML Shared Library Not Found")

    nvml.nvmlInit = refuse
    with pytest.raises(
        MeterUnavailableError, match=r"^no NVML here: NVML does not start \(NVML Shared .* the extra `gpu` needs"
    ):
        open_meter("nvml")
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(MeterUnavailableError) as caught:
        open_meter("nvml:0")
    remedy = "the extra `gpu` brings it: tools/setup-venv +gpu"
    assert str(caught.value) == f"no NVML here: package nvidia-ml-py is missing; {remedy}"


def test_a_driver_without_boards(nvml: Any) -> None:
    nvml.boards = []
    with pytest.raises(MeterUnavailableError, match=r"^no GPU board to read: NVML finds none$"):
        open_meter("nvml")


def test_a_counter_that_falls_is_no_energy(nvml: Any) -> None:
    """As when the driver is loaded anew, and counts from 0."""
    meter = open_meter("nvml")
    nvml.boards[0].energy_mj = 12
    with pytest.raises(MeterUnavailableError, match=r"the energy counter fell from 5000 to 12 mJ"):
        meter.energy_j()


@pytest.mark.parametrize(("energy_mj", "reason"), [(None, "NVML: Not Supported"), (0, "NVML: the energy counter stands at 0")])
def test_without_a_counter_power_is_added_up_and_said_to_be(nvml: Any, energy_mj: int | None, reason: str) -> None:
    nvml.boards[0].energy_mj = energy_mj
    meter = nvml_module.open_meter("")
    try:
        assert meter.kind == "integrated"
        assert meter.source == (
            f"NVML power, H100, driver 580.1, read every 0.1 s and added up for want of an energy counter ({reason})"
        )
        assert meter.boundary == "GPU board (without the host)"
    finally:
        meter.close()


@pytest.mark.parametrize(
    ("power_mw", "told"), [(None, "NVML: Not Supported"), (0, "a power of 0.0 W was read; want a number above 0")]
)
def test_neither_counter_nor_power_is_no_meter(nvml: Any, power_mw: int | None, told: str) -> None:
    nvml.boards[0].energy_mj, nvml.boards[0].power_mw = None, power_mw
    with pytest.raises(MeterUnavailableError) as caught:
        open_meter("nvml")
    address = "H100 at 00000000:05:00.0"
    assert str(caught.value) == f"{address} tells neither its energy (NVML: Not Supported) nor its power ({told})"


class Watts:
    """A power that changes, and the clock that goes with it."""

    def __init__(self) -> None:
        self.now_s, self.power_w = 0.0, 100.0

    def read(self) -> float:
        return self.power_w

    def clock(self) -> float:
        return self.now_s


@pytest.fixture
def polled() -> Iterator[Callable[..., tuple[Watts, PolledEnergy]]]:
    """Return a function that opens a power to add up; its thread sleeps for an hour unless told otherwise."""
    opened: list[PolledEnergy] = []

    def poll(every_s: float = 3600.0) -> tuple[Watts, PolledEnergy]:
        watts = Watts()
        opened.append(PolledEnergy(watts.read, clock=watts.clock, every_s=every_s))
        return watts, opened[-1]

    yield poll
    for one in opened:
        one.close()


def test_power_is_added_up_by_trapezoids(polled: Callable[..., tuple[Watts, PolledEnergy]]) -> None:
    """One second at 100 W, one from 100 to 300 W, and half a second at 300 W."""
    watts, energy = polled()
    for now_s, power_w, total_j in ((1.0, 100.0, 100.0), (2.0, 300.0, 300.0), (2.5, 300.0, 450.0), (2.5, 300.0, 450.0)):
        watts.now_s, watts.power_w = now_s, power_w
        assert energy.energy_j() == total_j


def test_a_thread_reads_it_in_between() -> None:
    """By the real clock: a rise soon after the beginning is seen when it happens; the two ends alone would give 25 % less."""
    power_w = [100.0]
    started_s = time.monotonic()
    energy = PolledEnergy(lambda: power_w[0], every_s=0.01)
    time.sleep(0.1)
    power_w[0] = 300.0
    risen_s = time.monotonic() - started_s
    time.sleep(0.5)
    used_j, elapsed_s = energy.energy_j(), time.monotonic() - started_s
    energy.close()
    assert used_j == pytest.approx(100 * risen_s + 300 * (elapsed_s - risen_s), rel=0.15)  # a busy machine wakes threads late


@pytest.mark.parametrize("power_w", [0.0, -5.0, float("nan"), float("inf")])
def test_a_power_that_is_none_is_an_error_from_then_on(
    polled: Callable[..., tuple[Watts, PolledEnergy]], power_w: float
) -> None:
    watts, energy = polled()
    watts.now_s, watts.power_w = 1.0, power_w
    for after_w in (power_w, 100.0, 100.0):
        with pytest.raises(OSError, match="W was read; want a number above 0"):
            energy.energy_j()
        watts.power_w = after_w


def test_a_gap_is_an_error_since_nobody_knows_what_passed(polled: Callable[..., tuple[Watts, PolledEnergy]]) -> None:
    watts, energy = polled()
    watts.now_s = 2.5
    with pytest.raises(OSError, match=r"the power was not read for 2\.5 s"):
        energy.energy_j()


def test_what_the_thread_cannot_read_is_told_to_whoever_asks(polled: Callable[..., tuple[Watts, PolledEnergy]]) -> None:
    """Even if it can be read again by then."""
    watts, energy = polled(every_s=0.001)
    watts.power_w = 0.0
    for _ in range(500):
        if not _reading():
            break
        time.sleep(0.01)
    assert not _reading()
    watts.power_w = 100.0
    with pytest.raises(OSError, match=r"a power of 0\.0 W was read"):
        energy.energy_j()


def test_closing_ends_the_thread(nvml: Any) -> None:
    nvml.boards[0].energy_mj = None
    meter: NvmlMeter = nvml_module.open_meter("")
    assert _reading()
    meter.close()
    for thread in _reading():
        thread.join(5)
    assert not _reading()


def test_a_counter_needs_no_thread(nvml: Any) -> None:
    open_meter("nvml")
    assert not _reading()


def test_boundary_is_that_of_the_board() -> None:
    assert NvmlMeter.boundary == Board.boundary == "GPU board (without the host)"


def _reading() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "power"]
