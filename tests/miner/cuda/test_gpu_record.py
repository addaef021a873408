"""The record of a GPU is written in full from stand-ins: a CPU that plays the device, a board that counts by the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from miner.backends import gpu_bench, gpu_record
from miner.backends.gpu_bench import Bench, opened
from miner.backends.gpu_ceilings import known_ceiling_hps
from miner.backends.gpu_job import Job
from miner.backends.gpu_nvml import BoardState, board_meter
from miner.backends.gpu_pipes import PROBES, lanes_per_clock
from miner.backends.gpu_proof import block_0_job
from miner.backends.gpu_rank import SHAPES
from miner.backends.gpu_rate import rate
from miner.backends.gpu_record import record
from miner.backends.gpu_variant import LOOPED, SHIFTS, VARIANTS, Variant
from miner.errors import BackendUnavailableError

NONCES = 2 * 24 * 128  # one for each thread of the usual shape on two SMs
ONE_S = 0.25


class Clock:
    """Time that passes when something is done, and a board that draws 100 W idle and 300 W busy."""

    def __init__(self) -> None:
        self.now_s, self.used_j, self.source = 0.0, 0.0, "a board of paper"
        self.looks_s: list[float] = []

    def pass_by(self, seconds: float, watts: float = 100.0) -> None:
        self.now_s += seconds
        self.used_j += seconds * watts

    def energy_j(self) -> float:
        return self.used_j

    def state(self) -> BoardState:
        self.looks_s.append(self.now_s)
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

        def begin(job: Job, start: int, count: int, launches: int) -> Callable[[], list[float]]:
            assert (start, count) == (0, NONCES)
            device.begun.append((job, launches))

            def wait() -> list[float]:
                clock.pass_by(ONE_S * launches, 300.0)
                return [ONE_S + 0.01] + [ONE_S] * (launches - 1)

            return wait

        def found(job: Job, start: int, count: int) -> None:
            launch(job, start + 995_000, count - 1_190_000)

        launch = device.launch
        device.begun, device.variants = [], VARIANTS
        device.begin, device.launch, device.registers = begin, found, lambda variant: 40
        return device

    devices = {"NVRTC": timed(), "numba.cuda": timed()}
    devices["NVRTC"].variants = (*VARIANTS, *LOOPED)
    waits = {"clock": lambda: clock.now_s, "sleep": clock.pass_by}
    return Bench(devices=devices, pipes=Pipes(), meter=clock, launch_nonces=NONCES, **waits)


def test_a_record_has_pipes_kernels_shapes_and_joules(bench: Bench) -> None:
    text = "\n".join(record(bench, [Variant(), Variant(midstates=2)]))
    assert text.count("| 64.0 |") == len(PROBES)
    assert "| k1-fma | NVRTC | found | 0.000 | 0.000 to 0.000 | 0.0 % | 40 | 1980 | 299 |" in text
    assert "| k2-fma | numba.cuda | found |" in text
    assert text.count("| NVRTC | 512 x ") == text.count("| numba.cuda | 512 x ") == 2
    assert "a board of paper; board sensor, host not included. Idle: 100 W. Windows of 20 s." in text
    # 300 W over 20.25 s (81 launches of a quarter second, the first alone), 6144 hashes each
    gross, net = (watts * 81 * ONE_S / (81 * NONCES / 1e6) for watts in (300, 200))
    assert f"| k1-fma | NVRTC | 0.000 | 300 | {gross:.4f} | {net:.4f} | 0.0 | 1980 | 60 | 700 | 0x4 |" in text


def test_launches_are_batched_and_the_board_is_looked_at_once_a_second(bench: Bench) -> None:
    """The first launch of a batch waited for the host: it counts as hashes, but not as a sample."""
    device: Any = bench.devices["NVRTC"]
    result = rate(bench, block_0_job(Variant()), device, 3.0)
    assert [launches for _, launches in device.begun] == [1, 4, 4, 3]
    assert result.hashes == 12 * NONCES
    assert result.samples_hps == [NONCES / ONE_S] * 8
    board: Any = bench.meter
    assert board.looks_s == [0.25, 1.25, 2.25]


def test_a_launch_of_several_midstates_lasts_as_long(bench: Bench) -> None:
    long = replace(bench, launch_nonces=4 * NONCES)
    device: Any = bench.devices["NVRTC"]
    result = rate(long, block_0_job(Variant(midstates=4)), device, 0.1)
    assert result.samples_hps == [4 * NONCES / ONE_S]


def test_a_share_is_that_of_the_ceiling_at_the_clock_measured(bench: Bench) -> None:
    """64 lanes of the ALU pipe a clock on 2 SMs of 1.98 GHz, for 1669 instructions a hash."""
    ceiling_hps = known_ceiling_hps(Variant(wide=SHIFTS), 2 * 1.98e9)
    assert ceiling_hps == pytest.approx(2 * 1.98e9 * 64 / 1669)
    result = rate(bench, block_0_job(Variant(wide=SHIFTS)), bench.devices["NVRTC"], 1.0)
    fast = replace(result, samples_hps=[0.75 * ceiling_hps])
    assert fast.of_ceiling(block_0_job(Variant(wide=SHIFTS)), 2) == "75.0 %"
    assert replace(fast, states=[]).of_ceiling(block_0_job(Variant(wide=SHIFTS)), 2) == "-"
    assert known_ceiling_hps(Variant(zero=False), 1e9) is None


def test_shapes_are_ranked_by_their_median(bench: Bench) -> None:
    device: Any = bench.devices["NVRTC"]
    begin = device.begin

    def slower(job: Job, start: int, count: int, launches: int) -> Callable[[], list[float]]:
        wait = begin(job, start, NONCES, launches)
        return lambda: [one_s * job.shape.blocks_per_processor for one_s in wait()]

    device.begin = slower
    long = replace(bench, launch_nonces=512 * NONCES)  # which every shape's threads divide
    lines = [line for line in record(long, [], ["shapes"]) if line.startswith("| NVRTC")]
    blocks = [int(line.split(" x ")[1].split()[0]) for line in lines]
    assert blocks == sorted(shape.blocks_per_processor for shape in SHAPES)


def test_a_form_that_a_compiler_lacks_is_not_asked_of_it(bench: Bench) -> None:
    lines = list(record(bench, LOOPED[1:2], ["kernels"]))
    assert [line.split(" | ")[:2] for line in lines[4:]] == [["| k4-fma-w3-w10-loop", "NVRTC"]]


def test_a_kernel_that_fails_costs_its_own_line_alone(bench: Bench) -> None:
    def refuse(job: Job, start: int, count: int) -> None:
        raise RuntimeError("invalid device function\nand more")

    bench.devices["NVRTC"].launch = refuse  # type: ignore[method-assign]
    lines = list(record(bench, [Variant(), Variant(midstates=2)], ["kernels"]))
    assert [line.split(" | ")[:3] for line in lines[-4:]] == [
        ["| k1-fma", "NVRTC", "failed: RuntimeError: invalid device function"],
        ["| k1-fma", "numba.cuda", "found"],
        ["| k2-fma", "NVRTC", "failed: RuntimeError: invalid device function"],
        ["| k2-fma", "numba.cuda", "found"],
    ]


def test_after_an_error_that_stays_a_device_is_asked_no_more(bench: Bench) -> None:
    """An illegal address ends CUDA for the whole process: every later call would only repeat it."""

    def gone(*job: Any) -> Any:
        raise RuntimeError("CUDA_ERROR_ILLEGAL_ADDRESS")

    device: Any = bench.devices["NVRTC"]
    device.begin = device.collect = gone
    lines = list(record(bench, [Variant(), Variant(midstates=2)], ["kernels"]))
    assert [line.split(" | ")[:2] for line in lines[-4:]] == [
        ["| k1-fma", "NVRTC"],
        ["| all after it", "NVRTC"],
        ["| k1-fma", "numba.cuda"],
        ["| k2-fma", "numba.cuda"],
    ]
    assert "CUDA answers this process no more" in lines[-3]
    shapes = [line for line in record(bench, [], ["shapes"]) if line.startswith("| NVRTC")]
    assert len(shapes) == 1
    energy = [line for line in record(bench, [], ["energy"]) if " | NVRTC | " in line]
    assert [line.split(" | ")[0] for line in energy] == ["| k1-fma", "| all after it"]


def test_a_board_that_does_not_answer_costs_a_look_and_no_line(bench: Bench) -> None:
    def mute() -> BoardState:
        raise OSError("NVML: Unknown Error")

    bench.meter.state = mute  # type: ignore[union-attr, method-assign]
    lines = list(record(bench, [Variant()], ["kernels"]))
    assert "| k1-fma | NVRTC | found | 0.000 | 0.000 to 0.000 | - | 40 | - | - |" in lines
    assert lines[-1] == "\nThe board did not tell its state 6 times: NVML: Unknown Error."
    energy = list(record(bench, [], ["energy"]))
    assert sum("failed" in line for line in energy) == 0
    assert energy[-1].startswith("\nThe board did not tell its state")


def test_a_counter_that_fails_is_said_and_ends_nothing_else(bench: Bench) -> None:
    def mute() -> float:
        raise OSError("NVML: GPU is lost")

    bench.meter.energy_j = mute  # type: ignore[union-attr, method-assign]
    lines = list(record(bench, [Variant()], ["energy", "kernels"]))
    assert lines[1] == "Not measured: the energy counter cannot be read: NVML: GPU is lost."
    assert lines[-1].startswith("| k1-fma | numba.cuda | found |")


def test_a_probe_that_fails_costs_its_own_line(bench: Bench) -> None:
    def refuse(text: str, blocks: int, passes: int) -> list[int]:
        if "shf" in text:
            raise RuntimeError("no such instruction")
        return Pipes().block_cycles(text, blocks, passes)

    bench.pipes.block_cycles = refuse  # type: ignore[union-attr, method-assign]
    text = "\n".join(record(bench, [], ["pipes"]))
    assert "| shf | failed: RuntimeError: no such instruction |" in text
    assert "| imad | 64.0 |" in text


def test_a_wrong_answer_is_shouted(bench: Bench) -> None:
    bench.devices["NVRTC"].collect = lambda: (1, [5])  # type: ignore[method-assign]
    assert "**NOT FOUND**" in list(record(bench, [Variant()], ["kernels"]))[-2]


def test_without_a_counter_nothing_is_said_of_energy(bench: Bench) -> None:
    lines = list(record(replace(bench, meter=None, pipes=None), [], ["pipes", "energy"]))
    assert lines[:2] == ["\n## Pipes\n", "Not measured: NVRTC cannot be used here."]
    assert lines[2:] == ["\n## Energy\n", "Not measured: no energy counter to be had."]


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


def test_a_second_run_is_added_to_the_first(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_record, "opened", lambda: replace(bench, absent=("numba.cuda: ImportError: no numba",)))
    path = tmp_path / "gpu.md"
    assert gpu_record.main([str(path), "--quick", "--parts", "pipes"]) == 0
    first = path.read_text()
    assert "\n\nNot to be had: numba.cuda: ImportError: no numba.\n" in first
    assert gpu_record.main([str(path), "--quick", "--parts", "kernels", "--kernels", "k1-fma"]) == 0
    more = path.read_text().removeprefix(first)
    assert more.startswith("\n# More, measured 20")
    assert more.count("| found |") == 2


def test_without_a_device_the_command_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent() -> int:
        raise ImportError("no NVIDIA driver here")

    monkeypatch.setattr(gpu_bench, "require_device", absent)
    assert gpu_record.main([str(tmp_path / "gpu.md")]) == 0
    assert capsys.readouterr().out == "gpu_record: nothing measured: no NVIDIA driver here\n"
    assert not (tmp_path / "gpu.md").exists()


class TestOpened:
    """What of compilers and sensors can be had, with a device there."""

    @pytest.fixture
    def modules(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        """Devices by module; what is no list is raised instead."""
        known: dict[str, Any] = {f"miner.backends.gpu_{name}": [self.Device()] for name in ("cupy", "numba")}

        def open_devices(name: str) -> Any:
            if isinstance(known[name], Exception):
                raise known[name]
            return known[name]

        monkeypatch.setattr(gpu_bench, "require_device", lambda: 1)
        monkeypatch.setattr(gpu_bench, "import_module", lambda name: SimpleNamespace(open_devices=lambda: open_devices(name)))
        return known

    class Device:
        processors, pci_address = 132, "0000:05:00.0"

    def test_everything_is_there(self, modules: dict[str, Any], nvml: Any) -> None:
        bench = opened()
        assert (list(bench.devices), bench.absent, bench.launch_nonces) == (["NVRTC", "numba.cuda"], (), 132 << 23)
        assert bench.pipes is bench.devices["NVRTC"]
        assert bench.meter is not None

    def test_a_compiler_that_cannot_be_used_leaves_the_other(self, modules: dict[str, Any], nvml: Any) -> None:
        modules["miner.backends.gpu_cupy"] = RuntimeError("no libnvrtc\nhere")
        bench = opened()
        assert (list(bench.devices), bench.pipes, bench.absent) == (["numba.cuda"], None, ("NVRTC: RuntimeError: no libnvrtc",))
        assert bench.meter is not None

    def test_without_sensors_rates_are_measured(self, modules: dict[str, Any], nvml: Any) -> None:
        nvml.boards[0].energy_mj = None
        bench = opened()
        assert bench.meter is None
        assert bench.absent[0].startswith("energy counter: ImportError: the energy of board 0000:05:00.0 cannot be read")

    def test_a_device_that_nothing_can_use_is_no_success(
        self, modules: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        modules.update(dict.fromkeys(modules, ImportError("not installed")))
        with pytest.raises(BackendUnavailableError, match=r"NVRTC: ImportError: not installed; numba\.cuda: ImportError"):
            opened()
        assert gpu_record.main([str(tmp_path / "gpu.md")]) == 1
        assert capsys.readouterr().err.startswith(
            "gpu_record: nothing measured: there is a CUDA device, but nothing can use it"
        )
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
