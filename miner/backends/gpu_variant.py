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

    With `zero` it reports hashes whose top word is 0, else those whose top word is at most a limit.
    """

    midstates: int = 1
    multiplied: bool = True
    wide: tuple[int, ...] = ()
    zero: bool = True

    @property
    def name(self) -> str:
        """What tables and files call it."""
        pipe = ("fma" if self.multiplied else "alu") + "".join(f"-w{amount}" for amount in self.wide)
        return f"k{self.midstates}-{pipe}" + ("" if self.zero else "-any")


WIDE: Final = ((), (BIG_SIGMA_1,), SHIFTS, (*SHIFTS, SMALL_SIGMA_1), (*SHIFTS, BIG_SIGMA_1))
VARIANTS: Final = tuple(
    Variant(midstates=midstates, multiplied=multiplied, wide=wide)
    for multiplied, wide in ((False, ()), *((True, wide) for wide in WIDE))
    for midstates in (1, 2, 4)
)
"""What is compiled, counted and, where there is a device, measured; the screen against a limit costs two operations more."""
