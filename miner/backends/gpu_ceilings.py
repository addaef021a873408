"""How fast a GPU kernel could be: its instructions, and the pipes that take them.

The counts are those of machine code for compute capability 9.0, as NVRTC 13.0 makes it; numba.cuda's differ by 0.3 % at most.
A test that compiles without a device holds them true, so that a machine that measures needs no disassembler.
``python -m miner.backends.gpu_compile counts`` prints the table anew.
"""

from __future__ import annotations

from typing import Final

from miner.backends.gpu_sass import Counts
from miner.backends.gpu_variant import Variant

# Instructions of a pass of the nonce loop, for all midstates together: in all, of the ALU pipe, of the FMA pipe, its wide ones.
COUNTS: Final = {
    "k1-alu": (2475, 2267, 192, 1),
    "k2-alu": (4612, 4134, 439, 1),
    "k4-alu": (8786, 7870, 843, 1),
    "k1-fma": (2886, 1825, 1044, 1),
    "k2-fma": (5349, 3334, 1979, 1),
    "k4-fma": (10275, 6356, 3845, 1),
    "k1-fma-w25": (3006, 1705, 1284, 121),
    "k2-fma-w25": (5589, 3094, 2459, 241),
    "k4-fma-w25": (10754, 5876, 4805, 481),
    "k1-fma-w3-w10": (2886, 1669, 1200, 157),
    "k2-fma-w3-w10": (5350, 3098, 2215, 237),
    "k4-fma-w3-w10": (10279, 5960, 4241, 397),
    "k1-fma-w3-w10-w19": (2973, 1582, 1374, 244),
    "k2-fma-w3-w10-w19": (5479, 2968, 2475, 367),
    "k4-fma-w3-w10-w19": (10491, 5744, 4673, 613),
    "k1-fma-w3-w10-w25": (3006, 1549, 1440, 277),
    "k2-fma-w3-w10-w25": (5589, 2858, 2695, 477),
    "k4-fma-w3-w10-w25": (10753, 5480, 5201, 877),
    "k2-fma-w3-w10-loop": (5529, 3111, 2178, 237),
    "k4-fma-w3-w10-loop": (10512, 5985, 4120, 397),
    "k8-fma-w3-w10-loop": (20480, 11733, 8004, 717),
    "k16-fma-w3-w10-loop": (40416, 23229, 15772, 1357),
}


def ceiling_hps(counts: Counts, midstates: int, sm_hz: float, *, wide_slots: int = 1) -> float:
    """Return the rate [hashes/s] at which the fullest pipe is full; `sm_hz` is SMs times their clock [Hz]."""
    return sm_hz * midstates / counts.clocks(wide_slots=wide_slots)


def known_ceiling_hps(variant: Variant, sm_hz: float) -> float | None:
    """Return the ceiling [hashes/s] of a variant, wide products at full rate, or None if it was not counted."""
    counted = COUNTS.get(variant.name)
    if counted is None:
        return None
    total, alu, fma, wide = counted
    return ceiling_hps(Counts(total=total, alu=alu, fma=fma, wide=wide), variant.midstates, sm_hz)
