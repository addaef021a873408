"""Machine code for sm_90 without a device: what decides about speed is counted, and stays as it was found.

`make cuda-compile` runs these, in an environment of their own. Bounds are those of docs/benchmarks/gpu.md with a little room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from miner.backends.gpu_ceilings import COUNTS
from miner.backends.gpu_pipes import PROBES, STEPS, Probe
from miner.backends.gpu_program import program
from miner.backends.gpu_variant import LOOPED, SHIFTS, VARIANTS, Variant

pytestmark = pytest.mark.cuda_compile

Compile = Callable[[Variant], Any]

MOST_ALU = {  # instructions of the ALU pipe a hash, by midstates, and how sums and rotations are made
    "alu": {1: 2275, 2: 2075, 4: 1975},
    "fma": {1: 1830, 2: 1675, 4: 1597},
    "fma-w25": {1: 1712, 2: 1555, 4: 1477},
    "fma-w3-w10": {1: 1676, 2: 1557, 4: 1497},
    "fma-w3-w10-w19": {1: 1590, 2: 1492, 4: 1444},
    "fma-w3-w10-w25": {1: 1557, 2: 1437, 4: 1378},
}
MOST_ALU_LOOPED = {2: 1560, 4: 1500, 8: 1471, 16: 1456}
MOST_REGISTERS = {1: 42, 2: 64, 4: 80}  # 12, 8 and 6 blocks of 128 threads on an SM


@pytest.fixture(scope="module", params=["text", "numba"])
def compile_for(request: pytest.FixtureRequest) -> Compile:
    """Return the way to machine code: NVRTC from text, or numba.cuda."""
    pytest.importorskip("cuda.bindings.nvrtc", reason="needs the group cuda-compile: make cuda-compile")
    from miner.backends import gpu_compile

    return getattr(gpu_compile, f"{request.param}_code")


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_kernel_has_no_more_instructions_than_it_had(compile_for: Compile, variant: Variant) -> None:
    code = compile_for(variant)
    alu, fma = (number / variant.midstates for number in (code.counts.alu, code.counts.fma))
    assert (code.spilled_bytes, code.stack_bytes) == (0, 0)
    assert code.registers <= MOST_REGISTERS[variant.midstates]
    assert alu <= MOST_ALU[variant.name.split("-", 1)[1]][variant.midstates]
    assert alu > 1300, "fewer than can be: the loop was not found whole"
    if variant.multiplied:
        assert fma >= (1000 if variant.midstates == 1 else 950)
    amounts = [node.value for node in program(variant.midstates).each if node.operation in {"rotr", "shr"}]
    assert code.counts.wide >= sum(amount in variant.wide for amount in amounts)
    counted = (code.counts.total, code.counts.alu, code.counts.fma)
    assert counted == pytest.approx(COUNTS[variant.name][:3], rel=0.005, abs=12), "python -m miner.backends.gpu_compile counts"


@pytest.mark.parametrize("variant", LOOPED, ids=lambda variant: variant.name)
def test_a_looped_kernel_is_small_and_costs_little_more(variant: Variant) -> None:
    """Its code fits the instruction cache of 128 kB, which that of four straight midstates does not."""
    pytest.importorskip("cuda.bindings.nvrtc", reason="needs the group cuda-compile: make cuda-compile")
    from miner.backends.gpu_compile import resident_warps, text_code

    code, straight = text_code(variant), text_code(Variant(midstates=4, wide=SHIFTS))
    assert (code.spilled_bytes, code.stack_bytes) == (0, 0)
    assert len(code.cubin) < 60_000 < 128 << 10 < len(straight.cubin)
    assert (code.registers, code.shared_bytes, resident_warps(code)) == (56, 46 * 128 * 4, 36)
    assert code.counts.alu / variant.midstates <= MOST_ALU_LOOPED[variant.midstates]
    counted = (code.counts.total, code.counts.alu, code.counts.fma, code.counts.wide)
    assert counted == pytest.approx(COUNTS[variant.name], rel=0.005), "python -m miner.backends.gpu_compile counts"
    assert code.counts.names["LDS"] == 46 * variant.midstates


@pytest.mark.parametrize("midstates", [1, 2, 4])
def test_a_screen_against_a_limit_costs_next_to_nothing(compile_for: Compile, midstates: int) -> None:
    strict, easy = (compile_for(Variant(midstates=midstates, wide=SHIFTS, zero=zero)) for zero in (True, False))
    assert 0 < easy.counts.alu - strict.counts.alu <= 6 * midstates
    assert (easy.spilled_bytes, easy.stack_bytes) == (0, 0)


def test_a_word_that_all_nonces_share_is_no_load(compile_for: Compile) -> None:
    """Arguments are read from the constant bank by the instructions that use them."""
    names = compile_for(Variant()).counts.names
    assert not [name for name in names if name.startswith(("LDG", "LDL", "LDS", "LD."))]


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_a_probe_has_the_instructions_that_it_is_to_time(probe: Probe) -> None:
    """256 in its loop, by turns, and hardly anything else but the LOP3 that goes with a wide product."""
    pytest.importorskip("cuda.bindings.nvrtc", reason="needs the group cuda-compile: make cuda-compile")
    from miner.backends.gpu_compile import compiled_text

    code = compiled_text(probe.source)
    for name, least in probe.instructions.items():
        assert sum(number for full, number in code.counts.names.items() if full.startswith(name)) >= least
    companions = probe.instructions.get("IMAD.WIDE", 0)
    assert code.counts.total <= STEPS + companions + 16
    assert code.spilled_bytes == 0


def test_what_nvrtc_refuses_is_told_with_its_log() -> None:
    pytest.importorskip("cuda.bindings.nvrtc", reason="needs the group cuda-compile: make cuda-compile")
    from miner.backends.gpu_compile import compiled_text

    with pytest.raises(ValueError, match=r"NVRTC refuses the kernel: .*identifier .*undefined"):
        compiled_text('extern "C" __global__ void search() { undefined_name(); }')
