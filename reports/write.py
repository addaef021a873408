"""The folder of one run: created empty, filled table by table, and complete only when its manifest stands.

Every file is written beside its name, forced to the disk and then renamed, so a reader sees whole files or none. The
manifest comes last: where it is missing, the run is not complete.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from errno import EEXIST
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from reports.errors import RunFolderError

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION: Final = 1
MANIFEST: Final = "manifest.json"
PARTIAL: Final = "PARTIAL.txt"
CLAIM: Final = ".running"
MOST_AT_ONCE: Final = 1_000  # runs of one scenario in one second
RUNS: Final = Path("runs")  # beside where the command runs, never inside the packages


@dataclass(slots=True)
class RunFolder:
    """A run folder being filled. `outputs` lists what was written so far, with digests, for the manifest."""

    path: Path
    started_utc: datetime
    outputs: dict[str, dict[str, object]] = field(default_factory=dict)

    @classmethod
    def create(cls, out: Path | None, scenario_id: str, *, now: datetime | None = None) -> Self:
        """Make the folder `out`, or ``runs/<scenario>-<UTC time>`` (with a number if that is taken), and claim it.

        The claim is a file that only one run can make; it goes when the run is complete or marked as partial.

        Raises
        ------
        RunFolderError
            If it exists and holds something, is a file, is claimed by another run, or cannot be written.
        """
        moment = now or datetime.now(UTC)
        path = out
        try:
            if path is None:
                path = _new_folder(f"{scenario_id}-{moment:%Y%m%dT%H%M%SZ}")
            elif path.exists() and not path.is_dir():
                raise RunFolderError(f"{path}: that is a file; want a new or empty folder for the run")
            path.mkdir(parents=True, exist_ok=True)
            if (path / CLAIM).exists():
                raise RunFolderError(f"{path}: another run writes there, or was killed while it did; want a new folder")
            if any(path.iterdir()):
                raise RunFolderError(f"{path}: the folder is not empty; want a new or empty one, so that nothing is lost")
            _claim(path)
        except OSError as error:
            raise RunFolderError(f"{path}: cannot be written ({error.strerror}); want a folder you may write to") from None
        return cls(path, moment)

    def write_table(self, name: str, table: pa.Table, *, csv: bool = False) -> None:
        """Write `name`.parquet, and on request a CSV twin; equal tables give equal bytes."""
        import pyarrow.csv as pa_csv
        import pyarrow.parquet as pq

        buffer = BytesIO()
        pq.write_table(table, buffer, compression="zstd", compression_level=3, version="2.6")
        self.write_bytes(f"{name}.parquet", buffer.getvalue(), rows=table.num_rows)
        if csv:
            text = BytesIO()
            pa_csv.write_csv(table, text)
            self.write_bytes(f"{name}.csv", text.getvalue(), rows=table.num_rows)

    def write_text(self, name: str, text: str) -> None:
        """Write a text file in UTF-8."""
        self.write_bytes(name, text.encode())

    def write_bytes(self, name: str, content: bytes, *, rows: int | None = None) -> None:
        """Write one file whole, and note it for the manifest. `name` may lie one folder deep."""
        write_whole(self.path / name, content)
        entry: dict[str, object] = {"bytes": len(content), "sha256": sha256(content).hexdigest()}
        self.outputs[name] = entry if rows is None else {"rows": rows, **entry}

    def finish(self, facts: dict[str, object]) -> None:
        """Write the manifest: `facts`, and every output with its digest. The run is complete then."""
        manifest = {"schema_version": SCHEMA_VERSION, **facts, "outputs": self.outputs}
        (self.path / CLAIM).unlink(missing_ok=True)
        write_whole(self.path / MANIFEST, (json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode())

    def mark_partial(self, reason: str) -> None:
        """Say in the folder itself that the run is not complete; there is no manifest then."""
        tables = sorted(name for name in self.outputs if name.endswith(".parquet"))
        held = f"Its tables hold what had arrived ({', '.join(tables)})" if tables else "It holds no table"
        text = f"This run is not complete: {reason}.\n{held}; there is no {MANIFEST}.\n"
        (self.path / CLAIM).unlink(missing_ok=True)
        write_whole(self.path / PARTIAL, text.encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that the file is there whole or not at all."""
    beside = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None  # a full disk does not say which file it was


def _claim(path: Path) -> None:
    """Make the file that says whose folder this is; of two runs at the same moment one is refused."""
    try:
        (path / CLAIM).touch(exist_ok=False)
    except FileExistsError:
        raise RunFolderError(f"{path}: another run took that folder just now; want a new one") from None


def _new_folder(name: str) -> Path:
    """Make a folder of that name under ``runs/``, or with -2, -3 and so on behind it; two runs never get the same one."""
    names = (name, *(f"{name}-{number}" for number in range(2, MOST_AT_ONCE)))
    for candidate in names:
        with suppress(FileExistsError):
            (RUNS / candidate).mkdir(parents=True)
            return RUNS / candidate
    raise FileExistsError(EEXIST, "too many runs of one second", str(RUNS / name))


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a complete run.

    Raises
    ------
    RunFolderError
        If there is no such folder, no manifest, or one of another schema version.
    """
    path = folder / MANIFEST
    try:
        is_folder, is_complete = folder.is_dir(), path.is_file()
    except OSError as error:
        raise RunFolderError(f"{folder}: cannot be read ({error.strerror}); want a folder you may read") from None
    if not is_folder:
        raise RunFolderError(f"no run at {folder}; want the folder that `hashwatt run` printed")
    if not is_complete:
        raise RunFolderError(f"{folder}: no {MANIFEST}, so the run is not complete; run the scenario again")
    try:
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path}: cannot be read ({error}); run the scenario again") from None
    version = manifest.get("schema_version") if isinstance(manifest, dict) else None
    if version != SCHEMA_VERSION:
        raise RunFolderError(f"{path}: schema version {version!r}; this program reads version {SCHEMA_VERSION}")
    return dict(manifest)
