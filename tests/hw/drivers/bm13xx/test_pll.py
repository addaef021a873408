"""The hash clock: captured settings are chosen and read, and a search of everything finds nothing better."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.drivers.bm13xx.chips import CHIPS, Chip
from hw.drivers.bm13xx.pll import Pll, choose_pll, clock_range_mhz, fb_range, sweep_ticks
from hw.drivers.errors import FrameError, SettingError

ALL = st.sampled_from(list(CHIPS.values()))


@cache
def every_setting(name: str) -> list[Pll]:
    """All dividers that the ranges of fb and of the VCO allow, with post1 >= post2."""
    chip = CHIPS[name]
    return [
        Pll(fb, ref, post1, post2)
        for fb in range(chip.fb_min, chip.fb_max + 1)
        for ref in (1, 2)
        if chip.vco_min_mhz <= 25 * fb / ref <= chip.vco_max_mhz
        for post1 in range(1, 8)
        for post2 in range(1, post1 + 1)
    ]


def slow_choice(chip: Chip, wish_mhz: float) -> Pll:
    """Narrow down everything, one preference after the other."""
    left = every_setting(chip.name)
    wish = Fraction(wish_mhz)
    for cost in (
        lambda pll: abs(Fraction(25 * pll.fb, pll.ref * pll.post1 * pll.post2) - wish),
        lambda pll: Fraction(25 * pll.fb, pll.ref),
        lambda pll: pll.post1 * pll.post2,
        lambda pll: -pll.ref,
        lambda pll: -pll.post1,
    ):
        least = min(map(cost, left))
        left = [pll for pll in left if cost(pll) == least]
    [only] = left
    return only


@settings(max_examples=40, deadline=None)
@given(ALL, st.floats(0, 1))
def test_the_choice_is_that_of_a_search_of_everything(chip: Chip, part: float) -> None:
    slowest, fastest = clock_range_mhz(chip)
    wish = min(max(slowest + part * part * (fastest - slowest), slowest), fastest)
    assert choose_pll(chip, wish) == slow_choice(chip, wish)


@settings(max_examples=40, deadline=None)
@given(ALL, st.integers(9, 128))
def test_the_steps_of_a_ramp_are_met(chip: Chip, step: int) -> None:
    """Hosts ramp in steps of 6.25 MHz from 56.25 MHz: ESP-Miner, piaxe-miner, and stock firmware."""
    wish = 6.25 * step
    pll = choose_pll(chip, wish)
    assert pll == slow_choice(chip, wish)
    assert pll.mhz == pytest.approx(wish, rel=0.005)


# From captures of stock firmware: 256foundation/mujina bm13xx/REFERENCE.md, multi-chip initialization.
CAPTURED = [
    ("BM1362", 56.25, Pll(0xA2, 2, 6, 6), 0x40A20255),
    ("BM1362", 525.0, Pll(0xA8, 2, 4, 1), 0x40A80230),
    ("BM1370", 56.25, Pll(0xA2, 2, 6, 6), 0x40A20255),
    ("BM1370", 600.0, Pll(0xC0, 2, 4, 1), 0x50C00230),
]


@pytest.mark.parametrize(("name", "mhz", "pll", "value"), CAPTURED)
def test_settings_that_factory_firmware_chose(name: str, mhz: float, pll: Pll, value: int) -> None:
    chip = CHIPS[name]
    assert choose_pll(chip, mhz) == pll
    assert pll.value(chip) == value
    assert Pll.from_value(value, chip) == pll
    assert pll.mhz == mhz


@pytest.mark.parametrize(
    ("name", "value", "pll", "mhz"),
    [
        # A Bitaxe's ramp (mujina): other settings than ours of the same clocks, with the VCO at 2625 MHz.
        ("BM1370", 0x50D20265, Pll(0xD2, 2, 7, 6), 62.5),
        ("BM1370", 0x50D20240, Pll(0xD2, 2, 5, 1), 525.0),
        ("BM1370", 0xC0A80230, Pll(0xA8, 2, 4, 1), 525.0),  # read back: bit 31 says that it locked
        # skot/BM1397 registers.md: resets, the second with its clock in the text; and a sniffed write.
        ("BM1397", 0xC0600161, Pll(96, 1, 6, 1), 400.0),
        ("BM1397", 0xC0700111, Pll(112, 1, 1, 1), 2800.0),
        ("BM1397", 0x40A00225, Pll(160, 2, 2, 5), 200.0),
    ],
)
def test_settings_that_were_seen_are_read(name: str, value: int, pll: Pll, mhz: float) -> None:
    assert Pll.from_value(value, CHIPS[name]) == pll
    assert pll.mhz == mhz


def test_a_choice_for_a_bm1397() -> None:
    """450 MHz: fb 72 and ref 2, as a test of bitaxeorg/ESP-Miner wants them; the post dividers are stored as they are."""
    pll = choose_pll(CHIPS["BM1397"], 450.0)
    assert pll == Pll(72, 2, 2, 1)
    assert pll.value(CHIPS["BM1397"]) == 0x40480221


@pytest.mark.parametrize("chip", CHIPS.values(), ids=lambda chip: chip.name)
def test_the_clock_that_it_is_sold_with_is_met(chip: Chip) -> None:
    assert choose_pll(chip, chip.default_mhz).mhz == pytest.approx(chip.default_mhz, rel=0.002)


@given(ALL, st.floats(0, 1))
def test_every_choice_goes_there_and_back(chip: Chip, part: float) -> None:
    slowest, fastest = clock_range_mhz(chip)
    pll = choose_pll(chip, min(max(slowest + part * (fastest - slowest), slowest), fastest))
    value = pll.value(chip)
    assert Pll.from_value(value, chip) == pll
    assert value >> 24 == (0x50 if pll.vco_mhz >= 2400 and chip.name != "BM1397" else 0x40)
    assert pll.fb in fb_range(chip, pll.ref)


@given(ALL, st.integers(0, (1 << 32) - 1))
def test_any_register_is_a_clock_or_a_frame_error(chip: Chip, value: int) -> None:
    try:
        pll = Pll.from_value(value, chip)
    except FrameError:
        return
    assert pll.mhz > 0


@pytest.mark.parametrize("wish", [0, -5, 5, 5000, float("nan"), float("inf")])
def test_a_clock_that_the_pll_does_not_make_is_refused(wish: float) -> None:
    with pytest.raises(SettingError, match=r"BM1366 has \d+\.\d to \d+\.\d MHz"):
        choose_pll(CHIPS["BM1366"], wish)


@pytest.mark.parametrize("pll", [Pll(0, 2, 1, 1), Pll(4096, 2, 1, 1), Pll(160, 0, 1, 1), Pll(160, 2, 0, 1), Pll(160, 2, 1, 9)])
def test_dividers_that_do_not_fit_are_refused(pll: Pll) -> None:
    with pytest.raises(FrameError, match="does not fit register 08 of BM1370"):
        pll.value(CHIPS["BM1370"])


@pytest.mark.parametrize("value", [0x40000211, 0x40A00011, 0x40A00201, 0x40A00210, 0])
def test_a_divider_of_0_is_refused(value: int) -> None:
    with pytest.raises(FrameError, match="divides by 0"):
        Pll.from_value(value, CHIPS["BM1397"])


def test_sweeps() -> None:
    """S19j Pro: 126 BM1362 at 525 MHz, whose factory value covers 80 % of each core's part (mujina REFERENCE.md)."""
    chip = CHIPS["BM1362"]
    whole = sweep_ticks(chip, choose_pll(chip, 525.0), 126)
    assert whole == 6241  # floor(2^18 * 25 / (2 * 525))
    assert chip.factory_sweep_ticks is not None
    assert chip.factory_sweep_ticks / whole == pytest.approx(0.80, abs=0.005)
    assert sweep_ticks(chip, choose_pll(chip, 525.0), 126, guard_ticks=200) == whole - 200
    assert sweep_ticks(chip, choose_pll(chip, 525.0), 126, guard_ticks=10_000) == 1


@pytest.mark.parametrize("chips", [0, 257])
def test_a_chain_of_no_length_is_refused(chips: int) -> None:
    with pytest.raises(SettingError, match="want 1 to 256"):
        sweep_ticks(CHIPS["BM1366"], Pll(160, 2, 4, 1), chips)
