"""A Stratum pool on this machine: it hands out work, checks every share, and survives whatever comes through its port.

Memory is bounded whatever is sent: a line, what waits to be read by a slow miner, the number of connections and the shares
remembered all have a limit, and a miner is not read from while it does not read.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from miner.stratum import messages as m
from miner.stratum.building import line_of
from miner.stratum.miner_session import MinerSession
from miner.stratum.pool_core import PoolCore, PoolSnapshot
from miner.stratum.reader import MessageReader

READ_BYTES: Final = 4096
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """How much a pool bears: sizes in bytes, times in seconds.

    A miner must have subscribed and been let in after `login_s`, and say something sensible every `idle_s`.
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
        self._miners: set[_Miner] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Open the port (0: a free one) on the first address that `host` has; return that address.

        Raises
        ------
        OSError
            If `host` has none, or the port cannot be had.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except UnicodeError:
            raise OSError(f"{host!r:.60} is no name of a host") from None
        family, *_, (address, *_) = found[0]
        self._server = await asyncio.start_server(
            self._welcome, str(address), port, family=family, limit=2 * READ_BYTES, backlog=self._limits.most_connections
        )
        self._keep(asyncio.create_task(self._renew_regularly()))
        name = self._server.sockets[0].getsockname()
        return name[0], name[1]

    async def close(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    def snapshot(self) -> PoolSnapshot:
        """Return how the pool stands now."""
        return self._core.snapshot()

    def renew(self, *, new_block: bool) -> None:
        """Make a new job and hand it to every miner; one of a new block makes all earlier ones void."""
        self._core.renew(new_block=new_block)
        self.tell_all(MinerSession.next_job)

    def tell_all(self, telling: Callable[[MinerSession], list[m.Message]]) -> None:
        """Send every miner what `telling` says for its session; who has not read for long is cut off."""
        for miner in list(self._miners):
            miner.send(telling(miner.session))
            if miner.unread_bytes > self._limits.most_unread_bytes:
                self._core.connections.lost_slow += 1
                miner.writer.transport.abort()

    async def _renew_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._core.settings.interval_s)
            self.renew(new_block=False)

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counts = self._core.connections
        if len(self._miners) >= self._limits.most_connections:
            counts.refused += 1
            writer.close()
            return
        counts.total += 1
        miner = _Miner(MinerSession(self._core), reader, writer)
        self._miners.add(miner)
        counts.now = len(self._miners)
        self._keep(asyncio.create_task(self._look_after(miner)))

    async def _look_after(self, miner: _Miner) -> None:
        try:
            await self._converse(miner)
        except OSError as error:  # a miner may leave at any moment, or fall silent: TimeoutError is one of these
            _LOG.debug("connection lost: %s", str(error) or type(error).__name__)
        except asyncio.CancelledError:
            miner.writer.transport.abort()
            raise
        except Exception:
            _LOG.exception("a defect ended a connection; the pool goes on")
        finally:
            self._miners.discard(miner)
            self._core.connections.now = len(self._miners)
            miner.session.close()
            await self._hang_up(miner)

    async def _hang_up(self, miner: _Miner) -> None:
        miner.writer.close()
        try:
            async with asyncio.timeout(self._limits.write_s):
                await miner.writer.wait_closed()
        except OSError:  # gone already, or it does not read what it was sent
            miner.writer.transport.abort()

    async def _converse(self, miner: _Miner) -> None:
        reader, limits, clock = MessageReader(self._limits.most_line_bytes), self._limits, self._core.clock
        deadline_s = clock() + limits.login_s
        while not miner.session.hopeless:
            async with asyncio.timeout(max(deadline_s - clock(), 0)):
                data = await miner.reader.read(READ_BYTES)
            if not data:
                return
            for item in reader.feed(data):
                miner.send(miner.session.receive(item))
                if not isinstance(item, Exception) and miner.session.is_mining:
                    deadline_s = clock() + limits.idle_s
            if self._core.wants_new_block:
                self.renew(new_block=True)
            async with asyncio.timeout(limits.write_s):
                await miner.writer.drain()  # who does not read is not read from
            await asyncio.sleep(0)  # who never stops talking leaves the others their turn

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Miner:
    """One connection: its session, its two ends."""

    def __init__(self, session: MinerSession, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.session, self.reader, self.writer = session, reader, writer

    def send(self, messages: list[m.Message]) -> None:
        if messages and not self.writer.is_closing():
            self.writer.write(b"".join(map(line_of, messages)))

    @property
    def unread_bytes(self) -> int:
        return self.writer.transport.get_write_buffer_size()
