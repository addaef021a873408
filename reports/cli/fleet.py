"""`hashwatt fleet serve`: simulated machines that answer on the network as real ones do."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from reports.cli.errors import UsageProblem
from reports.cli.until_stopped import endings

if TYPE_CHECKING:
    from hw.fleet.endpoints import Endpoint, Ports
    from hw.fleet.machine import FleetMachine
    from hw.fleet.serving import ServeOptions
    from hw.stepping.floats import Stepper

MOST_SPEED: Final = 3600.0  # an hour a second; steps of the physics would be longer than a second beyond
MOST_INTERPRETED: Final = 10_000.0  # steps of a second each, a second: a fifth of a core; more want compiled code
HIGHEST_PORT: Final = 65_535
J_PER_KWH: Final = 3_600_000  # exact, by definition of the hour

app = typer.Typer(no_args_is_help=True, help="Serve simulated machines on the network.")


@app.callback()
def fleet() -> None:
    """Serve simulated machines on the network, as real ones answer."""


@app.command("serve")
def serve(
    spec: Annotated[
        str | None, typer.Argument(metavar="SPEC.toml", help="A .toml file of machines; the demo fleet if left out.")
    ] = None,
    allow_control: Annotated[bool, typer.Option("--allow-control", help="Carry out orders: pause, restart, clocks.")] = False,
    host: Annotated[
        str, typer.Option(help="First address; within 127.0.0.0/8 each machine gets its own on Linux.")
    ] = "127.0.0.2",
    rpc_port: Annotated[int, typer.Option(help="Port of the cgminer RPC.")] = 4028,
    http_port: Annotated[int | None, typer.Option(help="Port of HTTP; 80, or 8080 without the right to it.")] = None,
    speed: Annotated[float, typer.Option(help="Simulated seconds a second.")] = 1.0,
    seconds: Annotated[float | None, typer.Option(help="Stop after so many seconds; never if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: a line at the start and one at the end.")] = False,
) -> None:
    """Serve a fleet of simulated machines: prints where each answers, then answers there until stopped.

    Whatsminers and others answer the cgminer RPC, Bitaxes answer HTTP as AxeOS does. They submit to no pool. Orders are refused
    unless allowed.
    """
    if seconds is not None and not (isfinite(seconds) and seconds > 0):
        raise UsageProblem(f"--seconds {seconds}: want a number above 0")
    if not (isfinite(speed) and 0 < speed <= MOST_SPEED):
        raise UsageProblem(f"--speed {speed:g}: want a number above 0, up to {MOST_SPEED:g}")
    from hw.fleet.endpoints import Ports
    from hw.fleet.load import DEMO, load_fleet
    from hw.fleet.machine import FleetClock, FleetMachine
    from hw.fleet.plans import plan_fleet
    from hw.fleet.serving import ServeOptions

    options = ServeOptions(host=host, ports=_ports(Ports, rpc_port, http_port), allow_control=allow_control)
    if spec is not None and not spec:  # as a path it would be the folder here
        raise UsageProblem(f"'' is no name of a file; want a .toml file of machines, or none for {DEMO}")
    path = None if spec is None else Path(spec)
    planned = plan_fleet(load_fleet(path), where=DEMO if path is None else path.name)
    stepper = _stepper(len(planned) * speed)
    began_s = time.monotonic()
    clock = FleetClock(lambda: (time.monotonic() - began_s) * speed, time.time())
    machines = [FleetMachine(one, clock, stepper) for one in planned]
    if asyncio.run(_served(machines, options, seconds, as_json=as_json)):
        raise KeyboardInterrupt


def _stepper(steps_per_s: float) -> Stepper:
    """Return what takes machines through so many steps a second: compiled, which is a second's wait at first, if need be."""
    if steps_per_s <= MOST_INTERPRETED:
        from hw.stepping.floats import step_many

        return step_many
    from gridsim.fleet_backends.numba_cpu import step_many as compiled
    from gridsim.fleet_backends.registry import load

    load("numba-cpu")  # held to the interpreted one, and its machine code there before anybody asks
    return compiled


def _ports(make: Callable[..., Ports], rpc_port: int, http_port: int | None) -> Ports:
    for option, port in (("--rpc-port", rpc_port), ("--http-port", http_port)):
        if port is not None and not 1 <= port <= HIGHEST_PORT:
            raise UsageProblem(f"{option} {port}: want a port from 1 to {HIGHEST_PORT}")
    return make(rpc=rpc_port, http=http_port)


async def _served(machines: list[FleetMachine], options: ServeOptions, seconds: float | None, *, as_json: bool) -> bool:
    """Serve until stopped; tell whether it was Ctrl-C."""
    from hw.fleet.serving import FleetServer

    stopped = asyncio.Event()
    interrupts: list[int] = []
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        interrupts.extend([number] * (number == signal.SIGINT))
        stopped.set()

    for number in endings():
        loop.add_signal_handler(number, stop, number)
    server = FleetServer(machines, options)
    ends = await server.start()
    try:
        _tell_start(machines, ends, options, as_json=as_json)
        async with asyncio.timeout(seconds):
            await stopped.wait()
    except TimeoutError:
        pass
    finally:
        await server.close()
    _tell_end(machines, as_json=as_json)
    return bool(interrupts)


def _tell_start(machines: list[FleetMachine], ends: list[Endpoint], options: ServeOptions, *, as_json: bool) -> None:
    from hw.fleet.endpoints import HTTP_PORT, HTTP_PORT_WITHOUT_RIGHTS, has_own_addresses, is_loopback
    from hw.fleet.spec import Firmware

    rows = [
        {
            "name": machine.identity.name,
            "machine": machine.identity.entry.name,
            "firmware": str(machine.identity.firmware),
            "host": end.host,
            "port": end.port,
        }
        for machine, end in zip(machines, ends, strict=True)
    ]
    if as_json:
        print(json.dumps({"allow_control": options.allow_control, "machines": rows}, ensure_ascii=False), flush=True)
    else:
        for row, end in zip(rows, ends, strict=True):
            print(f"{end!s:<21} {row['firmware']:<8} {row['name']:<16} {row['machine']}", flush=True)
    if not is_loopback(options.host):
        typer.echo(f"hashwatt: {options.host} can be reached from other machines, without password or encryption", err=True)
    http = [end for machine, end in zip(machines, ends, strict=True) if machine.identity.firmware is Firmware.AXEOS]
    if http and http[0].port == HTTP_PORT_WITHOUT_RIGHTS and options.ports.http is None and has_own_addresses(options.host):
        typer.echo(
            f"hashwatt: no right to port {HTTP_PORT}, so Bitaxes answer on {HTTP_PORT_WITHOUT_RIGHTS}, where few tools look",
            err=True,
        )
    orders = "orders are carried out" if options.allow_control else "orders are refused"
    typer.echo(f"hashwatt: {len(machines)} simulated machines, {orders}; stop with Ctrl-C", err=True)


def _tell_end(machines: list[FleetMachine], *, as_json: bool) -> None:
    from hw.meters.efficiency import Spent
    from reports.cli.energy_told import of_all

    end_s = [machine.advance() for machine in machines][-1].time_s  # one moment for all, however fast their time goes
    readings = [(machine.identity.name, machine.advance(end_s)) for machine in machines]
    spent = [Spent(energy_j=one.energy_j, hashes=one.hashes, boundary="wall", quality="modelled") for _, one in readings]
    each, total = [of_all([one]) for one in spent], of_all(spent)
    simulated_s = readings[0][1].time_s
    if as_json:
        rows = [
            {
                "name": name,
                "state": str(reading.state),
                "energy_j": reading.energy_j,
                "hashes": reading.hashes,
                "j_per_th": None if own is None else own.j_per_th,
            }
            for (name, reading), own in zip(readings, each, strict=True)
        ]
        whole = None if total is None else total.j_per_th
        print(json.dumps({"simulated_s": simulated_s, "j_per_th": whole, "machines": rows}), flush=True)
        return
    energy_kwh = sum(one.energy_j for one in spent) / J_PER_KWH
    hashes = sum(one.hashes for one in spent)
    told = "" if total is None else f", {total.j_per_th:.4g} J/TH"
    typer.echo(
        f"hashwatt: {simulated_s:.0f} s simulated: {energy_kwh:.4g} kWh at the wall, {hashes:.3e} hashes{told} (modelled)",
        err=True,
    )
