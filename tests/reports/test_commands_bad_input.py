"""`mine`, `bench` and `scenarios` on bad input: exit code 2 and one sentence that says what would be right."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from miner.vectors import header_at

HEADER = header_at(125552).to_bytes().hex()
BACKENDS = "known: auto, cupy, cuda, numba-sha, numba-cpu, reference"
SPACE = 1 << 32

Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        (HEADER[:-2], "a block header has 160 hex digits; got 158"),
        (HEADER + "00", "a block header has 160 hex digits; got 162"),
        ("", "a block header has 160 hex digits; got 0"),
        (HEADER[:-1], "a block header has 160 hex digits; got 159"),
        ("zz" + HEADER[2:], f"'zz{HEADER[2:20]}' is not hex; want 160 hex digits"),
        (HEADER[:144] + "00000000" + HEADER[152:], "nBits 0x00000000 is no target from 1 to the limit 0x1d00ffff"),
        (HEADER[:144] + "ffffffff" + HEADER[152:], "nBits 0xffffffff is a negative target; want the sign bit 0x00800000 clear"),
    ],
)
def test_mine_a_header_that_is_none(refused: Refused, header: str, sentence: str) -> None:
    assert refused("mine", "--header", header) == sentence


def test_mine_needs_one_header_and_no_more(refused: Refused) -> None:
    sentence = "give either --header with 160 hex digits or --block with the height of a shipped block"
    assert refused("mine") == sentence
    assert refused("mine", "--header", HEADER, "--block", "125552") == sentence


@pytest.mark.parametrize(
    ("height", "pieces"),
    [
        ("125551", ["no header of block 125551 ships", "the nearest are", "125552"]),
        ("99999999", ["no header of block 99999999 ships", "the nearest are"]),
        ("-1", ["--block -1: want 0 or more"]),
        ("genesis", ["--block genesis: want a whole number"]),
    ],
)
def test_mine_a_block_that_does_not_ship(refused: Refused, height: str, pieces: list[str]) -> None:
    sentence = refused("mine", "--block", height)
    for piece in pieces:
        assert piece in sentence


@pytest.mark.parametrize("option", ["--start", "--count"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("-1", "-1 is out of range; want 0 to 4294967296"),
        ("4294967297", "4294967297 is out of range; want 0 to 4294967296"),
        ("0x100000001", "0x100000001 is out of range; want 0 to 4294967296"),
        ("many", "'many' is not a whole number; want 0 to 4294967296, or hex such as 0x7c2bac1d"),
        ("1.5", "'1.5' is not a whole number; want 0 to 4294967296, or hex such as 0x7c2bac1d"),
        ("1e3", "'1e3' is not a whole number; want 0 to 4294967296, or hex such as 0x7c2bac1d"),
        ("nan", "'nan' is not a whole number; want 0 to 4294967296, or hex such as 0x7c2bac1d"),
        ("", "'' is not a whole number; want 0 to 4294967296, or hex such as 0x7c2bac1d"),
    ],
)
def test_mine_a_number_that_is_no_nonce(refused: Refused, option: str, value: str, words: str) -> None:
    assert refused("mine", "--block", "125552", option, value) == f"{option} {words}"


def test_mine_a_number_of_5000_digits(refused: Refused) -> None:
    assert refused("mine", "--block", "125552", "--start", "9" * 5_000).startswith("--start ")


@pytest.mark.parametrize(("start", "count"), [(SPACE - 1, 2), (SPACE, 1), (1, SPACE), (0, 0)])
def test_mine_a_range_that_leaves_the_nonces(refused: Refused, start: int, count: int) -> None:
    sentence = refused("mine", "--block", "125552", "--start", str(start), "--count", str(count))
    remedy = "want a count of 1 or more, and start + count within it"
    assert sentence == f"nonces {start} to {start + count} leave the range 0 to 2^32; {remedy}"


@pytest.mark.parametrize(
    ("target", "got"),
    [("ff", 2), ("0" * 63, 63), ("1" + "0" * 64, 65), ("g" * 64, 64), ("-" + "0" * 63, 64), ("", 0)],
    ids=["short", "one-too-few", "2^256", "no-hex", "negative", "nothing"],
)
def test_mine_a_target_that_is_no_target(refused: Refused, target: str, got: int) -> None:
    sentence = refused("mine", "--block", "125552", "--count", "1", "--backend", "reference", "--target", target)
    assert sentence == f"--target has {got} characters of hex or other; want exactly 64 hex digits, the highest first"


def test_mine_a_target_that_no_hash_can_meet(refused: Refused) -> None:
    assert "--target" in refused("mine", "--block", "125552", "--count", "1", "--backend", "reference", "--target", "0" * 64)


@pytest.mark.parametrize("words", [("mine", "--block", "125552", "--count", "1"), ("bench", "--seconds", "0.05")])
@pytest.mark.parametrize("backend", ["fpga", "", "AUTO"])
def test_a_backend_that_does_not_exist(refused: Refused, words: tuple[str, ...], backend: str) -> None:
    assert refused(*words, "--backend", backend) == f"no backend {backend!r}; {BACKENDS}"


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--seconds", "-1", "a sample of -1.0 s; want 0.05 to 3600 s"),
        ("--seconds", "0", "a sample of 0.0 s; want 0.05 to 3600 s"),
        ("--seconds", "3601", "a sample of 3601.0 s; want 0.05 to 3600 s"),
        ("--seconds", "inf", "a sample of inf s; want 0.05 to 3600 s"),
        ("--seconds", "nan", "a sample of nan s; want 0.05 to 3600 s"),
        ("--seconds", "soon", "--seconds soon: want a number; see"),
        ("--repeat", "0", "0 samples; want 1 to 10000"),
        ("--repeat", "-3", "-3 samples; want 1 to 10000"),
        ("--repeat", "1.5", "--repeat 1.5: want a whole number"),
        ("--repeat", "10001", "10001 samples; want 1 to 10000"),
        ("--warmup", "-1", "-1 warm-up samples; want 0 to 10000"),
        ("--threads", "0", "0 threads; want 1 to 4096"),
        ("--threads", "-2", "--threads: -2 threads; want 1 to 4096"),
        ("--threads", "many", "--threads 'many' is no number; want 1 or more, or all"),
        ("--meter", "nvlm:0", "no meter 'nvlm'; known: nameplate, nvml, rapl"),
        ("--midstates", "0", "0 midstates; want 1, 2 or 4"),
        ("--midstates", "3", "3 midstates; want 1, 2 or 4"),
        ("--midstates", "8", "8 midstates; want 1, 2 or 4"),
        ("--midstates", "two", "--midstates two: want a whole number"),
        ("--meter", "nameplate:nan", "a nameplate of nan W; want a number of watts above 0"),
        ("--compare", "nowhere.json", "nowhere.json: cannot be read (No such file or directory)"),
        ("--csv", "nowhere/rows.csv", "nowhere/rows.csv: cannot be written (No such file or directory)"),
        ("--history", ".", ".: cannot be written (Is a directory)"),
    ],
)
def test_bench_an_option_out_of_range(refused: Refused, option: str, value: str, words: str) -> None:
    assert words in refused("bench", "--backend", "reference", option, value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "old.json: not JSON"),
        (b"\xff\xfe\x00", "old.json: not JSON"),
        (b"[" * 100_000, "old.json: not JSON"),
        (b"[]", "old.json: schema version None; want 1"),
        (b'{"schema_version": 2}', "old.json: schema version 2; want 1"),
    ],
)
def test_bench_an_older_file_that_is_none(refused: Refused, tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "old.json").write_bytes(content)
    assert words in refused("bench", "--backend", "reference", "--compare", "old.json")


@pytest.mark.parametrize(
    ("midstates", "asked", "held"),
    [(1, "4", "1 threads"), (4, "1", "1 threads, 4 midstates"), (4, "2", "1 threads, 4 midstates")],
)
def test_bench_an_older_file_with_other_midstates(
    refused: Refused, tmp_path: Path, midstates: int, asked: str, held: str
) -> None:
    """Before anything is measured, and before a file is made for what would be."""
    old = {"schema_version": 1, "backend": "reference", "threads": 1, "midstates": midstates}
    (tmp_path / "old.json").write_text(json.dumps({**old, "hashes_per_second": {"samples": [1.0]}}))
    words = ("--seconds", "3600", "--backend", "reference", "--midstates", asked, "--csv", "rows.csv")
    wanted = "reference on 1 threads" + ("" if asked == "1" else f", {asked} midstates")
    assert refused("bench", "--compare", "old.json", *words) == (
        f"old.json: holds reference on {held}, none of what is measured now ({wanted}); nothing to compare"
    )


def test_bench_rows_for_a_file_with_other_columns(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("date_utc,backend,threads,sample,seconds\n2026-11-24T00:00:00Z,reference,1,0,5\n")
    sentence = refused("bench", "--seconds", "3600", "--backend", "reference", "--csv", "rows.csv")
    assert sentence.startswith("rows.csv: its first line is not date_utc,backend,threads,midstates,sample,")


@pytest.mark.parametrize("command", ["show", "check"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "odd.toml: the file is empty; want a scenario such as"),
        (b"\x00\xff\xfe", "odd.toml: not text (UTF-8); want a TOML file"),
        (b"[network", "odd.toml: not valid TOML: "),
        (b'extends = "demo"\npeu = 1\n', "odd.toml: peu: unknown key 'peu'; did you mean 'pue'?"),
        (b'extends = "demo"\npue = nan\n', "odd.toml: pue: nan; want a finite number or { prior = ... }"),
        (b'extends = "nope"\n', "no scenario 'nope'; known: demo"),
        (
            b'extends = "demo"\ndrop = ["nothing"]\n',
            "odd.toml: drop = ['nothing']; want a list of top-level keys that 'demo' has",
        ),
    ],
)
def test_scenarios_of_a_bad_file(refused: Refused, tmp_path: Path, command: str, content: bytes, words: str) -> None:
    (tmp_path / "odd.toml").write_bytes(content)
    assert refused("scenarios", command, "odd.toml").startswith(words)
    assert "that is a folder" in refused("scenarios", command, ".")
    assert refused("scenarios", command, "demo2").endswith("did you mean 'demo'?")


@pytest.mark.parametrize(
    ("line", "words"),
    [('history = "dogecoin"', "dogecoin"), ("proof_height = 999999", "no header of block 999999 ships")],
)
def test_scenarios_check_reads_everything_that_a_scenario_names(
    refused: Refused, tmp_path: Path, line: str, words: str
) -> None:
    (tmp_path / "mine.toml").write_text(f'extends = "demo"\n{line}\n', encoding="utf-8")
    assert words in refused("scenarios", "check", "mine.toml")


def test_scenarios_without_a_word(refused: Refused) -> None:
    assert refused("scenarios") == "a command is missing; see `hashwatt scenarios --help`"
    assert refused("scenarios", "check") == "Missing argument 'SCENARIO'; see `hashwatt scenarios check --help`"
    assert refused("scenarios", "delete", "demo") == "No such command 'delete'; see `hashwatt scenarios --help`"
