"""A pool that listens, and miners at it that say what they like."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from miner.stratum.jobs import KnownJobs
from miner.stratum.known_jobs import known_block
from miner.stratum.pool import PoolLimits, StratumPool
from miner.stratum.pool_core import PoolCore, PoolSettings

GENESIS_SHARE = ["w.1", "1", "00000000", "495fab29", "7c2bac1d"]
SUBSCRIBE = {"id": 1, "method": "mining.subscribe", "params": ["raw"]}
AUTHORIZE = {"id": 2, "method": "mining.authorize", "params": ["w.1", "x"]}


class Raw:
    """A miner that says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *items: dict[str, Any] | bytes) -> None:
        for item in items:
            self.writer.write(item if isinstance(item, bytes) else json.dumps(item).encode() + b"\n")
        await self.writer.drain()

    async def line(self) -> dict[str, Any]:
        return json.loads(await asyncio.wait_for(self.reader.readline(), 5))

    async def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Ask, and return the answer, whatever else comes before it."""
        await self.send(question)
        while (found := await self.line()).get("id") != question["id"] or "method" in found:
            pass
        return found

    async def log_in(self) -> dict[str, Any]:
        await self.answer(SUBSCRIBE)
        await self.answer(AUTHORIZE)
        await self.line()
        return await self.line()

    async def is_closed(self) -> bool:
        """Tell whether the pool closes the connection, with or without a last word."""
        try:
            await asyncio.wait_for(self.reader.read(), 5)
        except ConnectionError:
            pass
        except TimeoutError:
            return False
        return True


class Place:
    """A pool that listens, and raw connections to it."""

    def __init__(self, pool: StratumPool, core: PoolCore, port: int) -> None:
        self.pool, self.core, self.port = pool, core, port

    @asynccontextmanager
    async def miner(self) -> AsyncIterator[Raw]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Raw(reader, writer)
        finally:
            writer.transport.abort()

    async def still_serves(self) -> None:
        """A miner that behaves finds the genuine share accepted."""
        async with self.miner() as miner:
            await miner.log_in()
            job_id = self.core.current.job.job_id
            share = {"id": 9, "method": "mining.submit", "params": ["w.1", job_id, *GENESIS_SHARE[2:]]}
            assert (await miner.answer(share))["result"] is True


Act = Callable[[Place], Awaitable[None]]


def _serve(act: Act, limits: PoolLimits | None = None, **settings: Any) -> None:
    """Let `act` play with a pool that serves block 0; nothing may be left behind, not even a task."""
    quick = {"difficulty": 2536, "interval_s": 60.0, **settings}

    async def play() -> None:
        core = PoolCore(KnownJobs(known_block(0)), PoolSettings(**quick), clock=time.monotonic, unix_clock=time.time)
        async with asyncio.timeout(30), StratumPool(core, limits or PoolLimits()) as pool:
            _, port = await pool.listen("127.0.0.1", 0)
            await act(Place(pool, core, port))
        assert pool.snapshot().connections == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(play())


@pytest.fixture
def serve() -> Callable[..., None]:
    """Return a function that lets a test play with a pool; see `_serve`."""
    return _serve
