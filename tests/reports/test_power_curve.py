"""The modelled power curve of a machine and its picture: what is drawn, and how what is not known is marked."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hw.catalogue import CatalogueEntry, entries
from reports.device_rows import found_by_name
from reports.figures.power_curve import caption, draw, stretches
from reports.figures.style import as_png, as_svg, finish
from reports.machine_curve import RELATIVES, MachineCurve, NoCurve, machine_curve, rated_power_w

OWN = found_by_name("Antminer S19j Pro (104Th)")
RELATIVE = found_by_name("Antminer S19 XP (140Th)")
STAND_IN = found_by_name("AvalonMiner 1246")
GAMMA = found_by_name("Bitaxe Gamma (600/601)")


def curve_of(one: CatalogueEntry) -> MachineCurve:
    curve = machine_curve(one)
    assert isinstance(curve, MachineCurve)
    return curve


def lines(figure: Figure, panel: int = 0) -> list[Line2D]:
    return list(figure.axes[panel].get_lines())


@pytest.mark.parametrize("one", [OWN, RELATIVE, STAND_IN, GAMMA], ids=lambda one: one.machine.model)
def test_a_curve_goes_through_the_ratings_and_rises(one: CatalogueEntry) -> None:
    curve = curve_of(one)
    nominal = next(point for point in curve.settings if round(curve.clock_pct(point)) == 100)
    assert nominal.hashrate_hps == pytest.approx(one.machine.hashrate_hps)
    assert rated_power_w(curve, nominal) == pytest.approx(one.machine.power_w)
    watts = [point.wall_power_w for point in curve.line]
    assert watts == sorted(watts)
    assert curve.line[-1].supply_load <= 1
    assert curve.line[0].extrapolated
    assert curve.line[-1].extrapolated
    assert not nominal.extrapolated


@pytest.mark.parametrize(("one", "grade"), [(OWN, "own"), (GAMMA, "own"), (RELATIVE, "relative"), (STAND_IN, "stand-in")])
def test_the_grade_says_what_stands_for_a_machine(one: CatalogueEntry, grade: str) -> None:
    curve = curve_of(one)
    assert curve.grade == grade
    assert curve.clock_is_its_own == (grade == "own")
    bases = {taken.what: taken.basis for taken in curve.taken}
    assert bases["supply"] == "assumed"
    if grade != "own":
        assert all(basis.startswith("assumed") for basis in bases.values())
        assert bases["voltage over clock"] == "assumed (elsewhere datasheet)"


def test_a_borrowed_design_is_scaled_to_the_machine() -> None:
    fans = {one.name: next(t.value for t in curve_of(one).taken if t.what == "fans") for one in (OWN, STAND_IN)}
    assert fans == {OWN.name: "4 of 19.8 W", STAND_IN.name: "4 of 22.1 W"}


def test_every_machine_of_the_catalogue_has_a_curve_or_a_reason() -> None:
    grades: dict[str, int] = {}
    for one in entries():
        curve = machine_curve(one)
        grade = "none" if isinstance(curve, NoCurve) else curve.grade
        grades[grade] = grades.get(grade, 0) + 1
        if isinstance(curve, NoCurve):
            assert one.kind == "gpu" or one.cooling != "air" or one.machine.power_w < 1000
        elif curve.grade == "relative":
            assert one.machine.model.startswith(RELATIVES)
    assert set(grades) == {"own", "relative", "stand-in", "none"}
    assert grades["own"] == 3


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("GeForce RTX 5090", "there is no model of GPUs"),
        ("Whatsminer M63S+ (412Th)", "cooled by air, and this machine by water"),
        ("Whatsminer M66S (350Th)", "cooled by air, and this machine by immersion"),
        ("Avalon Nano 3 (4Th)", "below 1,000 W there is no design here but that of the Bitaxe Gamma"),
        ("Bitaxe Hex 302/303", "below 1,000 W"),
    ],
)
def test_no_curve_has_its_reason(name: str, reason: str) -> None:
    curve = machine_curve(found_by_name(name))
    assert isinstance(curve, NoCurve)
    assert reason in curve.reason


def test_a_line_is_cut_where_published_voltages_end() -> None:
    parts = stretches(curve_of(OWN).line)
    assert [part.extrapolated for part in parts] == [True, False, True]
    middle = parts[1].points
    assert (middle[0].frequency_mhz, middle[-1].frequency_mhz) == (495, 595)
    assert (parts[0].points[-1], parts[2].points[0]) == (middle[0], middle[-1])


def test_the_picture_shows_the_ratings_and_dashes_what_is_extrapolated() -> None:
    figure = draw(curve_of(OWN), OWN)
    power = figure.axes[0]
    dashed, solid, dashed_again, nameplate = lines(figure)
    assert [line.get_linestyle() for line in (dashed, solid, dashed_again)] == ["--", "-", "--"]
    assert (nameplate.get_marker(), nameplate.get_linestyle()) == ("D", "None")
    assert (nameplate.get_xdata()[0], nameplate.get_ydata()[0]) == (545, pytest.approx(3068))
    assert (solid.get_xdata()[0], solid.get_xdata()[-1]) == (495, 595)
    assert power.get_ylabel() == "power at the wall (W)"
    assert power.get_xlabel() == "clock (MHz)"
    assert power.get_ylim()[0] == 0
    legend = power.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "nameplate: 104 TH/s, 3,068 W",
        "modelled, voltages published",
        "modelled, extrapolated",
    ]
    assert [axes.get_ylabel() for axes in figure.axes[1:]] == ["energy per hash\nat the wall (J/TH)", "chip (°C)"]
    assert figure.get_suptitle() == "Bitmain Antminer S19j Pro (104Th): power over clock, modelled"


@pytest.mark.parametrize(("one", "ending"), [(RELATIVE, "modelled after a relative"), (STAND_IN, "modelled by a stand-in")])
def test_a_borrowed_curve_says_so_and_names_no_megahertz(one: CatalogueEntry, ending: str) -> None:
    figure = draw(curve_of(one), one)
    assert figure.get_suptitle().endswith(ending)
    assert figure.axes[0].get_xlabel() == "clock (% of nominal)"
    assert "modelled, borrowed voltages" in {str(line.get_label()) for line in lines(figure)}


def test_a_bitaxe_is_drawn_where_its_rating_is_with_the_wall_besides() -> None:
    figure = draw(curve_of(GAMMA), GAMMA)
    assert figure.axes[0].get_ylabel() == "power at its 5 V input (W)"
    by_label = {str(line.get_label()): line for line in lines(figure)}
    assert by_label["at the wall, adapter assumed"].get_linestyle() == ":"
    point = by_label["maker's targets: 1.071 TH/s, 19 W"]
    assert point.get_ydata()[0] == pytest.approx(19)
    assert figure.get_suptitle().startswith("Bitaxe Gamma (600/601): ")
    assert len([line for line in lines(figure, 1) if line.get_marker() == "D"]) == 0, "17.74 J/TH is not at the wall"


def test_the_caption_says_modelled_and_where_the_ratings_stand() -> None:
    told = caption(curve_of(STAND_IN), STAND_IN).replace("\n", " ")
    assert told.startswith("Modelled, not measured: a stand-in with the voltages")
    assert "inlet air of 25 °C and fans at 100 % of full speed" in told
    assert "Dashed: extrapolated beyond all published voltages." in told
    assert f"Ratings: {STAND_IN.machine.source} (2022, trust medium)." in told


def test_the_caption_trusts_estimated_watts_less() -> None:
    assert "trust medium, of the watts low)." in caption(curve_of(GAMMA), GAMMA).replace("\n", " ")


def test_the_same_curve_is_the_same_file() -> None:
    files = []
    for _ in range(2):
        figure = draw(curve_of(OWN), OWN)
        finish(figure, caption(curve_of(OWN), OWN))
        files.append((as_png(figure), as_svg(figure)))
    assert files[0] == files[1]
    assert files[0][0].startswith(b"\x89PNG")
