"""Files that benchmarks are added to: whole lines or nothing, one header, and nobody else's file."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from reports.bench_files import CSV_COLUMNS, append_csv, append_history, check_csv, check_history, check_names
from reports.bench_report import json_text
from reports.errors import BenchFileError, BenchOutputError

Append = Callable[[Path, dict[str, Any]], bool]
HEADER = ",".join(CSV_COLUMNS)
SAMPLE = {"seconds": 1.0, "hashes": 8, "hashes_per_second": 8.0, "core_clock_hz": None, "processor_seconds": 0.9}
DOCUMENT = {
    "schema_version": 1,
    "date_utc": "2026-11-29T00:00:00Z",
    "backend": "a",
    "threads": 1,
    "midstates": 1,
    "audit_passed": False,
    "samples": [SAMPLE] * 3,
}
ROW = "2026-11-29T00:00:00Z,a,1,1,0,1.0,8,8.0,,0.9,false"
BOTH = pytest.mark.parametrize("append", [append_csv, append_history])


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes, by the system itself: it writes what has room, and then refuses."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def start_at_once(append: Append, path: Path, barrier: Any) -> None:
    barrier.wait()
    append(path, DOCUMENT)


@BOTH
@pytest.mark.parametrize("more", [0, 1, 100])
def test_a_disk_that_is_full_gets_nothing_of_it_and_is_named(tmp_path: Path, append: Append, more: int) -> None:
    path = tmp_path / "file"
    append(path, DOCUMENT)
    before = path.read_bytes()
    with room_for(len(before) + more), pytest.raises(BenchOutputError, match=rf"^{path}: cannot be written \(File too large\)"):
        append(path, DOCUMENT)
    assert path.read_bytes() == before
    append(path, DOCUMENT)
    assert len(path.read_bytes()) > len(before)


@BOTH
def test_a_write_that_takes_only_some_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, append: Append) -> None:
    append(tmp_path / "whole", DOCUMENT)
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, content: write(handle, content[:7]))
    append(tmp_path / "pieces", DOCUMENT)
    assert (tmp_path / "pieces").read_bytes() == (tmp_path / "whole").read_bytes()


@BOTH
def test_ctrl_c_while_it_is_written_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, append: Append
) -> None:
    path, write = tmp_path / "file", os.write

    def interrupted(handle: int, content: bytes) -> int:
        write(handle, content[:7])
        raise KeyboardInterrupt

    append(path, DOCUMENT)
    before = path.read_bytes()
    monkeypatch.setattr(os, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        append(path, DOCUMENT)
    assert path.read_bytes() == before


def test_a_torn_line_takes_no_other_with_it(tmp_path: Path) -> None:
    rows, history = tmp_path / "rows.csv", tmp_path / "history.jsonl"
    rows.write_text(f"{HEADER}\r\n{ROW}\r\n2026-11-2")
    history.write_text(f'{json.dumps(DOCUMENT)}\n{{"schema_ver')
    for append, path in ((append_csv, rows), (append_history, history)):
        assert append(path, DOCUMENT)
        assert not append(path, DOCUMENT)
    with rows.open(newline="", encoding="utf-8") as file:
        assert [row["sample"] for row in csv.DictReader(file)] == ["0", None, *"012012"]
    lines = history.read_text().splitlines()
    assert [json.loads(line)["backend"] for line in (lines[0], *lines[2:])] == ["a"] * 3


def test_a_header_without_an_end_is_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(HEADER)
    check_csv(path)
    assert append_csv(path, DOCUMENT)
    assert path.read_text().splitlines()[1] == ROW


def test_two_that_start_a_file_at_once_write_one_header(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    for attempt in range(5):
        path, barrier = tmp_path / f"{attempt}.csv", context.Barrier(2)
        both = [context.Process(target=start_at_once, args=(append_csv, path, barrier)) for _ in range(2)]
        for process in both:
            process.start()
        for process in both:
            process.join(timeout=60)
        lines = path.read_text().splitlines()
        assert (len(lines), lines.index(HEADER), lines.count(HEADER)) == (7, 0, 1)


def test_a_file_that_another_began_meanwhile_gets_no_second_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size is looked at under the lock: what another wrote while this one waited for it counts."""
    import fcntl

    path, lock = tmp_path / "rows.csv", fcntl.flock
    monkeypatch.setattr(fcntl, "flock", lambda handle, how: (path.write_text(f"{HEADER}\r\n"), lock(handle, how)))
    append_csv(path, DOCUMENT)
    assert path.read_text().count(HEADER) == 1


@pytest.mark.parametrize(
    "file", ["Dear diary\n", "date,price\n1,2\n", "{}\n", "[1]\n", '{\n "schema_version": 1\n}\n', HEADER + "\n"]
)
def test_a_history_is_nobody_elses_file(tmp_path: Path, file: str) -> None:
    path = tmp_path / "file"
    path.write_text(file)
    with pytest.raises(BenchFileError, match=r"file: its first line is no benchmark as --history writes it; give another file"):
        check_history(path)
    assert path.read_text() == file


@pytest.mark.parametrize("file", ["", json.dumps(DOCUMENT) + "\n", json.dumps(DOCUMENT) + '\n{"torn'])
def test_a_history_may_be_gone_on_with(tmp_path: Path, file: str) -> None:
    (tmp_path / "file").write_text(file)
    check_history(tmp_path / "file")
    check_history(tmp_path / "new")


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("date,price\n", "its first line is not date_utc,"),
        (json.dumps(DOCUMENT) + "\n", "its first line is not date_utc,"),
        ("x" * 200_000 + "\n", "its first line is not date_utc,"),
        ('"' + "x" * 200_000, "its first line is not date_utc,"),
        ("a\rb\n", "its first line is not date_utc,"),
        (f"{HEADER}\r\n{ROW}\r\n{json.dumps(DOCUMENT)}\n", "line 3 is JSON, as of a --history; give another file"),
    ],
)
def test_rows_go_to_nobody_elses_file(tmp_path: Path, file: str, told: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(file, newline="")
    with pytest.raises(BenchFileError, match=f"rows.csv: {told}"):
        check_csv(path)
    assert path.read_text() == file.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize("check", [check_csv, check_history])
def test_what_cannot_be_read_and_written_is_refused(tmp_path: Path, check: Callable[[Path], None]) -> None:
    with pytest.raises(BenchFileError, match=r": cannot be written \(Is a directory\); want a file in a folder"):
        check(tmp_path)
    with pytest.raises(BenchFileError, match=r"/none/file: cannot be written \(No such file or directory\)"):
        check(tmp_path / "none" / "file")


@pytest.mark.parametrize("way", ["same", "dots", "symlink", "hard link", "dangling"])
@pytest.mark.parametrize(("one", "other"), [("--csv", "--history"), ("--history", "--compare"), ("--csv", "--compare")])
def test_one_file_for_two_purposes_is_refused(tmp_path: Path, way: str, one: str, other: str) -> None:
    path, again = tmp_path / "file", tmp_path / "again"
    if way == "dangling":
        again.symlink_to(path)
    else:
        path.touch()
    if way == "same":
        again = path
    elif way == "dots":
        again = tmp_path / ".." / tmp_path.name / "file"
    elif way == "symlink":
        again.symlink_to(path)
    elif way == "hard link":
        again.hardlink_to(path)
    with pytest.raises(BenchFileError, match=rf"{one} and {other} name one file \({path}\); want a file for each"):
        check_names([(one, path), (other, again)])
    check_names([(one, path), (other, tmp_path / "third"), ("--else", None)])


def test_a_pipe_or_a_device_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for option, place in (("--csv", "pipe"), ("--history", "/dev/null"), ("--csv", "/dev/full")):
        with pytest.raises(BenchFileError, match=rf"{option} .*{place}: a pipe or a device; want a file on a disk"):
            check_names([(option, tmp_path / place)])


def test_json_knows_no_infinity() -> None:
    told = json_text({"a": nan, "b": [inf, {"c": (-inf, 1.5)}], "d": "x", "e": None})
    assert json.loads(told) == {"a": None, "b": [None, {"c": [None, 1.5]}], "d": "x", "e": None}
