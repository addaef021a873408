"""Machines of a fleet under a clock that the test sets, and a served fleet with a client that knows nothing of us."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import count

import pytest

from hw.fleet.endpoints import Endpoint, Ports
from hw.fleet.load import parse_fleet
from hw.fleet.machine import FleetClock, FleetMachine
from hw.fleet.plans import plan_fleet
from hw.fleet.serving import FleetServer, ServeOptions

GROUPS = {
    "rig": 'name = "rig"\nmachine = "Whatsminer M30S+"\nvariant = "VE40"\nchips_per_board = 156\n',
    "ant": 'name = "ant"\nmachine = "Antminer S19j Pro (104Th)"\n',
    "axe": 'name = "axe"\nmachine = "Bitaxe Gamma (600/601)"\n',
    "hex": 'name = "hex"\nmachine = "Bitaxe Hex 302/303"\n',
}
BEGAN_UNIX_S = 1_700_000_000.0


@dataclass
class HandClock:
    """Simulated seconds since the beginning; it goes on when the test says so."""

    now_s: float = 0.0
    clock: FleetClock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = FleetClock(lambda: self.now_s, BEGAN_UNIX_S)


@pytest.fixture
def hand() -> HandClock:
    return HandClock()


Build = Callable[..., list[FleetMachine]]


def spec_text(*groups: str | tuple[str, str]) -> str:
    """Return a spec of the groups named, each with more lines of TOML if it comes with them."""
    named = [(group, "") if isinstance(group, str) else group for group in groups]
    return 'name = "test"\n' + "".join(f"[[groups]]\n{GROUPS[name]}{more}" for name, more in named)


@pytest.fixture
def build(hand: HandClock) -> Build:
    """Return a function that makes the machines of some groups: named in `GROUPS`, or such with more TOML."""

    def made(*groups: str | tuple[str, str]) -> list[FleetMachine]:
        spec = parse_fleet(spec_text(*groups).encode(), where="test.toml")
        return [FleetMachine(one, hand.clock) for one in plan_fleet(spec, where="test.toml")]

    return made


@dataclass(frozen=True)
class Served:
    """A fleet that is being served, and where."""

    machines: Sequence[FleetMachine]
    ends: list[Endpoint]
    server: FleetServer

    def ask(self, request: bytes, number: int = 0, *, pieces: int = 1, hang_up: bool = False) -> bytes:
        """Return the whole answer of a machine to `request`, sent in so many pieces."""
        end = self.ends[number]
        with socket.create_connection((end.host, end.port), timeout=10) as line:
            size = -(-len(request) // pieces) or 1
            for start in range(0, len(request), size):
                line.sendall(request[start : start + size])
                if pieces > 1:
                    time.sleep(0.005)
            if hang_up:
                line.shutdown(socket.SHUT_WR)
            return received(line)


def received(line: socket.socket) -> bytes:
    """Return everything until the other end hangs up, in whatever way."""
    answer = b""
    try:
        while piece := line.recv(65_536):
            answer += piece
    except ConnectionResetError:
        pass
    return answer


Serve = Callable[..., Served]
_hosts = count(1)


def next_host() -> str:
    """Return an address of which no other test makes use, nor, most likely, another process."""
    return f"127.{64 + os.getpid() % 128}.{next(_hosts) % 256}.2"


@pytest.fixture
def serve(build: Build) -> Iterator[Serve]:
    """Return a function that serves some groups from a thread of its own; 8080 for HTTP, so that no rights are needed."""
    stops: list[Callable[[], None]] = []

    def begin(*groups: str | tuple[str, str], **options: object) -> Served:
        machines = build(*groups)
        chosen = ServeOptions(**{"host": next_host(), "ports": Ports(http=8080), **options})  # type: ignore[arg-type]
        server = FleetServer(machines, chosen)
        started: Future[list[Endpoint]] = Future()
        stopped = asyncio.Event()
        loops: list[asyncio.AbstractEventLoop] = []

        async def run() -> None:
            loops.append(asyncio.get_running_loop())
            try:
                started.set_result(await server.start())
            except BaseException as error:
                started.set_exception(error)
                return
            await stopped.wait()
            await server.close()

        thread = threading.Thread(target=lambda: asyncio.run(run()))
        thread.start()

        def stop() -> None:
            if thread.is_alive():
                loops[0].call_soon_threadsafe(stopped.set)
            thread.join(10)

        stops.append(stop)
        return Served(machines, started.result(10), server)

    yield begin
    for stop in stops:
        stop()
