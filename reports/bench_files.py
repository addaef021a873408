"""The files that benchmarks are added to, rows of CSV and a history of JSON lines: whole lines, or nothing at all."""

from __future__ import annotations

import csv
import json
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from io import StringIO
from itertools import combinations
from pathlib import Path
from typing import Final

from reports.bench_report import Json, json_text, rows_of
from reports.errors import BenchFileError, BenchOutputError

CSV_COLUMNS: Final = (
    "date_utc",
    "backend",
    "threads",
    "midstates",
    "sample",
    "seconds",
    "hashes",
    "hashes_per_second",
    "core_clock_hz",
    "processor_seconds",
    "audit_passed",
)
_LONGEST_HEADER: Final = 1 << 16  # bytes; Python's csv gives up at twice that
_LONGEST_RECORD: Final = 1 << 26  # bytes; 10,000 samples of every backend are some 10 MB
_OPENED: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT
_STDOUT: Final = 1


def check_names(named: Sequence[tuple[str, Path | None]]) -> None:
    """Refuse pipes, devices, and one file for two purposes; `named` are options with their files, some of them not given.

    Raises
    ------
    BenchFileError
        With the option and the file.
    """
    given = [(option, path) for option, path in named if path is not None]
    for option, path in given:
        refuse_devices(option, path)
    for (option, path), (other, second) in combinations(given, 2):
        if _same(path, second):
            raise BenchFileError(f"{option} and {other} name one file ({path}); want a file for each")


def refuse_devices(option: str, path: Path) -> None:
    """Refuse what is there and is no file: a pipe may never be answered, and no line can be taken back from a device."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return  # opening it will tell
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise BenchFileError(f"{option} {path}: a pipe or a device; want a file on a disk")


def check_csv(path: Path) -> None:
    """Refuse before the measurement a CSV file to which nothing could be added after it: BenchFileError. It may be new."""
    _check_writable("--csv", path)
    with path.open("rb") as file:
        first = file.readline(_LONGEST_HEADER)
        if first and _columns(first) != CSV_COLUMNS:
            raise BenchFileError(
                f"{path}: its first line is not {','.join(CSV_COLUMNS)}; give another file, and it will be made"
            )
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST_RECORD), b""), start=2):
            if line.startswith(b"{"):
                raise BenchFileError(
                    f"{path}: line {number} is JSON, as of a --history; give another file, and it will be made"
                )


def check_history(path: Path) -> None:
    """Refuse before the measurement a history to which nothing could be added after it: BenchFileError. It may be new."""
    _check_writable("--history", path)
    with path.open("rb") as file:
        first = file.readline(_LONGEST_RECORD)
    if first and not is_record(first):
        raise BenchFileError(
            f"{path}: its first line is no benchmark as --history writes it; give another file, and it will be made"
        )


def is_record(line: bytes) -> bool:
    """Tell whether a line is a benchmark as a history holds it: an object of JSON with a version of its schema."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and "schema_version" in record


def append_csv(path: Path, document: Json) -> bool:
    """Add a row for each sample to a CSV file, after a header line if it is empty.

    Return whether its last line had no end, and was given one first. Raises BenchOutputError, and then nothing was added.
    """
    text = StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS)
    writer.writeheader()
    header = text.getvalue().encode()
    for row in rows_of(document):
        about = {name: row[name] for name in ("backend", "threads", "midstates")}
        about |= {"date_utc": document["date_utc"], "audit_passed": str(row["audit_passed"]).lower()}
        for number, sample in enumerate(row["samples"]):  # type: ignore[arg-type,var-annotated]
            writer.writerow({**about, "sample": number, **sample})
    return _append(path, text.getvalue().encode().removeprefix(header), header)


def append_history(path: Path, document: Json) -> bool:
    """Add the whole benchmark as one line of JSON; return and raise as `append_csv` does."""
    return _append(path, (json_text(document) + "\n").encode())


def _append(path: Path, lines: bytes, header: bytes = b"") -> bool:
    """Add `lines` at the end, after `header` if there is nothing yet; runs side by side neither mix nor both write it."""
    try:
        handle = os.open(path, _OPENED, 0o666)
        try:
            _lock(handle)
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            _write(handle, (b"\n" if torn else b"" if size else header) + lines, size)
        finally:
            os.close(handle)  # lets go of the lock, too
    except OSError as error:
        raise BenchOutputError(f"{path}: cannot be written ({error.strerror}); nothing was added to it") from None
    return torn


def _lock(handle: int) -> None:
    """Wait until nobody else writes; without locks, be it the system or the file system, hope so."""
    try:
        import fcntl
    except ImportError:
        return
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX)


def _write(handle: int, content: bytes, size: int) -> None:
    """Write all, or cut the file back to `size` bytes: part of a line would take the next one with it."""
    left = memoryview(content)
    try:
        while left:
            left = left[os.write(handle, left) :]
    except BaseException:
        with suppress(OSError):
            os.ftruncate(handle, size)
        raise


def _check_writable(option: str, path: Path) -> None:
    try:
        handle = os.open(path, _OPENED, 0o666)
    except OSError as error:
        raise BenchFileError(
            f"{path}: cannot be written ({error.strerror}); want a file in a folder you may write to"
        ) from None
    try:
        with suppress(OSError):  # there may be no standard output
            if os.path.samestat(os.fstat(handle), os.fstat(_STDOUT)):
                raise BenchFileError(f"{option} {path}: the output of this command goes there; want another file")
    finally:
        os.close(handle)


def _columns(line: bytes) -> tuple[str, ...]:
    try:
        return tuple(next(csv.reader([line.decode("utf-8", errors="replace").rstrip("\r\n")]), ()))
    except csv.Error:
        return ()


def _same(path: Path, other: Path) -> bool:
    """Tell whether two paths lead to one file, which need not be there yet."""
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return os.path.realpath(path) == os.path.realpath(other)
