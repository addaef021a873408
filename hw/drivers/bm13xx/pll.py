"""The hash clock: from a wished frequency to the dividers in register 08 and back, and how long a sweep takes.

f = 25 MHz fb / (ref post1 post2), and the oscillator (VCO) runs at 25 MHz fb / ref. Of the settings that a chip's PLL locks on
the nearest to the wish is taken; of equals the slowest VCO, then the least product of post dividers, then the larger ref and
the larger post1, as factory firmware has them. Sources: bitaxeorg/ESP-Miner ``pll.c``; for the last two, that post1 may
equal post2, and `sweep_ticks`, the captures in 256foundation/mujina bm13xx/REFERENCE.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Final, Self

from hw.drivers.bm13xx.chips import Chip
from hw.drivers.bm13xx.registers import CRYSTAL_HZ
from hw.drivers.errors import FrameError, SettingError
from hw.units import HZ_PER_MHZ

CRYSTAL_MHZ: Final = CRYSTAL_HZ // HZ_PER_MHZ
REFS: Final = (1, 2)
POSTS: Final = range(1, 8)
FAST_VCO_MHZ: Final = 2400  # MHz, from which on register 08 has its VCO bit set; mujina REFERENCE.md
_ENABLE: Final = 1 << 30
_FAST_VCO: Final = 1 << 28
_HASHES_PER_CLOCK: Final = 2  # nonces that a core goes on in each clock; mujina, HASH_COUNTING_NUMBER
_NONCE_BITS: Final = 32


@dataclass(frozen=True, slots=True)
class Pll:
    """The four dividers of a PLL; none is 0."""

    fb: int
    ref: int
    post1: int
    post2: int

    @property
    def vco_mhz(self) -> float:
        """The frequency of the oscillator [MHz]."""
        return CRYSTAL_MHZ * self.fb / self.ref

    @property
    def mhz(self) -> float:
        """The frequency of the hash clock [MHz]."""
        return float(self.exact_mhz)

    @property
    def exact_mhz(self) -> Fraction:
        """The frequency of the hash clock [MHz], as a fraction."""
        return Fraction(CRYSTAL_MHZ * self.fb, self.ref * self.post1 * self.post2)

    def value(self, chip: Chip) -> int:
        """Return what to write into register 08 of `chip`; raise FrameError if a divider does not fit its field."""
        posts = self.post1 - chip.post_offset, self.post2 - chip.post_offset
        if not (0 < self.fb < 1 << 12 and 0 < self.ref < 1 << 6 and self.post1 > 0 < self.post2 and max(posts) < 1 << 3):
            raise FrameError(f"{self} does not fit register 08 of {chip.name}")
        fast = _FAST_VCO if chip.vco_select and self.vco_mhz >= FAST_VCO_MHZ else 0
        return _ENABLE | fast | self.fb << 16 | self.ref << 8 | posts[0] << 4 | posts[1]

    @classmethod
    def from_value(cls, value: int, chip: Chip) -> Self:
        """Read register 08 of `chip`; raise FrameError if a divider is 0, for there is no clock then."""
        posts = (value >> 4 & 7) + chip.post_offset, (value & 7) + chip.post_offset
        pll = cls(value >> 16 & 0xFFF, value >> 8 & 0x3F, *posts)
        if not pll.fb or not pll.ref or not all(posts):
            raise FrameError(f"register 08 at {value:#010x} divides by 0 or multiplies with it")
        return pll


def choose_pll(chip: Chip, wish_mhz: float) -> Pll:
    """Return the setting of `chip` whose hash clock is nearest to `wish_mhz` [MHz].

    Raises
    ------
    SettingError
        If the wish is below the slowest clock or above the fastest.
    """
    slowest, fastest = clock_range_mhz(chip)
    if not slowest <= wish_mhz <= fastest:
        raise SettingError(f"a clock of {wish_mhz} MHz; {chip.name} has {slowest:.1f} to {fastest:.1f} MHz")
    wish = Fraction(wish_mhz)

    def badness(pll: Pll) -> tuple[Fraction, float, int, int, int]:
        return abs(pll.exact_mhz - wish), pll.vco_mhz, pll.post1 * pll.post2, -pll.ref, -pll.post1

    return min(_near(chip, wish), key=badness)


def clock_range_mhz(chip: Chip) -> tuple[float, float]:
    """Return the slowest and the fastest hash clock [MHz] that the PLL of `chip` makes."""
    ranges = [(ref, fb_range(chip, ref)) for ref in REFS]
    vcos = [CRYSTAL_MHZ * fb / ref for ref, fbs in ranges if fbs for fb in (fbs[0], fbs[-1])]
    return min(vcos) / max(POSTS) ** 2, max(vcos)


def fb_range(chip: Chip, ref: int) -> range:
    """Return the feedback dividers on which the PLL of `chip` locks with `ref`; there may be none."""
    lowest = -floor(-Fraction(chip.vco_min_mhz) * ref / CRYSTAL_MHZ)
    highest = floor(Fraction(chip.vco_max_mhz) * ref / CRYSTAL_MHZ)
    return range(max(chip.fb_min, lowest), min(chip.fb_max, highest) + 1)


def _near(chip: Chip, wish: Fraction) -> Iterator[Pll]:
    """Yield, for each choice of the other dividers, the feedback dividers below and above the wish."""
    for ref in REFS:
        fbs = fb_range(chip, ref)
        for post1 in POSTS if fbs else ():
            for post2 in range(1, post1 + 1):
                below = floor(wish * ref * post1 * post2 / CRYSTAL_MHZ)
                for fb in (below, below + 1):
                    yield Pll(min(max(fb, fbs[0]), fbs[-1]), ref, post1, post2)


def sweep_ticks(chip: Chip, pll: Pll, chips: int, guard_ticks: int = 0) -> int:
    """Return register 10, in ticks of 25 MHz, for which each core sweeps its part of the nonces once, in a chain of `chips`.

    The nonces are parted by whole bits, so cores and chips count as the next power of two. It holds for this `pll` only. Chips
    go on for some 130 ticks more, so hosts may take `guard_ticks` off; 0, at which chips stop hashing, is never returned.

    Raises
    ------
    SettingError
        If `chips` is not 1 to 256.
    """
    if not 1 <= chips <= 256:
        raise SettingError(f"a chain of {chips} chips; want 1 to 256")
    bits = _NONCE_BITS - (chip.cores - 1).bit_length() - (chips - 1).bit_length()
    return max(floor((1 << bits) * CRYSTAL_MHZ / (_HASHES_PER_CLOCK * pll.exact_mhz)) - guard_ticks, 1)
