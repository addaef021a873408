"""The chips of the family: one row each, and everything that tells one from another stands in it.

The letter in a row's comments is the source, as the list at the end of REFERENCE.md beside this file has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hw.drivers.bm13xx.jobs import JobForm
from hw.drivers.bm13xx.registers import Register
from hw.drivers.errors import SettingError
from hw.units import HZ_PER_MHZ


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """What is known of a chip. Adding one is adding a row to `CHIPS`.

    Attributes
    ----------
    chip_id : the upper 16 bits of register 00.
    cores, small_cores : of one chip; each small core makes one hash a clock.
    job_form : the form of job that it takes.
    core_bits, address_bits : of the nonce, from its top as it goes over the wire; the address without its lowest bit, and 0
        bits where the nonce does not bear it.
    id_mask, id_shift : the bits of a result id that are the job id, and how far they stand left of where the host sent them;
        the other bits are the sub-core, or the number of the midstate.
    id_step, id_modulus : how hosts count job ids.
    fb_min, fb_max, vco_min_mhz, vco_max_mhz : what the PLL locks on [1, MHz].
    post_offset : what is taken off the post dividers where register 08 holds them.
    vco_select : whether register 08 has a bit for a VCO of 2400 MHz and more.
    baud_register : the register that sets the rate of the line.
    default_mhz, default_mv : as sold [MHz, mV]; None where no source gives it.
    factory_sweep_ticks : register 10 as factory firmware writes it for a long chain; None where no source gives it.
    resets : pairs of register and value after a reset; registers that are not named are 0.
    """

    name: str
    chip_id: int
    cores: int
    small_cores: int
    job_form: JobForm
    core_bits: int
    address_bits: int
    id_mask: int
    id_shift: int
    id_step: int
    id_modulus: int
    fb_min: int
    fb_max: int
    vco_min_mhz: float
    vco_max_mhz: float
    post_offset: int
    vco_select: bool
    baud_register: Register
    default_mhz: float
    default_mv: float | None
    factory_sweep_ticks: int | None
    resets: tuple[tuple[Register, int], ...]

    def hashrate_hps(self, clock_mhz: float, chips: int = 1) -> float:
        """Return the hash rate [H/s] of `chips` chips at `clock_mhz` [MHz] if every small core works."""
        return clock_mhz * HZ_PER_MHZ * self.small_cores * chips


def _rolling_resets(chip_word: int, soft_reset: int) -> tuple[tuple[Register, int], ...]:
    """Return the resets of the chips that roll versions: M for 18, 28 and A8, S for A4."""
    return (
        (Register.CHIP_ID, chip_word),
        (Register.MISC, 0x0000C100),
        (Register.UART, 0x01301A00),
        (Register.VERSION_MASK, 0x0000FFFF),
        (Register.SOFT_RESET, soft_reset),
    )


_ROWS: Final = (
    Chip(
        name="BM1397",
        chip_id=0x1397,
        cores=168,  # E
        small_cores=672,  # E; S: the chip's own count, 0x18, times 28
        job_form=JobForm.MIDSTATE,
        core_bits=8,  # G; the 7 bits of the others would not number 168 cores
        address_bits=0,  # no source that says where
        id_mask=0xFC,  # E
        id_shift=0,
        id_step=4,  # E
        id_modulus=128,
        fb_min=60,  # E
        fb_max=200,
        vco_min_mhz=0.0,  # no source
        vco_max_mhz=3200.0,  # no source; that of its successors, M
        post_offset=0,  # S: reset C0600161 is 400 MHz, PLL3 C0700111 is 2.8 GHz; E writes it so
        vco_select=False,  # S names no such bit, and E writes none
        baud_register=Register.MISC,  # E
        default_mhz=425.0,  # E
        default_mv=1400.0,
        factory_sweep_ticks=None,
        resets=(  # S
            (Register.CHIP_ID, 0x13971800),
            (Register.PLL, 0xC0600161),
            (Register.MISC, 0x00003A01),
            (Register.UART, 0x0600000F),
            (Register.UART_RELAY, 0x000F0000),
            (Register.IO_STRENGTH, 0x02112111),
            (Register.PLL3, 0x00700111),
            (Register.PLL_DIVIDER, 0x03040607),
        ),
    ),
    Chip(
        name="BM1362",
        chip_id=0x1362,
        cores=65,  # M
        small_cores=514,  # M: 65 cores of 8 less 6 that are dead in every chip; the nameplate of an S19j Pro gives 505
        job_form=JobForm.FULL,
        core_bits=7,  # E
        address_bits=7,  # M
        id_mask=0xF8,  # E
        id_shift=0,
        id_step=8,  # M: five bits, shifted left by 3; E, of BM1366
        id_modulus=256,  # M: factory firmware counts past 15
        fb_min=0x10,  # M
        fb_max=0xFA,
        vco_min_mhz=2000.0,  # M
        vco_max_mhz=3125.0,  # M: 3200, but 3125 with ref 1; with ref 2 fb ends there too
        post_offset=1,  # E, M
        vco_select=True,  # E, M
        baud_register=Register.UART,
        default_mhz=525.0,  # M: the target of an S19j Pro; L: its 100 TH/s profile
        default_mv=None,
        factory_sweep_ticks=0x1381,  # M, 126 chips
        resets=_rolling_resets(0x13620300, 0x00000000),
    ),
    Chip(
        name="BM1366",
        chip_id=0x1366,
        cores=112,  # E
        small_cores=894,
        job_form=JobForm.FULL,
        core_bits=7,  # E
        address_bits=7,
        id_mask=0xF8,  # E
        id_shift=0,
        id_step=8,  # E
        id_modulus=128,
        fb_min=0x90,  # E
        fb_max=0xEB,
        vco_min_mhz=0.0,  # no source
        vco_max_mhz=3200.0,  # no source; that of BM1362 and BM1370, M
        post_offset=1,
        vco_select=True,
        baud_register=Register.UART,
        default_mhz=485.0,  # E
        default_mv=1200.0,
        factory_sweep_ticks=0x151C,  # X; M: S19 XP, 110 chips
        resets=_rolling_resets(0x13660000, 0x00070000),
    ),
    Chip(
        name="BM1368",
        chip_id=0x1368,
        cores=80,  # E
        small_cores=1276,
        job_form=JobForm.FULL,
        core_bits=7,  # E
        address_bits=0,  # M has no source; hosts tell chips by range, as on BM1370
        id_mask=0xF0,  # E
        id_shift=1,
        id_step=24,
        id_modulus=128,
        fb_min=0x90,  # E
        fb_max=0xEB,
        vco_min_mhz=0.0,  # no source
        vco_max_mhz=3200.0,  # no source; that of BM1362 and BM1370, M
        post_offset=1,
        vco_select=True,
        baud_register=Register.UART,
        default_mhz=490.0,  # E
        default_mv=1166.0,
        factory_sweep_ticks=0x15A4,  # X; M: S21
        resets=_rolling_resets(0x13680000, 0x00070000),
    ),
    Chip(
        name="BM1370",
        chip_id=0x1370,
        cores=128,  # E
        small_cores=2040,
        job_form=JobForm.FULL,
        core_bits=7,  # E
        address_bits=0,  # M: by range
        id_mask=0xF0,  # E
        id_shift=1,
        id_step=24,
        id_modulus=128,
        fb_min=0xA0,  # E
        fb_max=0xEF,
        vco_min_mhz=1600.0,  # M
        vco_max_mhz=3200.0,
        post_offset=1,
        vco_select=True,
        baud_register=Register.UART,
        default_mhz=525.0,  # E
        default_mv=1150.0,
        factory_sweep_ticks=0x1EB5,  # M: S21 Pro, 65 chips
        resets=_rolling_resets(0x13700000, 0x00070000),
    ),
)

CHIPS: Final = {chip.name: chip for chip in _ROWS}


def chip_of(register_00: int) -> Chip:
    """Return the chip whose register 00 reads so; raise SettingError, which names the known ones, if there is none."""
    for chip in _ROWS:
        if chip.chip_id == register_00 >> 16:
            return chip
    raise SettingError(f"no chip has register 00 at {register_00:#010x}; known: {', '.join(CHIPS)}")
