"""What `hashwatt emulate` has under way: devices on their lines, and what it prints of them at the start and at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from hw.emulators.pty_line import PtyLine
    from hw.emulators.serving import EmulatorServer


@dataclass(frozen=True, slots=True)
class Lines:
    """How many lines are wanted, and the link that leads to the first; the others' have a number behind the name."""

    count: int
    link: Path | None

    def open(self, number: int) -> PtyLine:
        """Open the line of one device, `number` from 0 on; raise PortError if that cannot be."""
        return self._open("" if self.count == 1 else f"-{number + 1}")

    def open_meter(self) -> PtyLine:
        """Open the line of the meter that all of them hang on."""
        return self._open("-meter")

    def _open(self, ending: str) -> PtyLine:
        from hw.emulators.pty_line import PtyLine

        return PtyLine(None if self.link is None else self.link.with_name(self.link.name + ending))


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulation:
    """Devices of one kind that are served, `name`, and after them the `meter` that they hang on, if they do.

    `facts` are for programs, `sentence` for people. Where the devices themselves are meters, `is_meter`.
    """

    server: EmulatorServer
    name: str
    facts: Mapping[str, object]
    sentence: str
    meter: str | None = None
    is_meter: bool = False

    def tell_start(self, *, as_json: bool) -> None:
        """Print where the devices are."""
        paths = self.server.paths
        if as_json:
            ports = paths if self.meter is None else paths[:-1]
            told = {"model": self.name, "ports": ports, **self.facts}
            if self.meter is not None:
                told["meter"] = {"model": self.meter, "port": paths[-1]}
            print(json.dumps(told), flush=True)
            return
        for path in paths:
            print(path, flush=True)
        typer.echo(f"hashwatt: {self.sentence}; stop with Ctrl-C", err=True)
        if self.meter is not None:
            typer.echo(f"hashwatt: what they draw together: --meter {self.meter}:{paths[-1]}", err=True)

    def tell_end(self, *, as_json: bool) -> None:
        """Print what the devices did."""
        snapshots = list(zip(self.server.paths, self.server.snapshots(), strict=True))
        devices = snapshots if self.meter is None else snapshots[:-1]
        rows = [_row(path, told.works, told.answers, meter=self.is_meter) for path, told in devices]
        meters = [_row(path, told.works, told.answers, meter=True) for path, told in snapshots[len(devices) :]]
        if as_json:
            print(json.dumps({"devices": rows} | ({"meter": meters[0]} if meters else {})), flush=True)
            return
        for row in rows + meters:
            asked = f"{row['requests']} requests" if "requests" in row else f"{row['works']} pieces of work"
            typer.echo(f"hashwatt: {row['port']}: {asked}, {row['answers']} answers", err=True)


def _row(path: str, asked: int, answers: int, *, meter: bool) -> dict[str, object]:
    return {"port": path, "requests" if meter else "works": asked, "answers": answers}
