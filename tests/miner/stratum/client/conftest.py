"""A pool that a test writes the words of, and our client mining at it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, ClassVar

import pytest

from miner.stratum.address import PoolAddress
from miner.stratum.client import StratumClient
from miner.stratum.client_session import Login
from miner.stratum.client_settings import ClientSettings, ClientSnapshot

QUICK = {"first_wait_s": 0.01, "longest_wait_s": 0.02, "login_s": 0.35, "silence_s": 0.35, "farewell_s": 0.3, "connect_s": 2.0}

Script = Callable[["Liar"], Awaitable[None]]
Play = Callable[..., tuple[ClientSnapshot, int]]


class Liar:
    """One connection at a pool that a test writes the words of; `JOB` is what mining.notify says, `EASY` a difficulty."""

    JOB: ClassVar = ["j1", "00" * 32, "01", "02", [], "20000000", "1d00ffff", "495fab29", True]
    EASY = 1e-6  # a share in 4000 hashes

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.reader, self.writer, self.number = reader, writer, number

    def say(self, *items: dict[str, Any] | bytes) -> None:
        for item in items:
            self.writer.write(item if isinstance(item, bytes) else json.dumps(item).encode() + b"\n")

    def tell(self, method: str, *params: Any) -> None:
        self.say({"id": None, "method": method, "params": params})

    def answer(self, question: dict[str, Any], result: Any = True) -> None:
        self.say({"id": question["id"], "result": result, "error": None})

    async def hear(self, method: str) -> dict[str, Any]:
        """Return the miner's next message of this `method`; others are let pass."""
        while line := await self.reader.readline():
            found = json.loads(line)
            if found.get("method") == method:
                return found
        raise ConnectionResetError("the miner left")

    async def let_in(self, *, extranonce1: str = "0a0b", size: int = 4, mask: str = "1fffe000") -> None:
        self.answer(await self.hear("mining.configure"), {"version-rolling": True, "version-rolling.mask": mask})
        self.answer(await self.hear("mining.subscribe"), [[["mining.notify", "s"]], extranonce1, size])
        self.answer(await self.hear("mining.authorize"))

    async def accept(self, number: int) -> list[list[str]]:
        """Accept so many shares; return what was submitted."""
        shares = []
        for _ in range(number):
            share = await self.hear("mining.submit")
            shares.append(share["params"])
            self.answer(share)
        return shares

    async def behave(self) -> None:
        """Do what a pool should, as long as the miner stays."""
        await self.let_in()
        self.tell("mining.set_difficulty", self.EASY)
        self.tell("mining.notify", *self.JOB)
        await self.accept(10**6)


def _play(script: Script, *, until: int = 1, **changes: Any) -> tuple[ClientSnapshot, int]:
    """Mine at a pool that follows `script` until so many shares are accepted; return how it ended and how often it was met.

    An error of the script fails the test; one of a broken connection is its business.
    """
    settings = ClientSettings(**{**QUICK, "threads": 1, "stop_after": until, **changes})

    async def run() -> tuple[ClientSnapshot, int]:
        met, failures = 0, []

        async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal met
            met += 1
            try:
                await script(Liar(reader, writer, met))
                await writer.drain()
            except (ConnectionError, asyncio.CancelledError):
                pass
            except Exception as error:
                failures.append(error)
            finally:
                writer.transport.abort()

        server = await asyncio.start_server(welcome, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = StratumClient(PoolAddress("127.0.0.1", port), Login(user="w"), settings, random=Random(1))
        try:
            async with asyncio.timeout(20):
                await client.run()
        finally:
            server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        assert failures == []
        return client.snapshot(), met

    return asyncio.run(run())


@pytest.fixture
def play() -> Play:
    """Return a function that mines at a pool which follows a script; see `_play`."""
    return _play
