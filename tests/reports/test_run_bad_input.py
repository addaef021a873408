"""`hashwatt run` on whatever a user may give it by mistake: exit code 2, one sentence with the remedy, nothing left behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

import pytest

DEMO = (files("gridsim") / "data" / "scenarios" / "demo.toml").read_text(encoding="utf-8")
KNOWN = "demo, sichuan-2021, sichuan-2021-may-shares, wet-season-end-2020, xinjiang-2021-04"
HASHRATE = "hashrate_ehps = { value = 147.5"
CAP = "cap_utc = 2021-06-01T00:00:00Z"

Refused = Callable[..., str]


@pytest.fixture(autouse=True)
def no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop at the door of the simulation: whatever is wrong must be known before."""

    def begun(*_arguments: object) -> NoReturn:
        raise AssertionError("the run began")

    monkeypatch.setattr("reports.pipeline.execute", begun)


@pytest.fixture
def bent(tmp_path: Path) -> Callable[[str, str], str]:
    """Write the demo with one passage replaced; return the file's name."""

    def write(old: str, new: str) -> str:
        assert DEMO.count(old) >= 1, "the test bends a passage that the demo no longer has"
        (tmp_path / "bent.toml").write_text(DEMO.replace(old, new, 1), encoding="utf-8")
        return "bent.toml"

    return write


# --- which scenario ------------------------------------------------------------------------------------------------


def test_a_name_that_no_scenario_has(refused: Refused) -> None:
    wanted = f"no scenario 'sichuan-2020'; known: {KNOWN}, or give the path of a .toml file; did you mean 'sichuan-2021'?"
    assert refused("run", "sichuan-2020") == wanted
    assert refused("run", "zzz") == f"no scenario 'zzz'; known: {KNOWN}, or give the path of a .toml file"
    assert "no scenario 'nowhere/mine.toml'" in refused("run", "nowhere/mine.toml")
    assert refused("run") == "Missing argument 'scenario'; see `hashwatt run --help`"


def test_a_name_too_long_for_any_file(refused: Refused) -> None:
    assert "known: " in refused("run", "a" * 300)


@pytest.mark.parametrize(
    ("content", "pieces"),
    [
        pytest.param(b"", ["odd.toml", "empty", "hashwatt scenarios show"], id="empty"),
        pytest.param(b"\x00\xff\xfe\x80", ["odd.toml", "not text (UTF-8)", "TOML"], id="binary"),
        pytest.param(b"\x7fELF\x02\x01", ["odd.toml", "not valid TOML", "line 1"], id="program"),
        pytest.param(b"#" * 2_000_000, ["odd.toml", "more than 1,000,000 bytes; want a scenario of at most that"], id="huge"),
        pytest.param(b'id = "a"\nid = "b"\n', ["odd.toml", "not valid TOML", "line 2"], id="key-twice"),
        pytest.param(b"[economy\n", ["odd.toml", "not valid TOML", "line 1"], id="broken"),
        pytest.param(b'{"id": "demo"}', ["odd.toml", "not valid TOML"], id="json"),
        pytest.param(b'extends = "odd.toml"\n', ["odd.toml", "not of itself"], id="circle"),
        pytest.param(b"x = " + b"[" * 5_000, ["odd.toml"], id="deep"),
        pytest.param(b"x = " + b"9" * 5_000, ["odd.toml"], id="number-of-5000-digits"),
        pytest.param(b'extends = "demo"\ndrop = [["events"]]\n', ["odd.toml", "drop"], id="drop-of-lists"),
        pytest.param(b'extends = "demo"\ncohorts = 5\n', ["odd.toml", "cohorts"], id="cohorts-no-list"),
        pytest.param(b'extends = "demo"\nregions_file = "' + b"a" * 300 + b'"\n', ["regions_file"], id="long-table-name"),
    ],
)
def test_a_file_that_is_no_scenario(refused: Refused, tmp_path: Path, content: bytes, pieces: list[str]) -> None:
    (tmp_path / "odd.toml").write_bytes(content)
    sentence = refused("run", "odd.toml")
    for piece in pieces:
        assert piece in sentence


def test_a_folder_is_no_scenario(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert refused("run", "mine") == f"mine: that is a folder; want a scenario's name ({KNOWN}) or a .toml file"


# --- what it says --------------------------------------------------------------------------------------------------

IMPOSSIBLE = [
    pytest.param("end_height = 671328", "end_height = 663265", ["network.end_height", "want 665280 or higher"], id="no-epoch"),
    pytest.param('nbits = "170da863"', 'nbits = "1d00ffff"', ["make a block every", "want 1 to 1e+06 s"], id="no-difficulty"),
    pytest.param("start_utc = 2021", "start_utc = 1021", ["start_utc: 1021", "want a year from 2009"], id="year-1021"),
    pytest.param("settled_h = 24", "settled_h = 100000", ["question.settled_h", "after cap_utc"], id="settled-too-late"),
    pytest.param(
        "start = 2021-01-11T", "start = 2020-01-11T", ["events.DRY-DAYS", "before start_utc"], id="event-before-the-start"
    ),
    pytest.param("pue = 1.1", "pue = 1.1\npeu = 1.2", ["unknown key 'peu'", "did you mean 'pue'?"], id="unknown-key"),
    pytest.param("ramp_months", "ramp_month", ["hosting.ramp_month", "did you mean 'ramp_months'?"], id="unknown-inner-key"),
    pytest.param('title = "Two', 'titel = "Two', ["unknown key 'titel'", "did you mean 'title'?"], id="misspelt-key"),
    pytest.param("headroom_gw = 0.5", "headroom_gw = -0.5", ["hosting.headroom_gw", "-0.5", "want "], id="minus-power"),
    pytest.param("headroom_gw = 0.5", "headroom_gw = 1e300", ["hosting.headroom_gw", "1e+300"], id="huge-power"),
    pytest.param("headroom_gw = 0.5", "headroom_gw = nan", ["hosting.headroom_gw", "nan", "finite"], id="nan-power"),
    pytest.param(HASHRATE, "hashrate_ehps = { value = -147.5", ["network.hashrate_ehps", "-147.5"], id="minus-hash-rate"),
    pytest.param(HASHRATE, "hashrate_ehps = { value = 0", ["network.hashrate_ehps"], id="no-hash-rate"),
    pytest.param(HASHRATE, "hashrate_ehps = { value = 1e300", ["network.hashrate_ehps", "1e+300"], id="huge-hash-rate"),
    pytest.param(HASHRATE, "hashrate_ehps = { value = nan", ["network.hashrate_ehps", "nan", "finite"], id="nan-hash-rate"),
    pytest.param(HASHRATE, "hashrate_ehps = { value = inf", ["network.hashrate_ehps", "inf", "finite"], id="inf-hash-rate"),
    pytest.param(HASHRATE, "hashrate_ehps = { value = 1e400", ["network.hashrate_ehps", "inf", "finite"], id="too-many-zeros"),
    pytest.param(
        f'{HASHRATE}, unit = "EH/s"', f'{HASHRATE}, unit = "PH/s"', ["network.hashrate_ehps", "PH/s"], id="other-unit"
    ),
    pytest.param("usd = 30000", "usd = -1", ["economy.price[0].usd: -1; want a number above 0"], id="minus-price"),
    pytest.param("btc_per_block = { value = 1.0", "btc_per_block = { value = -9.0", ["economy.fees", "-9"], id="minus-fees"),
    pytest.param("lot_machines = 5000", "lot_machines = 1e-9", ["migration.lot_machines"], id="lots-of-no-machine"),
    pytest.param(CAP, "cap_utc = 2020-06-01T00:00:00Z", ["cap_utc: 2020-06-01", "not after start_utc"], id="end-before-start"),
    pytest.param(CAP, "cap_utc = 2021-01-01T00:00:01Z", ["cap_utc"], id="not-one-hour"),
    pytest.param(CAP, "cap_utc = 2021-01-04T00:00:00Z", ["question"], id="ends-before-its-question"),
    pytest.param(CAP, 'cap_utc = "soon"', ["cap_utc", "'soon'"], id="no-moment"),
    pytest.param("end = 2021-01-13", "end = 2021-01-10", ["DRY-DAYS", "before it starts"], id="event-ends-before-it-starts"),
    pytest.param("before_end = 2021-01-29", "before_end = 2021-01-24", ["question.before_end"], id="window-of-no-length"),
    pytest.param("after_end = 2021-02-04", "after_end = 2021-01-28", ["question.after_end"], id="window-backwards"),
    pytest.param("horizon_end = 2021-02-20", "horizon_end = 2021-01-20", ["question.horizon_end"], id="horizon-before-the-cut"),
    pytest.param(
        '["Water Valley"]\nstart', '["Atlantis"]\nstart', ["no region 'Atlantis'", "known: Water Valley"], id="no-region"
    ),
    pytest.param("value = 0.75", "value = 0.85", ["shares", "sum to 1.1", "want exactly 1"], id="shares-above-1"),
    pytest.param(
        "replicates = 8", "replicates = 0", ["replicates: 0; want a whole number from 1 to 10000"], id="no-replicates"
    ),
    pytest.param("pue = 1.1", 'pue = 1.1\nhistory = "dogecoin"', ["dogecoin", "bitcoin-2021"], id="no-such-history"),
    pytest.param("pue = 1.1", "pue = 1.1\nproof_height = 999999", ["no header of block 999999 ships"], id="no-such-block"),
]


@pytest.mark.parametrize(("old", "new", "pieces"), IMPOSSIBLE)
def test_an_impossible_scenario(
    refused: Refused, bent: Callable[[str, str], str], old: str, new: str, pieces: list[str]
) -> None:
    sentence = refused("run", bent(old, new), "--out", "here")
    for piece in pieces:
        assert piece in sentence


# --- options -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "pieces"),
    [
        ("--seed", "-1", ["--seed -1: want 0 or more"]),
        ("--seed", "1.5", ["--seed 1.5: want a whole number"]),
        ("--seed", "one", ["--seed one: want a whole number"]),
        ("--seed", "nan", ["--seed nan: want a whole number"]),
        ("--replicates", "0", ["--replicates 0: want 1 or more"]),
        ("--replicates", "10001", ["--replicates 10001: want 10000 or less"]),
        ("--workers", "0", ["--workers 0: want 1 or more"]),
        ("--workers", "1e3", ["--workers 1e3: want a whole number"]),
    ],
)
def test_an_option_out_of_range(refused: Refused, option: str, value: str, pieces: list[str]) -> None:
    sentence = refused("run", "demo", option, value, "--out", "here")
    assert sentence.endswith("; see `hashwatt run --help`")
    for piece in pieces:
        assert piece in sentence


# --- where to write ------------------------------------------------------------------------------------------------


def occupied(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.txt").write_text("all of it", encoding="utf-8")


def dead_link(path: Path) -> None:
    path.symlink_to("nowhere/at/all")


@pytest.mark.parametrize(
    ("make", "below", "words"),
    [
        pytest.param(occupied, "", "the folder is not empty; want a new or empty one", id="not-empty"),
        pytest.param(Path.touch, "", "that is a file; want a new or empty folder", id="file"),
        pytest.param(Path.touch, "/deep/run", "cannot be written (Not a directory); want a folder", id="below-a-file"),
        pytest.param(dead_link, "", "cannot be written", id="dead-link"),
        pytest.param(dead_link, "/run", "cannot be written", id="below-a-dead-link"),
    ],
)
def test_a_place_that_cannot_take_a_run(
    refused: Refused, tmp_path: Path, make: Callable[[Path], None], below: str, words: str
) -> None:
    make(tmp_path / "place")
    sentence = refused("run", "demo", "--out", f"place{below}")
    assert sentence.startswith(f"place{below}: ")
    assert words in sentence
    assert "want a " in sentence


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc here")
def test_a_place_in_a_file_system_of_the_kernel(refused: Refused) -> None:
    assert "/proc/hashwatt/run: cannot be written" in refused("run", "demo", "--out", "/proc/hashwatt/run")


def test_a_name_too_long_for_any_folder(refused: Refused) -> None:
    assert "cannot be written" in refused("run", "demo", "--out", "a" * 300)


@pytest.mark.skipif(os.geteuid() == 0, reason="permission bits do not bind root")
def test_a_folder_that_may_not_be_written(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "locked: cannot be written (Permission denied)" in refused("run", "demo", "--out", "locked")
    assert "cannot be written (Permission denied)" in refused("run", "demo", "--out", "locked/run")


def test_a_bad_scenario_is_told_before_a_folder_is_made(refused: Refused, tmp_path: Path) -> None:
    assert "no scenario" in refused("run", "nope", "--out", "a/b/c")
    assert list(tmp_path.iterdir()) == []


def test_in_a_process_of_its_own_too(python: Callable[..., Any], tmp_path: Path) -> None:
    ended = python("-m", "reports", "run", "sichuan-2020", "--out", "here", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("hashwatt: no scenario 'sichuan-2020'; known: demo")
    assert ended.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
