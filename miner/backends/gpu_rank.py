"""Lines of a GPU's record that rank: pipes by their lanes, kernels by their rates, shapes of a launch by one kernel's rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median
from typing import Final, NamedTuple

from miner.backends.error_words import first_line
from miner.backends.gpu_bench import Bench, TimedDevice, answers
from miner.backends.gpu_job import Job
from miner.backends.gpu_pipes import PROBES, lanes_per_clock
from miner.backends.gpu_proof import block_0_job
from miner.backends.gpu_rate import Rate, rate
from miner.backends.gpu_variant import SHIFTS, Shape, Variant
from miner.backends.registry import GENESIS_NONCE

SHAPED: Final = Variant(wide=SHIFTS)
SHAPES: Final = tuple(
    Shape(block_threads=threads, blocks_per_processor=number)
    for threads, blocks in ((128, (4, 6, 12, 24)), (256, (2, 6, 12)), (512, (1, 3)), (64, (24,)))
    for number in blocks
)
BEFORE: Final = 1_000_000  # nonces searched before that of block 0, which alone of all these has a top word of 0
SEARCHED: Final = 1_200_000  # nonces searched in all
GONE: Final = "left out: CUDA answers this process no more; what is missing can be asked for with --kernels"


class Failure(NamedTuple):
    """What a device said instead of a result, and whether it still `answers`."""

    said: str
    answers: bool


def pipe_lines(bench: Bench) -> Iterator[str]:
    """Yield the rates of the pipes, on which all predictions rest."""
    yield "\n## Pipes\n"
    if bench.pipes is None:
        yield "Not measured: NVRTC cannot be used here."
        return
    yield "Lanes an SM does a clock, in cycles that blocks count themselves; 64 a pipe and 128 in all were predicted.\n"
    yield "| operations by turns | lanes a clock |\n|---|---|"
    for probe in PROBES:
        try:
            told = f"{lanes_per_clock(probe, bench.pipes):.1f}"
        except Exception as error:  # a probe that this GPU refuses must not cost the record of the others
            told = f"failed: {first_line(error)}"
        yield f"| {probe.name} | {told} |"


def kernel_lines(bench: Bench, variants: Sequence[Variant]) -> Iterator[str]:
    """Yield each kernel's rate by each way of compiling it, once it has found block 0."""
    yield "\n## Kernels\n"
    yield (
        f"Launches over {bench.rank_s:g} s, kernel time by events: ranks, no more. GH/s is a median, all midstates counted. "
        "The ceiling is that of docs/benchmarks/gpu.md at the clock measured, wide products at full rate.\n"
    )
    yield "| kernel | compiled by | block 0 | GH/s | lowest to highest | of the ceiling | registers | SM MHz | W |"
    yield "|---|---|---|---|---|---|---|---|---|"
    gone, troubles = set[str](), list[str]()
    for variant in variants:
        for name, device in bench.devices.items():
            if name in gone or variant not in device.variants:
                continue
            job = block_0_job(variant)
            result = _measured(bench, job, device, bench.rank_s)
            yield f"| {variant.name} | {name} | {_kernel_cells(result, job, device)} |"
            if isinstance(result, Rate):
                troubles += result.troubles
            elif not result.answers:
                gone.add(name)
                yield f"| all after it | {name} | {GONE} | | | | | | |"
    yield from trouble_lines(troubles)


def _kernel_cells(result: Rate | Failure, job: Job, device: TimedDevice) -> str:
    if isinstance(result, Failure):
        return f"{result.said} | | | | | |"
    cells = ["found", *result.cells, result.of_ceiling(job, device.processors), _registers(job, device)]
    return " | ".join([*cells, result.mean("sm_mhz"), result.mean("power_w")])


def _registers(job: Job, device: TimedDevice) -> str:
    try:
        return str(device.registers(job.variant))
    except Exception as error:  # a number that is not to be had must not cost the rate
        return first_line(error)


def shape_lines(bench: Bench) -> Iterator[str]:
    """Yield how the shape of a launch matters to one kernel, the fastest shape first."""
    yield "\n## Shapes of a launch\n"
    yield f"{SHAPED.name} over {bench.shape_s:g} s each, ranked. A block has so many threads, an SM is given so many blocks.\n"
    yield "| compiled by | threads x blocks | GH/s | lowest to highest | of the ceiling |\n|---|---|---|---|---|"
    troubles = list[str]()
    for name, device in bench.devices.items():
        measured = list[tuple[Job, Rate]]()
        for job in [replace(block_0_job(SHAPED), shape=shape) for shape in SHAPES]:
            result = _measured(bench, job, device, bench.shape_s)
            if isinstance(result, Rate):
                measured.append((job, result))
                troubles += result.troubles
                continue
            yield f"| {name} | {_shape(job)} | {result.said} | | |"
            if not result.answers:
                break
        for job, result in sorted(measured, key=lambda pair: -median(pair[1].samples_hps)):
            cells = " | ".join([*result.cells, result.of_ceiling(job, device.processors)])
            yield f"| {name} | {_shape(job)} | {cells} |"
    yield from trouble_lines(troubles)


def trouble_lines(troubles: Sequence[str]) -> Iterator[str]:
    """Yield one sentence if the board did not always tell its state."""
    if troubles:
        yield f"\nThe board did not tell its state {len(troubles)} times: {troubles[0]}."


def _measured(bench: Bench, job: Job, device: TimedDevice, for_s: float) -> Rate | Failure:
    """Return the rate of a kernel that finds block 0, or what was said instead."""
    try:
        device.launch(job, GENESIS_NONCE - BEFORE, SEARCHED)
        if device.collect() != (1, [GENESIS_NONCE]):
            return Failure("**NOT FOUND**", answers=True)
        return rate(bench, job, device, for_s)
    except Exception as error:  # a kernel that this GPU refuses must not cost the record of the others
        return Failure(f"failed: {first_line(error)}", answers(device))


def _shape(job: Job) -> str:
    return f"{job.shape.block_threads} x {job.shape.blocks_per_processor}"
