"""An older benchmark: refused before anything is measured if it holds no rates, and told of if it holds other conditions."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from reports.bench_older import Older, read_older
from reports.errors import BenchFileError

CPU = {"model": "EPYC", "features_sha256": "ab"}


def row(name: str, samples: Any, threads: int = 1, **more: Any) -> dict[str, Any]:
    return {"backend": name, "threads": threads, **more, "hashes_per_second": {"samples": samples}}


def older(*rows: dict[str, Any], **more: Any) -> Older:
    return Older(Path("old.json"), {"results": list(rows), **more})


def read(path: Path, document: object) -> Older:
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return read_older(path)


def test_only_the_same_backend_on_as_many_threads_is_compared() -> None:
    new = {"results": [row("a", [2.0] * 5), row("b", [3.0] * 5)]}
    old = older(row("a", [1.0] * 5), row("b", [1.0] * 5, threads=2), row("c", [1.0]))
    assert old.compared(new) == [{"backend": "a", "threads": 1, "midstates": 1, "ratio": 2.0, "low": 2.0, "high": 2.0}]
    with pytest.raises(
        BenchFileError, match=r"old.json: holds b on 2 threads, none of what is measured now \(b on 1 threads\)"
    ):
        older(row("b", [1.0], threads=2)).caveats([row("b", [1.0])], {})


def test_only_as_many_midstates_are_compared() -> None:
    """An older file that does not tell them had one."""
    old = older(row("a", [1.0]), row("b", [2.0], midstates=4), row("b", [1.0], midstates=2))
    new = {"results": [row("a", [3.0], midstates=1), row("b", [3.0], midstates=4)]}
    assert [(line["backend"], line["midstates"], line["ratio"]) for line in old.compared(new)] == [("a", 1, 3.0), ("b", 4, 1.5)]
    with pytest.raises(BenchFileError, match=r"holds a on 1 threads, b on 1 threads, 4 midstates, .*\(a on 1 threads, 4 mids"):
        old.caveats([row("a", [3.0], midstates=4)], {})


@pytest.mark.parametrize(
    "samples",
    [
        "[]",
        "null",
        '["x"]',
        '["1.0"]',
        "[true]",
        "[NaN]",
        "[Infinity]",
        "[-1.0]",
        "[0.0]",
        "[5e-324]",
        "[1e300]",
        "[1" + "0" * 400 + "]",
        "[[1.0, 2.0], [3.0, 4.0]]",
        "[{}]",
        "[1.0, null]",
        '{"0": 1.0}',
    ],
)
def test_an_older_file_without_rates_is_refused(tmp_path: Path, samples: str) -> None:
    text = '{"schema_version": 1, "backend": "a", "threads": 1, "hashes_per_second": {"samples": %s}}' % samples  # noqa: UP031
    with pytest.raises(BenchFileError, match=r"old.json: a: no samples to compare.*want a file that `hashwatt bench --json`"):
        read(tmp_path / "old.json", text)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({}, "holds no result; want a file"),
        ({"results": []}, "holds no result; want a file"),
        ({"results": "fast"}, "`results` is no list of results"),
        ({"results": [1]}, "`results` is no list of results"),
        ({"results": [{}]}, "a result of backend None"),
        ({"backend": ["a"]}, r"a result of backend \['a'\]"),
        ({"backend": "a"}, "a: threads None; want a whole number from 1 on"),
        ({"backend": "a", "threads": True}, "a: threads True; want a whole number"),
        ({"backend": "a", "threads": "1"}, "a: threads '1'; want a whole number"),
        ({"backend": "a", "threads": 1, "midstates": 0}, "a: midstates 0; want a whole number"),
        ({"backend": "a", "threads": 1}, "a: no samples to compare"),
        ({"backend": "a", "threads": 1, "hashes_per_second": [1.0]}, "a: no samples to compare"),
    ],
)
def test_an_older_file_of_another_shape_is_refused_by_its_name(tmp_path: Path, document: dict[str, Any], told: str) -> None:
    with pytest.raises(BenchFileError, match=rf"^{tmp_path}/old.json: {told}"):
        read(tmp_path / "old.json", {"schema_version": 1, **document})


def test_what_an_older_file_holds_is_told_in_part_if_it_is_much() -> None:
    old = older(*(row(f"b{number}", [1.0]) for number in range(20_000)))
    with pytest.raises(BenchFileError, match=r"holds b0 on 1 threads, .*, b7 on 1 threads and 19,992 more, none of") as caught:
        old.caveats([row("a", [1.0])], {})
    assert len(str(caught.value)) < 400


def test_a_history_is_told_to_be_one_unless_it_is_a_single_line(tmp_path: Path) -> None:
    line = json.dumps({"schema_version": 1, **row("a", [1.0])})
    with pytest.raises(BenchFileError, match=r"a history of 2 benchmarks; want one of them, such as its last line, in a file"):
        read(tmp_path / "history.jsonl", f"{line}\n{line}\n")
    assert read(tmp_path / "history.jsonl", f"{line}\n").document["backend"] == "a"


@pytest.mark.parametrize("place", ["pipe", "/dev/null", "/dev/full"])
def test_a_pipe_or_a_device_is_refused(tmp_path: Path, place: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BenchFileError, match=r"--compare .*: a pipe or a device; want a file on a disk"):
        read_older(tmp_path / place)


def test_the_backend_is_known_where_there_is_only_one_for_as_many_threads_and_midstates() -> None:
    old = older(
        row("a", [1.0]), row("a", [1.0]), row("b", [1.0], threads=2), row("c", [1.0], threads=2), row("d", [1.0], midstates=4)
    )
    assert [old.only_backend(*asked) for asked in ((1, 1), (2, 1), (1, 4), (3, 1))] == ["a", None, "d", None]


def test_what_differs_is_named_and_what_an_older_file_is_silent_of_is_not() -> None:
    board = {"name": "H100", "driver": "580.1", "address": "05"}
    now = {
        "machine": {"cpu": CPU, "gpus": [board], "python": "3.11.2", "versions": {"numba": "0.64", "cupy": "14"}},
        "settings": {"seconds": 5.0, "cpus": (0, 1)},
    }
    same = older(row("a", [1.0]), **json.loads(json.dumps(now)))
    assert same.differences(now) == []
    assert same.caveats([row("a", [1.0])], now) == []
    for silent in ({}, {"machine": "none", "settings": []}, {"machine": {"cpu": [], "versions": 1}}):
        assert older(row("a", [1.0]), **silent).differences(now) == []
    moved = {**board, "address": "0B"}
    assert older(machine={"gpus": [moved]}).differences(now) == []
    before = {
        "machine": {
            "cpu": {"model": "Xeon", "features_sha256": "cd"},
            "gpus": [{**board, "driver": "575"}],
            "versions": {"numba": "0.63", "numpy": "2"},
        },
        "settings": {"seconds": 1, "cpus": None},
    }
    other = older(row("a", [1.0]), **before)
    assert other.differences(now)[0] == {"what": "CPU model", "old": "Xeon", "new": "EPYC"}
    assert other.caveats([row("a", [1.0])], now) == [
        "old.json: measured under other conditions, which the ratio holds too: CPU model Xeon, now EPYC; CPU features; "
        "GPUs H100, driver 575, now H100, driver 580.1; seconds a sample 1, now 5.0; affinity none, now 0, 1; "
        "cupy none, now 14; numba 0.63, now 0.64; numpy 2, now none"
    ]


def test_what_differs_is_told_in_part_if_it_is_much() -> None:
    now = {"machine": {"versions": {str(number): "1" for number in range(20_000)}}}
    [caveat] = older(row("a", [1.0]), machine={"versions": {}}).caveats([row("a", [1.0])], now)
    assert caveat.endswith(" and 19,992 more")


def test_an_audit_that_failed_then_is_told() -> None:
    old = older(
        row("a", [1.0], audit_passed=False), row("b", [1.0], audit_passed=False), row("a", [1.0], threads=2, audit_passed=False)
    )
    assert old.caveats([row("a", [1.0])], {}) == ["old.json: a failed its audit then; do not trust its older rate"]
