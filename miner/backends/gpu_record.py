"""Measure every GPU kernel on this machine and write a dated record: ``python -m miner.backends.gpu_record FILE``.

First the rates of the pipes, on which the predictions rest; then each variant by each way of compiling it: block 0 found,
kernel time by events, clocks of the board meanwhile; at last joules, over windows of 20 s after a warm-up, beside an idle one.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple, Protocol

from miner.backends.gpu_driver import first_line, require_device
from miner.backends.gpu_nvml import BoardState, board_meter
from miner.backends.gpu_pipes import PROBES, PipeRunner, lanes_per_clock
from miner.backends.gpu_search import Device, Job, job_of
from miner.backends.gpu_variant import SHIFTS, VARIANTS, Variant
from miner.backends.registry import GENESIS_HEADER, GENESIS_NONCE
from miner.target import MAX_TARGET
from miner.template import HeaderTemplate
from miner.units import HASHES_PER_GH, HASHES_PER_MH

PACKAGES: Final = ("numba-cuda", "cupy-cuda13x", "nvidia-cuda-nvrtc", "nvidia-nvvm", "nvidia-nvjitlink", "nvidia-ml-py")
PARTS: Final = ("pipes", "kernels", "energy")
METERED: Final = tuple(Variant(midstates=k, wide=wide) for k, wide in ((1, ()), (1, SHIFTS), (4, SHIFTS)))


class TimedDevice(Device, Protocol):
    """A GPU that also tells a kernel's own time and registers."""

    def seconds(self, job: Job, start: int, count: int) -> float:
        """Search; return the kernel's own time [s]."""
        ...

    def registers(self, variant: Variant) -> int:
        """Return the registers of a thread of a kernel that has been launched."""
        ...


class Meter(Protocol):
    """A board that tells its energy [J] and its state."""

    source: str

    def energy_j(self) -> float:
        """Return the energy [J] since the meter was opened."""
        ...

    def state(self) -> BoardState:
        """Return clock, temperature and power."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What is measured and for how long [s]; `launch_nonces` is one launch, a twentieth of a second or so."""

    devices: dict[str, TimedDevice]
    pipes: PipeRunner | None
    meter: Meter | None
    launch_nonces: int
    rank_s: float = 4.0
    warm_up_s: float = 10.0
    energy_s: float = 20.0
    repeats: int = 2
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Rate(NamedTuple):
    """Hashes, hashes a second of each launch, and the board's states meanwhile."""

    hashes: int
    samples_hps: list[float]
    states: list[BoardState]


def record(bench: Bench, variants: Sequence[Variant] = VARIANTS, parts: Sequence[str] = PARTS) -> Iterator[str]:
    """Yield the lines of the record as they are known, of the `parts` that are wanted."""
    writers = {"pipes": lambda: _pipe_lines(bench), "kernels": lambda: _kernel_lines(bench, variants)}
    writers["energy"] = lambda: _energy_lines(bench)
    for part in parts:
        yield from writers[part]()


def _pipe_lines(bench: Bench) -> Iterator[str]:
    if bench.pipes is None:
        return
    yield "\n## Pipes\n"
    yield "Lanes an SM does a clock, in cycles that blocks count themselves; 64 a pipe and 128 in all were predicted.\n"
    yield "| operations by turns | lanes a clock |\n|---|---|"
    for probe in PROBES:
        yield f"| {probe.name} | {lanes_per_clock(probe, bench.pipes):.1f} |"


def _kernel_lines(bench: Bench, variants: Sequence[Variant]) -> Iterator[str]:
    yield "\n## Kernels\n"
    yield f"Launches over {bench.rank_s:g} s, kernel time by events: ranks, no more. GH/s is a median, all midstates counted.\n"
    yield "| kernel | compiled by | block 0 | GH/s | lowest to highest | registers | SM MHz | W |"
    yield "|---|---|---|---|---|---|---|---|"
    for variant in variants:
        for name, device in bench.devices.items():
            yield _kernel_line(bench, variant, name, device)


def _kernel_line(bench: Bench, variant: Variant, name: str, device: TimedDevice) -> str:
    try:
        found = _finds_block_0(variant, device)
        rate = _rate(bench, variant, device, bench.rank_s)
        registers = device.registers(variant)
    except Exception as error:  # a variant that this GPU refuses must not cost the record of the others
        return f"| {variant.name} | {name} | failed: {first_line(error)} | | | | | |"
    low, middle, high = (f(rate.samples_hps) / HASHES_PER_GH for f in (min, median, max))
    mhz, watts = _mean(rate.states, "sm_mhz"), _mean(rate.states, "power_w")
    return (
        f"| {variant.name} | {name} | {'found' if found else '**NOT FOUND**'} | {middle:.3f} | {low:.3f} to {high:.3f}"
        f" | {registers} | {mhz} | {watts} |"
    )


def _energy_lines(bench: Bench) -> Iterator[str]:
    yield "\n## Energy\n"
    if bench.meter is None:
        yield "Not measured: no energy counter to be had."
        return
    bench.sleep(bench.warm_up_s)
    idle_w = _idle_w(bench, bench.meter)
    yield f"{bench.meter.source}; board sensor, host not included. Idle: {idle_w:.0f} W. Windows of {bench.energy_s:g} s.\n"
    yield "| kernel | compiled by | GH/s of wall time | W | J/MH | J/MH above idle | MH/J | SM MHz | C | limit W | reasons |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    name, device = next(iter(bench.devices.items()))
    for variant in METERED * bench.repeats:
        yield f"| {variant.name} | {name} | {_energy_cells(bench, bench.meter, variant, device, idle_w)} |"


def _energy_cells(bench: Bench, meter: Meter, variant: Variant, device: TimedDevice, idle_w: float) -> str:
    """Warm up, then measure one window; repeats of the kernels are interleaved."""
    _rate(bench, variant, device, bench.warm_up_s)
    before_j, started_s = meter.energy_j(), bench.clock()
    rate = _rate(bench, variant, device, bench.energy_s)
    used_j, elapsed_s = meter.energy_j() - before_j, bench.clock() - started_s
    gross, net = (joules / rate.hashes * HASHES_PER_MH for joules in (used_j, used_j - idle_w * elapsed_s))
    reasons = 0
    for state in rate.states:
        reasons |= state.reasons
    cells = [f"{rate.hashes / elapsed_s / HASHES_PER_GH:.3f}", f"{used_j / elapsed_s:.0f}", f"{gross:.4f}", f"{net:.4f}"]
    cells += [f"{1 / gross:.1f}" if gross else "-"]
    cells += [_mean(rate.states, field) for field in ("sm_mhz", "temperature_c", "limit_w")]
    return " | ".join([*cells, f"{reasons:#x}"])


def _idle_w(bench: Bench, meter: Meter) -> float:
    """Return the board's mean power [W] while nothing runs, its context open."""
    before_j, started_s = meter.energy_j(), bench.clock()
    bench.sleep(bench.energy_s / 2)
    return (meter.energy_j() - before_j) / (bench.clock() - started_s)


def _rate(bench: Bench, variant: Variant, device: TimedDevice, for_s: float) -> Rate:
    """Launch back to back for so long; hashes are counted from launches, not from hits."""
    job = _job(variant)
    samples: list[float] = []
    states: list[BoardState] = []
    started_s = bench.clock()
    while bench.clock() - started_s < for_s or not samples:
        one_s = device.seconds(job, 0, bench.launch_nonces)
        samples.append(bench.launch_nonces * variant.midstates / one_s)
        if bench.meter is not None:
            states.append(bench.meter.state())
    return Rate(bench.launch_nonces * variant.midstates * len(samples), samples, states)


def _finds_block_0(variant: Variant, device: TimedDevice) -> bool:
    """Search around the nonce of block 0, which the last midstate belongs to; a top word of 0 is found nowhere else near."""
    device.launch(_job(variant), GENESIS_NONCE - 1_000_000, 1_200_000)
    return device.collect() == (1, [GENESIS_NONCE])


def _job(variant: Variant) -> Job:
    """Return the job of block 0 and of headers that differ from it in their version bits."""
    headers = [bytes([GENESIS_HEADER[0] ^ place]) + GENESIS_HEADER[1:] for place in range(variant.midstates)][::-1]
    return job_of([HeaderTemplate(header) for header in headers], MAX_TARGET, variant)


def _mean(states: Sequence[BoardState], field: str) -> str:
    return f"{sum(getattr(state, field) for state in states) / len(states):.0f}" if states else "-"


def opened() -> Bench:
    """Return the bench of this machine's first GPU; raise ImportError with a sentence if there is none."""
    require_device()
    cupy = import_module("miner.backends.gpu_cupy").open_devices()[0]
    numba = import_module("miner.backends.gpu_numba").open_devices()[0]
    try:
        meter: Meter | None = board_meter(cupy.pci_address)
    except ImportError:
        meter = None
    devices: dict[str, TimedDevice] = {"NVRTC": cupy, "numba.cuda": numba}
    return Bench(devices=devices, pipes=cupy, meter=meter, launch_nonces=cupy.processors << 22)


def _packages() -> str:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} absent")
    return ", ".join(found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the record to a file, line by line as it comes, and to standard output."""
    parser = argparse.ArgumentParser(prog="gpu_record", description="Measure every GPU kernel and write a dated record.")
    parser.add_argument("file", type=Path, help="where the record goes, such as docs/benchmarks/gpu-2026-12-01.md")
    parser.add_argument("--quick", action="store_true", help="a tenth of the time: to see that everything runs")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure; everything unless told")
    chosen = parser.parse_args(arguments)
    try:
        bench = opened()
    except ImportError as error:
        sys.stdout.write(f"gpu_record: nothing measured: {error}\n")
        return 0
    if chosen.quick:
        bench = replace(bench, rank_s=bench.rank_s / 10, warm_up_s=bench.warm_up_s / 10, energy_s=bench.energy_s / 10)
    board = bench.meter.source if bench.meter else "no energy counter"
    head = f"# GPU kernels, measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n\n{board}. {_packages()}."
    with chosen.file.open("w", encoding="utf-8") as file:
        for line in chain([head], record(bench, parts=chosen.parts)):
            for out in (file, sys.stdout):
                out.write(f"{line}\n")
                out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
