"""The kernels to choose from: how many midstates, which pipe adds, what is a wide product, how hashes are screened.

Shifts, logic and plain sums all go to one pipe of an NVIDIA SM, which is full; multiply-and-adds go to another, which
would idle (GH100: 64 lanes each a clock). So sums become `x * one + y` with a `one` that the compiler does not know. A wide
product by a power of two has a right shift in its high half, and a rotation as the sum of both halves: a shift then costs the
other pipe one instruction, a rotation two. Counts by variant: ``docs/benchmarks/gpu.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# FIPS 180-4's four functions share no amount of bits: by each the function is known.
SHIFTS: Final = (3, 10)  # the shifts of small sigma 0 and small sigma 1
BIG_SIGMA_1: Final = 25  # one rotation of it
SMALL_SIGMA_1: Final = 19  # one rotation of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A kernel: `midstates` that share a schedule, whether sums are multiplied, and the amounts that are wide products.

    With `looped` midstates run one after the other through the same code, else they take turns in one long piece. With `zero`
    it reports hashes whose top word is 0, else those whose top word is at most a limit.
    """

    midstates: int = 1
    multiplied: bool = True
    wide: tuple[int, ...] = ()
    looped: bool = False
    zero: bool = True

    @property
    def name(self) -> str:
        """What tables and files call it."""
        pipe = ("fma" if self.multiplied else "alu") + "".join(f"-w{amount}" for amount in self.wide)
        return f"k{self.midstates}-{pipe}" + "-loop" * self.looped + ("" if self.zero else "-any")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a launch is laid out: threads of a block, and blocks for each SM.

    Of blocks of 128 threads an SM holds 12 of one midstate's kernel, 10 of two midstates' and 8 of four, as their registers
    have it: 24 are two waves, 2.4 and three. Numba warns of fewer than 128 blocks in all.
    """

    block_threads: int = 128
    blocks_per_processor: int = 24


USUAL_SHAPE: Final = Shape()

WIDE: Final = ((), (BIG_SIGMA_1,), SHIFTS, (*SHIFTS, SMALL_SIGMA_1), (*SHIFTS, BIG_SIGMA_1))
VARIANTS: Final = tuple(
    Variant(midstates=midstates, multiplied=multiplied, wide=wide)
    for multiplied, wide in ((False, ()), *((True, wide) for wide in WIDE))
    for midstates in (1, 2, 4)
)
"""What is compiled, counted and, where there is a device, measured; the screen against a limit costs two operations more."""

LOOPED: Final = tuple(Variant(midstates=midstates, wide=SHIFTS, looped=True) for midstates in (2, 4, 8, 16))
"""The same for CUDA C++ alone: numba.cuda has no such form, for its hash is one intrinsic without a loop."""
