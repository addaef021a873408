"""The record of a GPU is written in full from stand-ins: a CPU that plays the device, a board that counts by the clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from miner.backends import gpu_record
from miner.backends.gpu_nvml import BoardState, board_meter
from miner.backends.gpu_pipes import PROBES, lanes_per_clock
from miner.backends.gpu_record import Bench, record
from miner.backends.gpu_search import Job
from miner.backends.gpu_variant import Variant

NONCES = 1000


class Clock:
    """Time that passes when something is done, and a board that draws 100 W idle and 300 W busy."""

    def __init__(self) -> None:
        self.now_s, self.used_j, self.source = 0.0, 0.0, "a board of paper"

    def pass_by(self, seconds: float, watts: float = 100.0) -> None:
        self.now_s += seconds
        self.used_j += seconds * watts

    def energy_j(self) -> float:
        return self.used_j

    def state(self) -> BoardState:
        return BoardState(sm_mhz=1980, temperature_c=60, power_w=299.0, limit_w=700.0, reasons=4)


class Pipes:
    """SMs that do 64 lanes of everything a clock."""

    processors = 3

    def block_cycles(self, text: str, blocks: int, passes: int) -> list[int]:
        assert "asm volatile" in text
        assert blocks == 12
        return [passes * 256 * 256 * 4 // 64 + 7 * block for block in range(blocks)]


@pytest.fixture
def bench(cpu_device: Callable[..., Any]) -> Bench:
    clock = Clock()

    def timed() -> Any:
        device = cpu_device()

        def seconds(job: Job, start: int, count: int) -> float:
            assert (start, count) == (0, NONCES)
            clock.pass_by(0.5, 300.0)
            return 0.25 * job.variant.midstates

        def found(job: Job, start: int, count: int) -> None:
            launch(job, start + 995_000, count - 1_190_000)

        launch = device.launch
        device.seconds, device.launch, device.registers = seconds, found, lambda variant: 40
        return device

    devices = {"NVRTC": timed(), "numba.cuda": timed()}
    waits = {"clock": lambda: clock.now_s, "sleep": clock.pass_by}
    return Bench(devices=devices, pipes=Pipes(), meter=clock, launch_nonces=NONCES, **waits)


def test_a_record_has_pipes_kernels_and_joules(bench: Bench) -> None:
    text = "\n".join(record(bench, [Variant(), Variant(midstates=2)]))
    assert text.count("| 64.0 |") == len(PROBES)
    assert "| k1-fma | NVRTC | found | 0.000 | 0.000 to 0.000 | 40 | 1980 | 299 |" in text
    assert "| k2-fma | numba.cuda | found |" in text
    assert "a board of paper; board sensor, host not included. Idle: 100 W. Windows of 20 s." in text
    # 300 W over 40 launches of 0.5 s, 1000 hashes each: 6000 J for 0.04 MH; above the idle 100 W it is 4000 J
    assert "| k1-fma | NVRTC | 0.000 | 300 | 150000.0000 | 100000.0000 | 0.0 | 1980 | 60 | 700 | 0x4 |" in text


def test_a_kernel_that_fails_costs_its_own_line_alone(bench: Bench) -> None:
    def refuse(job: Job, start: int, count: int) -> None:
        raise RuntimeError("invalid device function\nand more")

    bench.devices["NVRTC"].launch = refuse  # type: ignore[method-assign]
    lines = list(record(bench, [Variant()], ["kernels"]))
    assert lines[-2].startswith("| k1-fma | NVRTC | failed: RuntimeError: invalid device function | ")
    assert lines[-1].startswith("| k1-fma | numba.cuda | found |")


def test_a_wrong_answer_is_shouted(bench: Bench) -> None:
    bench.devices["NVRTC"].collect = lambda: (1, [5])  # type: ignore[method-assign]
    assert "**NOT FOUND**" in list(record(bench, [Variant()], ["kernels"]))[-2]


def test_without_a_counter_nothing_is_said_of_energy(bench: Bench) -> None:
    bare = gpu_record.replace(bench, meter=None, pipes=None)
    lines = list(record(bare, [], ["pipes", "energy"]))
    assert lines == ["\n## Energy\n", "Not measured: no energy counter to be had."]


def test_lanes_are_counted_in_cycles() -> None:
    assert lanes_per_clock(PROBES[0], Pipes()) == pytest.approx(64, rel=1e-4)


def test_the_command_writes_what_it_tells(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu_record, "opened", lambda: bench)
    path = tmp_path / "gpu.md"
    assert gpu_record.main([str(path), "--quick", "--parts", "pipes", "energy"]) == 0
    assert path.read_text() == capsys.readouterr().out
    assert path.read_text().startswith("# GPU kernels, measured 20")
    assert "Windows of 2 s." in path.read_text()


def test_without_a_device_the_command_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent() -> int:
        raise ImportError("no NVIDIA driver here")

    monkeypatch.setattr(gpu_record, "require_device", absent)
    assert gpu_record.main([str(tmp_path / "gpu.md")]) == 0
    assert capsys.readouterr().out == "gpu_record: nothing measured: no NVIDIA driver here\n"
    assert not (tmp_path / "gpu.md").exists()


def test_a_board_counts_from_when_it_was_opened(nvml: Any) -> None:
    meter = board_meter("0000:05:00.0")
    nvml.boards[0].energy_mj = 12_500
    assert meter.energy_j() == 7.5
    assert meter.source == "NVML energy counter, H100, driver 580.1"
    assert (meter.kind, meter.boundary) == ("measured", "GPU board (without the host)")
    assert meter.state() == BoardState(sm_mhz=1980, temperature_c=55, power_w=345.6, limit_w=700.0, reasons=4)


def test_a_board_that_nvml_does_not_read_is_a_sentence(nvml: Any) -> None:
    meter = board_meter("0000:05:00.0")
    nvml.boards[0].energy_mj = None
    with pytest.raises(OSError, match="Not Supported"):
        meter.energy_j()
    with pytest.raises(ImportError, match=r"^the energy of board 0000:05:00\.0 cannot be read: NVML: Not Supported$"):
        board_meter("0000:05:00.0")
    with pytest.raises(ImportError, match=r"^the energy of board 0000:06:00\.0 cannot be read: NVML: Not Found$"):
        board_meter("0000:06:00.0")
