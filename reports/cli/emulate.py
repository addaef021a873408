"""`hashwatt emulate`: mining devices and power meters that answer on pseudo-terminals as real ones do on serial ports."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from reports.cli.emulated_meters import serve_meters
from reports.cli.emulated_miners import MinerOptions, serve_miners
from reports.cli.emulation import Emulation, Lines
from reports.cli.errors import UsageProblem
from reports.cli.until_stopped import endings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

MOST_DEVICES: Final = 64


def emulate(
    model: Annotated[
        str, typer.Argument(help="icarus, erupter, u1, u2, bm1397, bm1362, bm1366, bm1368, bm1370; or a meter: pzem, sdm120.")
    ],
    count: Annotated[int, typer.Option(help="How many of them.")] = 1,
    chips: Annotated[int | None, typer.Option(help="BM13xx: chips on each chain; 1 if left out.")] = None,
    link: Annotated[Path | None, typer.Option(help="Make a link to the device here; -1, -2, ... are added to more.")] = None,
    hashrate: Annotated[str | None, typer.Option(help="Declared hash rate, such as 336M or 1.2T; its own if left out.")] = None,
    fault: Annotated[list[str] | None, typer.Option(help="NAME@SECONDS: a fault from then on; may be given again.")] = None,
    load_w: Annotated[float | None, typer.Option(help="Meters: the power that each shows, in watts.")] = None,
    meter: Annotated[
        str | None, typer.Option(help="BM13xx: emulate a meter, pzem or sdm120, at the plug of all the devices, too.")
    ] = None,
    metrics: Annotated[int | None, typer.Option(help="Serve metrics for Prometheus on this port; 0 picks a free one.")] = None,
    backend: Annotated[str, typer.Option(help="What finds the nonces: auto, or a backend's name.")] = "auto",
    seconds: Annotated[float | None, typer.Option(help="Stop after so many seconds; never if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: a line at the start and one at the end.")] = False,
) -> None:
    """Emulate mining devices or power meters: prints the path of each, then answers there until stopped.

    Work of real blocks that hashwatt knows is answered when the declared hash rate would have found the nonce. All other
    nonces are found by this machine, which may be slower: none is reported that was not found. A meter shows the watts of
    --load-w, and counts their energy.
    """
    if not 1 <= count <= MOST_DEVICES:
        raise UsageProblem(f"--count {count}: want 1 to {MOST_DEVICES}")
    if link is not None and not link.name:
        raise UsageProblem(f"--link {str(link)!r}: want the path of a link to be made")
    if seconds is not None and not (isfinite(seconds) and seconds > 0):
        raise UsageProblem(f"--seconds {seconds}: want a number above 0")
    options = MinerOptions(
        chips=chips, hashrate=hashrate, faults=tuple(fault or ()), meter=meter, metrics=metrics, backend=backend
    )
    with _signals() as signals, ExitStack() as stack:
        emulation = _served(model, Lines(count, link), load_w, options, stack)
        signals.stop = emulation.server.stop
        emulation.tell_start(as_json=as_json)
        emulation.server.run(None if seconds is None else time.monotonic() + seconds)
        emulation.tell_end(as_json=as_json)
    if signals.interrupted:
        raise KeyboardInterrupt


def _served(model: str, lines: Lines, load_w: float | None, options: MinerOptions, stack: ExitStack) -> Emulation:
    """Begin to serve what was asked for; an option that is not for it is refused."""
    from hw.emulators.models import MODELS
    from hw.emulators.wall_meter import KINDS

    if model not in KINDS:
        if model not in MODELS:
            raise UsageProblem(f"no emulated device {model!r}; known: {', '.join((*MODELS, *KINDS))}")
        if load_w is not None:
            raise UsageProblem(f"--load-w {load_w:g}: {model} is no meter; --load-w is for {' and '.join(KINDS)}")
        return serve_miners(model, lines, options, stack)
    if load_w is None:
        raise UsageProblem(f"{model}: which power does it show? want for example --load-w 350")
    for name in ("chips", "hashrate", "meter", "metrics", "backend"):
        if (value := getattr(options, name)) not in {None, "auto"}:
            raise UsageProblem(f"--{name} {value!r}: {model} is a meter; --{name} is for mining devices")
    return serve_meters(model, lines, load_w, options.faults, stack)


@dataclass(slots=True)
class _Signals:
    """What ends the serving once it has begun, and whether Ctrl-C did."""

    stop: Callable[[], None] | None = None
    interrupted: bool = False


@contextmanager
def _signals() -> Iterator[_Signals]:
    """Let Ctrl-C, SIGTERM and SIGHUP end the serving, or what comes before it; no second one disturbs the tidying up.

    A SIGHUP that is ignored already, as under nohup, stays so.
    """
    told = _Signals()

    def end(number: int, frame: FrameType | None) -> None:
        told.interrupted |= number == signal.SIGINT
        if told.stop is not None:
            told.stop()
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in endings()}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
