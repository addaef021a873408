"""`hashwatt devices list|show|probe`: machines of the catalogue, one of them in full, and what is attached here."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, cast

import typer

from reports.cli.errors import EXIT_FAILURE, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hw.catalogue import CatalogueEntry, Kind
    from hw.drivers.probing import Attached, Candidates
    from hw.meters.meter import PowerMeter
    from reports.device_rows import Json
    from reports.machine_curve import MachineCurve, NoCurve

METER_S: Final = 1.0  # over which --meter takes the mean
KINDS: Final = ("asic", "gpu")
PICTURES: Final = (".png", ".svg")

app = typer.Typer(no_args_is_help=True, help="List mining machines, show one in full, find those attached here.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_devices(
    maker: Annotated[str | None, typer.Option(help="Only those of this maker.")] = None,
    since: Annotated[str | None, typer.Option(help="Only those released from then on: YEAR or YYYY-MM.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only asic or gpu.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the machines of the catalogue by release.

    Those whose release is not known come last, and --since leaves them out. A GPU's hash rate is half of hashcat's speed of
    single SHA-256 and its watts are the board's design limit; a Bitaxe's are clock times cores, and the target of its self
    test. All other figures are the makers' ratings, as far as `trust` says. Watts and J/TH are those `at` the place named: the
    wall, a board's input, or a GPU's board.
    """
    from reports.device_rows import Choice, chosen, list_table
    from reports.device_rows import as_json as row_json

    if kind is not None and kind not in KINDS:
        raise UsageProblem(f"--kind {kind!r}: want {' or '.join(KINDS)}")
    choice = Choice(maker=maker, since=None if since is None else _month(since), kind=cast("Kind | None", kind))
    rows, undated = chosen(choice)
    if as_json:
        print(json.dumps([row_json(one) for one in rows], ensure_ascii=False, indent=2))
    elif rows:
        print("\n".join(list_table(rows)))
    else:
        typer.echo("hashwatt: no machine of the catalogue is like that", err=True)
    if undated:
        typer.echo(f"hashwatt: {undated} left out, whose release is not known", err=True)


@app.command("show")
def show(
    words: Annotated[list[str], typer.Argument(metavar="NAME...", help="The machine, such as s19j-pro-104th.")],
    out: Annotated[Path | None, typer.Option(help="Draw its modelled power into this file, .png or .svg.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show one machine: its figures, sources and model.

    Of air-cooled ASICs the model tells hash rate, power and temperature over the clock: modelled, not measured. Case, spaces,
    dashes and brackets of the name do not count. A picture is drawn only if --out says where to.
    """
    from reports.device_rows import found_by_name
    from reports.device_sheet import sheet, sheet_json
    from reports.machine_curve import machine_curve

    one = found_by_name(" ".join(words))
    curve = machine_curve(one)
    if out is not None:
        _draw(one, curve, out)
    if as_json:
        told = {**sheet_json(one, curve), "picture": None if out is None else str(out)}
        print(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        print("\n".join(sheet(one, curve)))


@app.command("probe")
def probe(
    port: Annotated[list[str] | None, typer.Option(help="Ask at this port; may be given again.")] = None,
    device: Annotated[str | None, typer.Option(help="Look for this one only, such as erupter or bm1366.")] = None,
    meter: Annotated[str | None, typer.Option(help="Read this power meter, such as rapl or nameplate:65.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is attached here, and what it draws.

    Without --port all USB serial ports are asked, and others only listed. A device is left as it was: Icarus and its kin get
    one piece of known work, in place of what they had; chips are asked for their kind, and nothing is written to them.

    Leaves with exit code 1 if no device was recognised.
    """
    from hw.drivers.probing import candidates

    wanted = candidates(device)
    ports = _listed_ports() if port is None else [_named_port(path) for path in dict.fromkeys(port)]
    metered = None if meter is None else _opened(meter)
    if not ports:
        typer.echo("hashwatt: no serial port here; plug a device in, or emulate one with `hashwatt emulate`", err=True)
    for one in ports:
        _ask(one, wanted)
    power, problem = (None, None) if metered is None else _drawn(metered)
    if as_json:
        print(json.dumps({"ports": [_port_json(one) for one in ports], "power": power, "no_power_because": problem}, indent=2))
    else:
        _tell(ports, power)
    if not any(one.found for one in ports):
        raise typer.Exit(EXIT_FAILURE)


def _month(text: str) -> date:
    """Read 2020 as 1 January 2020, and 2020-05 as 1 May."""
    if re.fullmatch(r"[0-9]{4}(-[0-9]{2})?", text, re.ASCII):
        try:
            return date.fromisoformat(f"{text}-01" if "-" in text else f"{text}-01-01")
        except ValueError:
            pass
    raise UsageProblem(f"--since {text!r}: want a year or a month, such as 2020 or 2020-05")


def _draw(one: CatalogueEntry, curve: MachineCurve | NoCurve, out: Path) -> None:
    """Write the picture of a curve; everything that is wrong with the wish is said before anything is drawn."""
    from reports.machine_curve import NoCurve

    if isinstance(curve, NoCurve):
        raise UsageProblem(f"--out {out}: there is nothing to draw: {curve.reason}; leave --out away")
    if out.suffix.lower() not in PICTURES:
        raise UsageProblem(f"--out {out}: want a name that ends in {' or '.join(PICTURES)}")
    from reports.figures.power_curve import caption, draw
    from reports.figures.style import as_png, as_svg, finish

    figure = draw(curve, one)
    finish(figure, caption(curve, one))
    drawn = as_svg(figure) if out.suffix.lower() == ".svg" else as_png(figure)
    try:
        out.write_bytes(drawn)
    except OSError as error:
        raise UsageProblem(
            f"--out {out}: cannot be written ({error.strerror}); want a file in a folder that is there"
        ) from None
    typer.echo(f"hashwatt: {out} drawn", err=True)


@dataclass(slots=True)
class _Asked:
    """A serial port and what came of asking there: what was found, or why nothing was."""

    path: str
    description: str | None = None
    usb: str | None = None  # vendor and product, as lsusb prints them
    asked: bool = True
    found: Attached | None = None
    problem: str | None = None


def _named_port(path: str) -> _Asked:
    if not path or "://" in path:
        raise UsageProblem(f"--port {path!r}: want the path of a serial port, such as /dev/ttyUSB0")
    return _Asked(path)


def _listed_ports() -> list[_Asked]:
    """Return the serial ports of this machine; those that are no USB ports are not to be asked."""
    from serial.tools import list_ports

    found = []
    for one in sorted(list_ports.comports(), key=lambda port: str(port.device)):
        told = None if one.description in {None, "", "n/a"} else str(one.description)
        usb = None if one.vid is None or one.pid is None else f"{one.vid:04x}:{one.pid:04x}"
        found.append(_Asked(str(one.device), told, usb, asked=usb is not None))
    return found


def _ask(one: _Asked, wanted: Candidates) -> None:
    """Ask at a port; whatever goes wrong there is noted, and told on stderr."""
    from contextlib import closing

    from hw.drivers.errors import DriverError
    from hw.drivers.icarus.frames import BAUD
    from hw.drivers.port import SerialPort
    from hw.drivers.probing import identify

    if not one.asked:
        one.problem = f"{one.path}: no USB port, not asked; --port {one.path} asks it"
    else:
        try:
            with closing(SerialPort(one.path, BAUD)) as opened:
                one.found = identify(opened, wanted)
        except DriverError as error:
            one.problem = str(error)
    if one.problem is not None:
        typer.echo(f"hashwatt: {one.problem}", err=True)


def _opened(meter: str) -> PowerMeter | str:
    """Open a power meter; return why there is none where this machine has no such instrument."""
    from hw.errors import MeterUnavailableError
    from hw.meters.registry import open_meter

    try:
        return open_meter(meter)
    except MeterUnavailableError as error:
        return str(error)


def _drawn(meter: PowerMeter | str) -> tuple[Json | None, str | None]:
    """Return the mean power over a second with its labels, or None and why there is none, which is told on stderr."""
    problem = meter if isinstance(meter, str) else None
    if not isinstance(meter, str):
        try:
            before_s, before_j = time.monotonic(), meter.energy_j()  # an energy is that of the moment of asking
            time.sleep(METER_S)
            passed_s, after_j = time.monotonic() - before_s, meter.energy_j()
            return {
                "power_w": (after_j - before_j) / passed_s,
                "mean_over_s": passed_s,
                "kind": meter.kind,
                "boundary": meter.boundary,
                "source": meter.source,
            }, None
        except OSError as error:
            problem = str(error)
        finally:
            meter.close()
    typer.echo(f"hashwatt: no power: {problem}", err=True)
    return None, problem


def _port_json(one: _Asked) -> Json:
    found = one.found
    return {
        "port": one.path,
        "description": one.description,
        "usb": one.usb,
        "asked": one.asked,
        "recognised": found is not None,
        "device": None if found is None else found.title,
        "drivers": [] if found is None else list(found.drivers),
        "chips": None if found is None else found.chips,
        "answer_hex": None if found is None else found.answer.hex(),
        "problem": one.problem,
    }


def _tell(ports: Sequence[_Asked], power: Json | None) -> None:
    from reports.device_rows import UNKNOWN, columns

    rows = [
        (
            one.path,
            one.found.title,
            UNKNOWN if one.found.chips is None else str(one.found.chips),
            one.found.answer.hex(" "),
            " or ".join(f"{driver}:{one.path}" for driver in one.found.drivers),
            one.description or "",
        )
        for one in ports
        if one.found is not None
    ]
    if rows:
        print("\n".join(columns([("port", "device", "chips", "answer", "drive it as", ""), *rows], right=(2,))))
    if power is not None:
        labels = f"{power['source']}; {power['boundary']}; {power['kind']}"
        print(f"power  {power['power_w']:.4g} W, mean over {power['mean_over_s']:.1f} s ({labels})")
