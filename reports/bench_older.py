"""An older benchmark: read with distrust, and held against a new one with all that differs beside the rates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from miner.bench.compare import ratio_of_medians
from reports.bench_files import is_record, refuse_devices
from reports.bench_report import SCHEMA_VERSION, Json, json_text, rows_of
from reports.errors import BenchFileError

WANTED: Final = "want a file that `hashwatt bench --json` wrote"
RATES_HPS: Final = (1e-3, 1e24)  # whatever searches does more than the one and less than the other; their ratios are finite
MOST_LISTED: Final = 8
MOST_SHOWN: Final = 60  # letters of a value that differs
_CONDITIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "CPU model": ("machine", "cpu", "model"),
    "CPU features": ("machine", "cpu", "features_sha256"),
    "GPUs": ("machine", "gpus"),
    "Python": ("machine", "python"),
    "seconds a sample": ("settings", "seconds"),
    "affinity": ("settings", "cpus"),
}
_UNTOLD: Final = object()  # what a file is silent of; older ones do not tell everything


@dataclass(frozen=True, slots=True)
class Older:
    """A benchmark that `read_older` took from a file, and the file's path."""

    path: Path
    document: Json

    def only_backend(self, threads: int, midstates: int) -> str | None:
        """Return the name of the backend that it holds on so many threads, if it holds just one."""
        asked = threads, midstates
        names = {row["backend"] for row in rows_of(self.document) if (row["threads"], row.get("midstates", 1)) == asked}
        return str(names.pop()) if len(names) == 1 else None

    def caveats(self, rows: Sequence[Json], conditions: Json) -> list[str]:
        """Return as sentences what speaks against a ratio of `rows`, of which backend, threads and midstates are looked at.

        `conditions` are the machine and the settings of now.

        Raises
        ------
        BenchFileError
            If it holds none of the rows: with what it holds, and what was wanted.
        """
        wanted, known = (list(dict.fromkeys(map(_key, some))) for some in (rows, rows_of(self.document)))
        if not set(wanted) & set(known):
            raise BenchFileError(
                f"{self.path}: holds {_listed(known)}, none of what is measured now ({_listed(wanted)}); nothing to compare"
            )
        told = [
            f"{self.path}: {row['backend']} failed its audit then; do not trust its older rate"
            for row in rows_of(self.document)
            if row.get("audit_passed") is False and _key(row) in wanted
        ]
        if self.document.get("interrupted") is True:
            told.append(f"{self.path}: it was interrupted then; its samples are fewer, and hardly audited")
        if found := self.differences(conditions):
            listed = _listed([_difference(one) for one in found], "; ")
            told.append(f"{self.path}: measured under other conditions, which the ratio holds too: {listed}")
        return told

    def compared(self, new: Json) -> list[Json]:
        """Return the ratio of every backend that both hold with as many threads and midstates, with its interval."""
        before = {_key(row): row for row in rows_of(self.document)}
        rng = np.random.default_rng(1)
        return [
            {
                **{name: row.get(name, 1) for name in ("backend", "threads", "midstates")},
                **asdict(ratio_of_medians(_samples(row), _samples(before[_key(row)]), rng)),
            }
            for row in rows_of(new)
            if _key(row) in before
        ]

    def differences(self, new: Json) -> list[Json]:
        """Return in what machine and settings of `new` differ from those of then, apart from what the file does not tell."""
        old, now = self.document, json.loads(json_text(new))  # as a file would hold it
        pairs = [(what, _at(old, *place), _at(now, *place)) for what, place in _CONDITIONS.items()]
        before, after = (_at(one, "machine", "versions") for one in (old, now))
        if isinstance(before, dict) and isinstance(after, dict):
            pairs += [(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]
        told = [(what, _without_place(then), _without_place(today)) for what, then, today in pairs if then is not _UNTOLD]
        return [{"what": what, "old": then, "new": today} for what, then, today in told if then != today]


def read_older(path: Path) -> Older:
    """Read a benchmark that was written as JSON, and make sure that its rates are rates.

    Raises
    ------
    BenchFileError
        If it cannot be read, or is no benchmark.
    """
    refuse_devices("--compare", path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BenchFileError(f"{path}: cannot be read ({error.strerror}); {WANTED}") from None
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise BenchFileError(f"{path}: {_no_document(content)}") from None
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        raise BenchFileError(
            f"{path}: schema version {version!r:.40}; want {SCHEMA_VERSION}, as `hashwatt bench --json` writes"
        )
    _check_results(document, path)
    return Older(path, document)


def _no_document(content: bytes) -> str:
    lines = [line for line in content.splitlines() if line.strip()]
    if len(lines) > 1 and is_record(lines[0]):
        return f"a history of {len(lines):,} benchmarks; want one of them, such as its last line, in a file of its own"
    return f"not JSON; {WANTED}"


def _check_results(document: Json, path: Path) -> None:
    rows = document.get("results", [document] if "backend" in document else [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BenchFileError(f"{path}: `results` is no list of results; {WANTED}")
    if not rows:
        raise BenchFileError(f"{path}: holds no result; {WANTED}")
    for row in rows:
        _check_result(row, path)


def _check_result(row: Json, path: Path) -> None:
    name = row.get("backend")
    if not isinstance(name, str) or not name:
        raise BenchFileError(f"{path}: a result of backend {name!r:.40}; {WANTED}")
    for key in ("threads", "midstates"):
        count = row.get(key, 1 if key == "midstates" else None)
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise BenchFileError(f"{path}: {name}: {key} {count!r:.40}; want a whole number from 1 on")
    rates = row.get("hashes_per_second")
    samples = rates.get("samples") if isinstance(rates, dict) else None
    if not isinstance(samples, list) or not samples:
        raise BenchFileError(f"{path}: {name}: no samples to compare; {WANTED}")
    for sample in samples:
        if not isinstance(sample, int | float) or isinstance(sample, bool) or not RATES_HPS[0] <= sample <= RATES_HPS[1]:
            raise BenchFileError(f"{path}: {name}: no samples to compare ({sample!r:.40} is no rate in H/s); {WANTED}")


def _key(row: Json) -> str:
    """Return what must be the same of two results; files from before there were midstates mean one."""
    midstates = row.get("midstates", 1)
    return f"{row['backend']} on {row['threads']} threads" + ("" if midstates == 1 else f", {midstates} midstates")


def _listed(items: Sequence[str], by: str = ", ") -> str:
    more = len(items) - MOST_LISTED
    return by.join(items[:MOST_LISTED]) + (f" and {more:,} more" if more > 0 else "")


def _samples(row: Json) -> list[float]:
    rates = row["hashes_per_second"]
    return list(rates["samples"]) if isinstance(rates, dict) else []


def _at(document: object, *place: str) -> object:
    """Return what stands at a place of a document, if anything does."""
    for name in place:
        if not isinstance(document, dict) or name not in document:
            return _UNTOLD
        document = document[name]
    return document


def _without_place(value: object) -> object:
    """Return name and driver of GPU boards, wherever they sit, and anything else as it is."""
    if isinstance(value, list) and value and all(isinstance(board, dict) for board in value):
        return [f"{board.get('name')}, driver {board.get('driver')}" for board in value]
    return value


def _difference(found: Json) -> str:
    if found["what"] == "CPU features":  # a digest tells nobody anything
        return "CPU features"
    then, today = (_shown(found[when]) for when in ("old", "new"))
    return f"{found['what']} {then}, now {today}"


def _shown(value: object) -> str:
    if value is None or value == []:
        return "none"
    told = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return told if len(told) <= MOST_SHOWN else f"{told[:MOST_SHOWN]}..."
