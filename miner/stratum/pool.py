"""A Stratum pool on this machine: it hands out work, checks every share, and survives whatever comes through its port.

Memory is bounded whatever is sent: a line, what waits to be read by a slow miner, the number of connections and the shares
remembered all have a limit, and a miner is not read from while it does not read. A full pool lets go of the oldest connection
that has not logged in, so that those who only hold the line keep nobody out.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from miner.stratum import messages as m
from miner.stratum.descriptors import room_for
from miner.stratum.miner_session import MinerSession
from miner.stratum.pool_core import PoolCore, PoolSnapshot
from miner.stratum.pool_miner import READ_BYTES, PoolMiner
from miner.stratum.reader import MessageReader
from miner.stratum.resolving import places_of
from miner.stratum.sparing import SparingLog

CLOSE_S: Final = 2.0  # everything is cut by then; only asyncio's own account of it may be late
NAME_S: Final = 10.0  # to find the address to listen on
AT_ONCE: Final = 8  # connections accepted before one of them can be refused; each takes a file meanwhile
TURNS: Final = 4  # of the event loop, from accepting a connection to knowing of it
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """How much a pool bears: sizes in bytes, times in seconds.

    A miner must have subscribed and been let in after `login_s`, and say something sensible every `idle_s`. There are fewer
    than `most_connections` where the system lets the process open no more files.
    """

    most_connections: int = 256
    most_line_bytes: int = 1 << 14
    most_unread_bytes: int = 1 << 18
    login_s: float = 30.0
    idle_s: float = 1_800.0
    write_s: float = 10.0


class StratumPool:
    """The sockets of a pool: ``async with StratumPool(core) as pool: await pool.listen(host, port)``."""

    def __init__(self, core: PoolCore, limits: PoolLimits = PoolLimits()) -> None:
        self._core, self._limits = core, limits
        self.room = limits.most_connections
        """How many miners may be connected at a time."""
        self._miners: dict[PoolMiner, None] = {}  # the oldest first
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._door: socket.socket | None = None
        self._closing = False
        self._troubles = SparingLog(_LOG, core.clock, most=1)
        self._handler_before: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Open the port (0: a free one) on the first address that `host` has; return that address.

        Until it is closed, the pool tells what troubles the event loop in its own words.

        Raises
        ------
        OSError
            If `host` has none, or the port cannot be had.
        """
        try:
            (family, address), *_ = await places_of(host, port, limit_s=NAME_S, passive=True)
        except UnicodeError:
            raise OSError(f"{host!r:.60} is no name of a host") from None
        self.room = room_for(self._limits.most_connections)
        self._door = door = socket.create_server((address, port), family=socket.AddressFamily(family))
        self._server = await asyncio.start_server(self._welcome, sock=door, limit=2 * READ_BYTES, backlog=AT_ONCE)
        door.listen(self._limits.most_connections)  # so many may wait outside, whatever is accepted at once
        loop = asyncio.get_running_loop()
        self._handler_before = loop.get_exception_handler()
        loop.set_exception_handler(self._tell_trouble)
        self._keep(asyncio.create_task(self._renew_regularly()))
        name = door.getsockname()
        return name[0], name[1]

    async def close(self) -> None:
        """Close the port and every connection, also those of miners that do not read, and let nobody in any more."""
        self._closing = True
        await self._stop_accepting()
        for miner in self._miners:
            miner.cut()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            with suppress(TimeoutError):  # from Python 3.12 on it waits for connections that nobody knows of, too
                async with asyncio.timeout(CLOSE_S):
                    await self._server.wait_closed()
            asyncio.get_running_loop().set_exception_handler(self._handler_before)

    async def _stop_accepting(self) -> None:
        """Accept nobody more, and let those come in, to be refused, whom asyncio would forget in a server that is closed."""
        if self._door is None:
            return
        with suppress(NotImplementedError, ValueError):  # a loop that waits otherwise, or a port that is closed already
            asyncio.get_running_loop().remove_reader(self._door)
        for _ in range(TURNS):
            await asyncio.sleep(0)

    def snapshot(self) -> PoolSnapshot:
        """Return how the pool stands now."""
        return self._core.snapshot()

    def renew(self, *, new_block: bool) -> None:
        """Make a new job and hand it to every miner; one of a new block makes all earlier ones void."""
        self._core.renew(new_block=new_block)
        self.tell_all(MinerSession.next_job)

    def tell_all(self, telling: Callable[[MinerSession], list[m.Message]]) -> None:
        """Send every miner what `telling` says for its session; who has not read for long is cut off."""
        for miner in [one for one in self._miners if not one.leaving]:
            miner.send(telling(miner.session))
            if miner.unread_bytes > self._limits.most_unread_bytes:
                self._core.connections.lost_slow += 1
                miner.cut()

    async def _renew_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._core.settings.interval_s)
            self.renew(new_block=False)

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counts = self._core.connections
        if self._closing or not self._has_room():
            counts.refused += 1
            writer.transport.abort()
            return
        counts.total += 1
        miner = PoolMiner(MinerSession(self._core), reader, writer)
        self._miners[miner] = None
        counts.now = len(self._miners)
        self._keep(asyncio.create_task(self._look_after(miner)))

    def _has_room(self) -> bool:
        """Tell whether one more may come in; make room, if need be, at the cost of who has been here longest without mining.

        Those who have not even subscribed go first: a miner far away takes its time between one word and the next.
        """
        if len(self._miners) < self.room:
            return True
        idle = min((one for one in self._miners if not one.is_mining), key=lambda one: one.session.has_subscribed, default=None)
        if idle is None:
            return False
        self._core.connections.evicted += 1
        idle.cut()
        self._forget(idle)
        return True

    async def _look_after(self, miner: PoolMiner) -> None:
        try:
            await self._converse(miner)
        except OSError as error:  # a miner may leave at any moment, or fall silent: TimeoutError is one of these
            _LOG.debug("connection lost: %s", str(error) or type(error).__name__)
        except asyncio.CancelledError:
            miner.cut()
            raise
        except Exception:
            _LOG.exception("a defect ended a connection; the pool goes on")
        finally:
            miner.session.close()
            try:
                await miner.hang_up(self._limits.write_s)
            finally:
                self._forget(miner)

    async def _converse(self, miner: PoolMiner) -> None:
        reader, limits, clock = MessageReader(self._limits.most_line_bytes), self._limits, self._core.clock
        deadline_s = clock() + limits.login_s
        while not miner.session.hopeless:
            data = await miner.read(deadline_s - clock())
            if not data:
                return
            for item in reader.feed(data):
                miner.send(miner.session.receive(item))
                if not isinstance(item, Exception) and miner.session.is_mining:
                    deadline_s = clock() + limits.idle_s
            if self._core.wants_new_block:
                self.renew(new_block=True)
            await miner.drain(limits.write_s)  # who does not read is not read from
            await asyncio.sleep(0)  # who never stops talking leaves the others their turn

    def _forget(self, miner: PoolMiner) -> None:
        self._miners.pop(miner, None)
        self._core.connections.now = len(self._miners)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell_trouble(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Say in one sentence what asyncio would in a traceback, and again at every connection that it cannot accept."""
        error = context.get("exception")
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else context.get("message")
        self._troubles.say(logging.WARNING, "trouble with connections: %s", why)
        _LOG.debug("what troubles the event loop", exc_info=error)
