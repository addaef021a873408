"""Which instruction of a GPU goes how fast: small kernels of one instruction, or two by turns, timed in SM cycles.

The ceilings of the search kernels rest on 64 lanes a clock for each of two pipes of an SM (compute capability 9.0) and on an
unknown rate of wide products. These kernels measure both, in cycles that each block counts itself: no clock rate enters.
A wide product comes with a LOP3 of the other pipe, for a product of which one half is dropped would be no wide one; at
full rate the two together fill what an SM can issue.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Final, Protocol

CHAINS: Final = 8  # independent words a thread: more than the latency of an instruction
STEPS: Final = 256  # instructions in a pass of the loop
PASSES: Final = 4096
BLOCKS_PER_PROCESSOR: Final = 4
BLOCK_THREADS: Final = 256
ENTRY: Final = "probe"

_OPERATIONS: Final = {
    "lop3": "lop3.b32 %0, %0, %1, %2, 0x96;",
    "shf": "shf.r.wrap.b32 %0, %0, %0, 7;",
    "iadd3": "{ .reg .b32 t; add.u32 t, %0, %1; add.u32 %0, t, %2; }",
    "imad": "mad.lo.u32 %0, %0, %1, %2;",
    "imad.hi": "mad.hi.u32 %0, %0, %1, %2;",
    "imad.wide": "{ .reg .b64 t; .reg .b32 h; mul.wide.u32 t, %0, %1; mov.b64 {%0, h}, t; xor.b32 %0, %0, h; }",
}
_SASS: Final = {"lop3": "LOP3", "shf": "SHF", "iadd3": "IADD3", "imad": "IMAD", "imad.hi": "IMAD.HI", "imad.wide": "IMAD.WIDE"}

_TEXT: Final = """\
typedef unsigned int word;
extern "C" __global__ void __launch_bounds__({threads}) {entry}(long long *cycles, word *sink, word passes, word a, word b)
{{
    word {declared};
    const long long before = clock64();
#pragma unroll 1
    for (word pass = 0; pass < passes; ++pass) {{
{body}
    }}
    const long long after = clock64();
    if (({joined}) == 0x12345678u) sink[0] = 1;  // never, but the compiler does not know
    if (threadIdx.x == 0) cycles[blockIdx.x] = after - before;
}}
"""


@dataclass(frozen=True, slots=True)
class Probe:
    """The operations that take turns in a kernel."""

    operations: tuple[str, ...]

    @property
    def name(self) -> str:
        """What tables call it."""
        return " + ".join(self.operations)

    @property
    def instructions(self) -> dict[str, int]:
        """Names of machine instructions, and how many of each a pass of the loop must have at least."""
        each = STEPS // len(self.operations)
        return {_SASS[operation]: each for operation in self.operations}

    @property
    def source(self) -> str:
        """The kernel as text of CUDA C++."""
        names = [f"x{place}" for place in range(CHAINS * len(self.operations))]
        return _TEXT.format(
            threads=BLOCK_THREADS,
            entry=ENTRY,
            declared=", ".join(f"{name} = threadIdx.x + a + {place}u" for place, name in enumerate(names)),
            body="\n".join(self._step(step) for step in range(STEPS)),
            joined=" ^ ".join(names),
        )

    def _step(self, step: int) -> str:
        kind, turn = step % len(self.operations), step // len(self.operations)
        text = _OPERATIONS[self.operations[kind]]
        inputs = ' : "r"(a), "r"(b)' if "%1" in text else ""
        return f'        asm volatile("{text}" : "+r"(x{kind * CHAINS + turn % CHAINS}){inputs});'


PROBES: Final = tuple(
    Probe(operations)
    for operations in (
        *((operation,) for operation in _OPERATIONS),
        *(("lop3", "imad"), ("shf", "imad"), ("shf", "lop3"), ("iadd3", "imad"), ("shf", "imad.wide")),
    )
)


class PipeRunner(Protocol):
    """What runs a probe on a GPU of so many `processors`."""

    processors: int

    def block_cycles(self, text: str, blocks: int, passes: int) -> list[int]:
        """Run the kernel of `text`; return the cycles that each block counted."""
        ...


def lanes_per_clock(probe: Probe, runner: PipeRunner, passes: int = PASSES) -> float:
    """Return how many lanes of a probe's operations an SM does a clock, all warps of it together: 32 lanes a warp."""
    blocks = BLOCKS_PER_PROCESSOR * runner.processors
    runner.block_cycles(probe.source, blocks, 1)
    cycles = median(runner.block_cycles(probe.source, blocks, passes))
    return STEPS * passes * BLOCK_THREADS * BLOCKS_PER_PROCESSOR / cycles
