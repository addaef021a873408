"""Lines of a GPU's record that tell joules: windows of some 20 s after a warm-up, beside an idle one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from miner.backends.error_words import first_line
from miner.backends.gpu_bench import Bench, Meter, TimedDevice, answers
from miner.backends.gpu_job import Job
from miner.backends.gpu_proof import block_0_job
from miner.backends.gpu_rank import trouble_lines
from miner.backends.gpu_rate import Rate, rate
from miner.backends.gpu_variant import SHIFTS, Variant
from miner.units import HASHES_PER_GH, HASHES_PER_MH

METERED: Final = (
    Variant(),
    Variant(wide=SHIFTS),
    Variant(midstates=4, wide=SHIFTS),
    Variant(midstates=4, wide=SHIFTS, looped=True),
)


def energy_lines(bench: Bench) -> Iterator[str]:
    """Yield each metered kernel's energy a hash; repeats of the kernels are interleaved."""
    yield "\n## Energy\n"
    if bench.meter is None:
        yield "Not measured: no energy counter to be had."
        return
    try:
        bench.sleep(bench.warm_up_s)
        idle_w = _idle_w(bench, bench.meter)
    except OSError as error:
        yield f"Not measured: the energy counter cannot be read: {error}."
        return
    yield f"{bench.meter.source}; board sensor, host not included. Idle: {idle_w:.0f} W. Windows of {bench.energy_s:g} s.\n"
    yield "| kernel | compiled by | GH/s of wall time | W | J/MH | J/MH above idle | MH/J | SM MHz | C | limit W | reasons |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    name, device = next(iter(bench.devices.items()))
    troubles = list[str]()
    for variant in METERED * bench.repeats:
        if variant not in device.variants:
            continue
        try:
            cells, result = _energy_cells(bench, bench.meter, block_0_job(variant), device, idle_w)
            troubles += result.troubles
        except Exception as error:  # one window that fails must not cost the others
            cells = f"failed: {first_line(error)} | | | | | | | |"
        yield f"| {variant.name} | {name} | {cells} |"
        if not answers(device):
            yield f"| all after it | {name} | left out: CUDA answers this process no more | | | | | | | | |"
            break
    yield from trouble_lines(troubles)


def _energy_cells(bench: Bench, meter: Meter, job: Job, device: TimedDevice, idle_w: float) -> tuple[str, Rate]:
    """Warm up, then measure one window."""
    rate(bench, job, device, bench.warm_up_s)
    before_j, started_s = meter.energy_j(), bench.clock()
    result = rate(bench, job, device, bench.energy_s)
    used_j, elapsed_s = meter.energy_j() - before_j, bench.clock() - started_s
    gross, net = (joules / result.hashes * HASHES_PER_MH for joules in (used_j, used_j - idle_w * elapsed_s))
    reasons = 0
    for state in result.states:
        reasons |= state.reasons
    cells = [f"{result.hashes / elapsed_s / HASHES_PER_GH:.3f}", f"{used_j / elapsed_s:.0f}", f"{gross:.4f}", f"{net:.4f}"]
    cells += [f"{1 / gross:.1f}" if gross else "-"]
    cells += [result.mean(quantity) for quantity in ("sm_mhz", "temperature_c", "limit_w")]
    return " | ".join([*cells, f"{reasons:#x}"]), result


def _idle_w(bench: Bench, meter: Meter) -> float:
    """Return the board's mean power [W] while nothing runs, its context open."""
    before_j, started_s = meter.energy_j(), bench.clock()
    bench.sleep(bench.energy_s / 2)
    return (meter.energy_j() - before_j) / (bench.clock() - started_s)
