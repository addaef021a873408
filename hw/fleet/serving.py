"""A fleet on the network: one loop of asyncio holds all sockets and keeps all machines up to date."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from errno import EACCES, EADDRINUSE, EMFILE, ENFILE
from functools import partial
from typing import Final

from hw.fleet.axeos import AxeOs
from hw.fleet.btminer_tables import BtminerTables
from hw.fleet.cgminer_rpc import RpcExchange
from hw.fleet.cgminer_tables import CgminerTables
from hw.fleet.conversation import Door, Exchange, Room
from hw.fleet.endpoints import FIRST_ADDRESS, HTTP_PORT, Endpoint, Ports, has_own_addresses, plan_endpoints
from hw.fleet.errors import FleetPortError
from hw.fleet.http_wire import HttpExchange
from hw.fleet.machine import FleetMachine
from hw.fleet.spec import Firmware

LOG: Final = logging.getLogger(__name__)
ROUND_S: Final = 1.0  # s in which every machine catches up once, so that no question waits for a long catching up
SLICES: Final = 20  # of a round; between two of them the loop is free
MOST_CONNECTIONS: Final = 1024
SPARE_FILES: Final = (
    160  # of the process besides listeners and connections, with those that are accepted before they are refused
)
BACKLOG: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """Where to serve, and whether orders are carried out."""

    host: str = FIRST_ADDRESS
    ports: Ports = field(default_factory=Ports)
    allow_control: bool = False


@dataclass(frozen=True, slots=True)
class ServerSnapshot:
    """How many connections there are, and how many were refused for want of room."""

    connections: int
    refused: int


class FleetServer:
    """The sockets of a fleet."""

    def __init__(self, machines: Sequence[FleetMachine], options: ServeOptions) -> None:
        self._machines = tuple(machines)
        self._options = options
        self._listeners: list[socket.socket] = []
        self._room = Room(MOST_CONNECTIONS)
        self._ticking: asyncio.Task[None] | None = None

    async def start(self) -> list[Endpoint]:
        """Open every machine's socket and return where they are, in the machines' order.

        Raises
        ------
        FleetPortError
            If one cannot be had; then none stays open.
        """
        options, firmwares = self._options, [machine.identity.firmware for machine in self._machines]
        own = has_own_addresses(options.host)
        ends = plan_endpoints(
            firmwares, options.host, options.ports, own_addresses=own, may_bind_low=may_bind_low(options.host)
        )
        self._room.most = _room_for_connections(len(ends))
        try:
            for machine, end in zip(self._machines, ends, strict=True):
                self._listen(machine, end)
        except BaseException:
            await self.close()
            raise
        self._ticking = asyncio.get_running_loop().create_task(self._tick())
        return ends

    def snapshot(self) -> ServerSnapshot:
        """Return what there is to tell of the connections."""
        return ServerSnapshot(len(self._room.open), self._room.refused)

    async def close(self) -> None:
        """Close every socket and cut off whoever is connected."""
        if self._ticking is not None:
            self._ticking.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticking
        for listener in self._listeners:
            asyncio.get_running_loop().remove_reader(listener)
            listener.close()
        self._listeners.clear()
        self._room.close()

    def _listen(self, machine: FleetMachine, end: Endpoint) -> None:
        try:
            listener = _listener(end)
        except OSError as error:
            raise FleetPortError(_why_not(error, end, len(self._machines))) from None
        self._listeners.append(listener)
        door = Door(begin=self._beginning(machine, end), has_power=machine.has_power, room=self._room)
        asyncio.get_running_loop().add_reader(listener, self._accept, listener, door)

    def _accept(self, listener: socket.socket, door: Door) -> None:
        """Let one caller in; whoever else waits comes in the loop's next turn, so that no machine keeps the others waiting."""
        try:
            line, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:  # no more open files, most likely
            LOG.warning("a connection could not be accepted: %s", error)
            loop = asyncio.get_running_loop()
            loop.remove_reader(listener)
            loop.call_later(ROUND_S, self._listen_again, listener, door)
            return
        door.admit(line)

    def _listen_again(self, listener: socket.socket, door: Door) -> None:
        if listener in self._listeners:
            asyncio.get_running_loop().add_reader(listener, self._accept, listener, door)

    def _beginning(self, machine: FleetMachine, end: Endpoint) -> Callable[[], Exchange]:
        """Return what begins an exchange in the machine's tongue."""
        control = self._options.allow_control
        if machine.identity.firmware is Firmware.AXEOS:
            return partial(HttpExchange, AxeOs(machine, allow_control=control).handle)
        if machine.identity.firmware is Firmware.BTMINER:
            return partial(RpcExchange, BtminerTables(machine, ip=end.host, allow_control=control))
        return partial(RpcExchange, CgminerTables(machine, allow_control=control))

    async def _tick(self) -> None:
        """Let the machines catch up in turn, all of them within a round."""
        while True:
            for number in range(SLICES):
                for machine in self._machines[number::SLICES]:
                    try:
                        machine.advance()
                    except Exception:  # a defect in one machine must not stop the others
                        LOG.exception("%s could not catch up", machine.identity.name)
                await asyncio.sleep(ROUND_S / SLICES)


def _listener(end: Endpoint) -> socket.socket:
    """Return a socket that listens at `end`; raise OSError if it cannot."""
    family = socket.AF_INET6 if ":" in end.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((end.host, end.port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def may_bind_low(host: str) -> bool:
    """Tell whether this process has the right to port 80 on `host`, whether or not somebody else has it now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, HTTP_PORT))
    except OSError as error:
        return error.errno != EACCES
    return True


def _room_for_connections(listeners: int) -> int:
    """Return how many connections the process may hold, after asking for as many open files as it may have.

    Raises
    ------
    FleetPortError
        If there are not even enough for the listeners.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = listeners + MOST_CONNECTIONS + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    room = MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, soft - listeners - SPARE_FILES)
    if room < 1:
        raise FleetPortError(f"{listeners} machines need more open files than the {soft} allowed; see `ulimit -n`")
    return room


def _why_not(error: OSError, end: Endpoint, machines: int) -> str:
    if error.errno == EADDRINUSE:
        return f"{end} is taken; stop what listens there, or begin at another address or port"
    if error.errno == EACCES:
        return f"{end}: not permitted; want a port above 1023"
    if error.errno in {EMFILE, ENFILE}:
        return f"{end}: too many open files for {machines} machines; see `ulimit -n`"
    return f"{end}: cannot listen there ({error.strerror or error}); want an address of this machine"
