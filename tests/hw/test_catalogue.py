"""The machine table: every figure has a source, and it says what the source says."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from hw.catalogue import COLUMNS, machine, machines, parse_machines
from hw.errors import CatalogueError, UnknownMachineError
from hw.models import MachineModel

ORIGINAL = Path(__file__).parents[2].parent / "shared" / "data" / "asic_catalog.csv"
GOOD = "Bitmain,Antminer S9 (13.5Th),2017-09,month,13.5,1323,98,CBECI hardware list,2020,high"


def table(*rows: str, columns: str = ",".join(COLUMNS)) -> str:
    """Return a machine table in CSV form."""
    return "\n".join((columns, *rows)) + "\n"


@pytest.mark.parametrize(
    ("name", "hashrate_thps", "power_w"),
    [
        # Ratings as the lists cited in the table print them, typed by hand from those lists.
        ("Antminer S9 (13.5Th)", 13.5, 1323),
        ("Antminer S17 Pro (53Th)", 53, 2094),
        ("Antminer T17 (40Th)", 40, 2200),
        ("Antminer S19 (95Th)", 95, 3250),
        ("Antminer S19 Pro (110Th)", 110, 3250),
        ("Antminer S19j Pro (100Th)", 100, 3050),
        ("Whatsminer M20S", 68, 3260),
        ("Whatsminer M30S", 88, 3344),
        ("Whatsminer M30S++", 106, 3472),
        ("AvalonMiner 1066", 50, 3250),
        ("AvalonMiner 1047", 37, 2380),
        ("T2T (30Th)", 30, 2200),
    ],
)
def test_the_machines_of_2021_are_there(name: str, hashrate_thps: float, power_w: float) -> None:
    """The models that a scenario of 2021 needs, with their ratings."""
    model = machine(name)
    assert model.hashrate_hps == hashrate_thps * 1e12
    assert model.power_w == power_w


def test_every_row_is_sourced_and_of_its_time() -> None:
    """No number without a source and its date; nothing from after 2021."""
    assert len(machines()) >= 40
    assert len({model.name for model in machines()}) == len(machines())
    for model in machines():
        assert model.source
        assert model.as_of
        assert model.quoted_efficiency_j_per_th is not None, model.name
        assert model.released is None or date(2014, 1, 1) <= model.released < date(2022, 1, 1)


def test_each_efficiency_is_within_rounding_of_the_quote() -> None:
    """Recomputed here, not by the loader."""
    for model in machines():
        own = model.power_w / (model.hashrate_hps / 1e12)
        assert own == pytest.approx(model.quoted_efficiency_j_per_th, rel=5e-4), model.name


def test_a_bin_in_the_name_is_the_rating() -> None:
    """ "S9 (13.5Th)" hashes 13.5 TH/s."""
    bins = [model for model in machines() if "Th)" in model.model]
    assert len(bins) > 20
    for model in bins:
        rating = model.model.rsplit("(", 1)[1].removesuffix("Th)")
        assert model.hashrate_hps == float(rating) * 1e12, model.name


def test_every_row_stands_in_the_collected_sources() -> None:
    """Hash rate, watts and release date are those of a row of the same source."""
    if not ORIGINAL.exists():
        pytest.skip(f"the collected sources are not beside this checkout ({ORIGINAL.name})")
    with ORIGINAL.open(newline="", encoding="utf-8") as lines:
        known = {
            (row["source"], float(row["hash_rate_THps"]), float(row["power_W"]), row["release_date"])
            for row in csv.DictReader(lines)
            if row["power_W"]
        }
    for model in machines():
        released = model.released.isoformat() if model.released else ""
        assert (model.source, model.hashrate_hps / 1e12, model.power_w, released) in known, model.name


@pytest.mark.parametrize("name", ["antminer s19 pro (110th)", "Bitmain Antminer S19 Pro (110Th)", "Antminer-S19-Pro(110Th)"])
def test_spelling_is_forgiven(name: str) -> None:
    """Case, spaces, dashes and the maker's name do not count."""
    assert machine(name).model == "Antminer S19 Pro (110Th)"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Antminer S19", "did you mean Antminer S19 (95Th), "),
        ("Avalon 1066", "AvalonMiner 1066"),
        ("Whatsmanor M30S", "Whatsminer M30S"),
        ("toaster", "it holds "),
        ("", "it holds "),
    ],
)
def test_an_unknown_machine_names_the_nearest(name: str, hint: str) -> None:
    """A model with several bins is not guessed; its bins are listed."""
    with pytest.raises(UnknownMachineError) as caught:
        machine(name)
    assert repr(name) in str(caught.value)
    assert hint in str(caught.value)


def test_a_good_table_is_read() -> None:
    """Month precision gives the first of the month."""
    (model,) = parse_machines(table(GOOD), where="t.csv")
    assert isinstance(model, MachineModel)
    assert (model.released, model.released_precision) == (date(2017, 9, 1), "month")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (table(GOOD, columns="maker,model"), "t.csv, line 1: columns are"),
        ("", "t.csv, line 1: columns are None"),
        (table(GOOD, GOOD), "two machines answer to 'Antminer S9 (13.5Th)'"),
        (table(GOOD + ",more"), "t.csv, line 2: not 10 values"),
        (table("Bitmain,S9"), "t.csv, line 2: not 10 values"),
        (table(GOOD.replace("1323", "lots")), "t.csv, line 2, power_w: 'lots' is not a number"),
        (table(GOOD.replace("1323", "")), "t.csv, line 2, power_w: '' is not a number"),
        (table(GOOD.replace("1323", "1400")), "t.csv, line 2: Antminer S9 (13.5Th): 98 J/TH quoted"),
        (table(GOOD.replace("2017-09", "2017-13")), "'2017-13' is not a date"),
        (table(GOOD.replace("2017-09", "2017")), "'2017' with precision 'month'"),
        (table(GOOD.replace("month", "weekly")), "with precision 'weekly'"),
        (table(GOOD.replace("CBECI hardware list", "")), "source is empty"),
        (table(GOOD.replace("high", "sure")), "trust is 'sure'"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(text: str, sentence: str) -> None:
    """File, line, column, value, remedy."""
    with pytest.raises(CatalogueError) as caught:
        parse_machines(text, where="t.csv")
    assert sentence in str(caught.value)
