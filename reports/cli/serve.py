"""`hashwatt serve`: a finished run as Prometheus metrics."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from errno import EACCES, EADDRINUSE
from ipaddress import ip_address
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from reports.cli.errors import UsageProblem
from reports.cli.until_stopped import endings

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from prometheus_client.registry import Collector

    from reports.snapshot import RunSeries

DEFAULT_PORT: Final = 9877
HIGHEST_PORT: Final = 65_535


def serve(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.", show_default=False)],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 picks a free one.")] = DEFAULT_PORT,
    at: Annotated[str | None, typer.Option(help="Show this moment, such as 2021-06-19T16:00Z.", show_default=False)] = None,
    speed: Annotated[
        float | None, typer.Option(help="Replay from the start, this many simulated seconds a second.", show_default=False)
    ] = None,
) -> None:
    """Serve replicate 0 of a finished run as Prometheus metrics until stopped.

    Without --at or --speed it shows the run's end. A replay stops at the end and stays there.
    """
    if not 0 <= port <= HIGHEST_PORT:
        raise UsageProblem(f"--port {port}: want a port from 0 (any free one) to {HIGHEST_PORT}")
    moment_s = parse_moment(at) if at is not None else None
    if speed is not None and not (isfinite(speed) and speed > 0):
        raise UsageProblem(
            f"--speed {speed:g}: want a number above 0, simulated seconds a second (3600 shows an hour each second)"
        )
    if at is not None and speed is not None:
        raise UsageProblem("--at and --speed: give one of them; --at stands still, --speed replays from the start")
    from reports.exporter import RunCollector, metrics_page
    from reports.metrics_http import metrics_app
    from reports.served_run import read_served_run
    from reports.snapshot import state_at

    identity, series = read_served_run(run)
    span = f"{_utc(series.start_s)} to {_utc(series.end_s)}"
    if moment_s is not None and not series.start_s <= moment_s <= series.end_s:
        raise UsageProblem(f"--at {at}: outside this run, which spans {span}")
    now_s = pacer(series, at_s=moment_s, speed=speed)
    title = f"run {identity.run_id} of {identity.scenario}, seed {identity.seed}, {span}"
    page = metrics_page(RunCollector(identity, lambda: state_at(series, now_s())))
    _serve(metrics_app(page, title=title), host, port)


def parse_moment(text: str) -> float:
    """Return an ISO 8601 moment as Unix seconds.

    Raises
    ------
    UsageProblem
        If it is no moment, or leaves its offset from UTC open.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageProblem(f"--at {text}: not a moment; want ISO 8601 with offset, such as 2021-06-19T16:00Z") from None
    if moment.tzinfo is None:
        raise UsageProblem(f"--at {text}: no offset from UTC; add Z, or +08:00 for China's time")
    return moment.timestamp()


def pacer(
    series: RunSeries, *, at_s: float | None, speed: float | None, clock: Callable[[], float] = time.monotonic
) -> Callable[[], float]:
    """Return what tells the moment [s, Unix] to show: `at_s`, a replay at `speed` from now on, or the end.

    `clock` gives seconds and only goes forward.
    """
    if speed is None:
        frozen_s = series.end_s if at_s is None else at_s
        return lambda: frozen_s
    began_s = clock()
    return lambda: min(series.start_s + (clock() - began_s) * speed, series.end_s)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _serve(app: WSGIApplication, host: str, port: int) -> None:
    from reports.metrics_http import running_server

    stop = threading.Event()
    with _stopped_by_signals(stop), ExitStack() as stack:
        try:
            bound_port = stack.enter_context(running_server(app, host, port))
        except OSError as error:
            raise UsageProblem(_why_not_bound(error, host, port)) from None
        if not is_loopback(host):
            typer.echo(f"hashwatt: {host} can be reached from other machines, without password or encryption", err=True)
        shown = f"[{host}]" if ":" in host else host
        typer.echo(f"hashwatt: metrics at http://{shown}:{bound_port}/metrics (stop with Ctrl-C)", err=True)
        stop.wait()


def serve_metrics(collector: Collector, port: int, stack: ExitStack) -> None:
    """Serve metrics on this machine, port 0 for any free one, until `stack` is left; say where."""
    if not 0 <= port <= HIGHEST_PORT:
        raise UsageProblem(f"--metrics {port}: want a port from 0 (any free one) to {HIGHEST_PORT}")
    from reports.exporter import metrics_page
    from reports.metrics_http import metrics_app, running_server

    app = metrics_app(metrics_page(collector), title="devices")
    try:
        bound_port = stack.enter_context(running_server(app, "127.0.0.1", port))
    except OSError as error:
        raise UsageProblem(_why_not_bound(error, "127.0.0.1", port).replace("--port", "--metrics")) from None
    typer.echo(f"hashwatt: metrics at http://127.0.0.1:{bound_port}/metrics", err=True)


@contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Let other endings end the wait quietly; Ctrl-C stays an interruption, also for a job in the background of a shell."""
    handlers = {number: lambda *_: stop.set() for number in endings()} | {signal.SIGINT: signal.default_int_handler}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _why_not_bound(error: OSError, host: str, port: int) -> str:
    if error.errno == EADDRINUSE:
        return f"--port {port}: taken on {host}; stop what listens there, or give another port (0 picks a free one)"
    if error.errno == EACCES:
        return f"--port {port}: not permitted on {host}; give a port above 1023"
    return f"--host {host}: cannot listen there ({error.strerror or error}); want an address of this machine, such as 127.0.0.1"


def _utc(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
