"""The pool's port when too many want something of it: room is made, limits of time are kept, and closing closes everything."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import socket
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest

from miner.stratum.pool import PoolLimits

SUBSCRIBE = {"id": 1, "method": "mining.subscribe", "params": ["raw"]}
PING = {"id": 5, "method": "mining.ping", "params": []}
QUESTIONS = (json.dumps({**PING, "id": "a" * 100}).encode() + b"\n") * 500

Place = Any  # a pool that listens, as conftest.py has it
Serve = Callable[..., None]


def test_a_full_pool_lets_go_of_the_oldest_who_has_not_logged_in(serve: Serve) -> None:
    async def act(place: Place) -> None:
        async with AsyncExitStack() as stack:
            mining = await stack.enter_async_context(place.miner())
            await mining.log_in()
            idle = [await stack.enter_async_context(place.miner()) for _ in range(3)]
            await idle[-1].answer(SUBSCRIBE)
            newcomer = await stack.enter_async_context(place.miner())
            await newcomer.log_in()
            assert await idle[0].is_closed()
            assert (await mining.answer(PING))["result"] == "pong"
            assert (await idle[-1].answer(PING))["result"] == "pong"
            snapshot = place.pool.snapshot()
            assert (snapshot.connections, snapshot.connections_evicted, snapshot.connections_refused) == (4, 1, 0)

    serve(act, PoolLimits(most_connections=4))


def test_who_is_about_to_log_in_stays_longer_than_who_says_nothing(serve: Serve) -> None:
    """A miner far away has subscribed, and its next word is under way."""

    async def act(place: Place) -> None:
        async with AsyncExitStack() as stack:
            slow, *silent = [await stack.enter_async_context(place.miner()) for _ in range(4)]
            await slow.answer(SUBSCRIBE)
            for gone in silent:
                await (await stack.enter_async_context(place.miner())).answer(SUBSCRIBE)
                assert await gone.is_closed()
            assert (await slow.answer(PING))["result"] == "pong"

    serve(act, PoolLimits(most_connections=4))


def test_a_flood_before_the_login_does_not_put_its_deadline_off(serve: Serve) -> None:
    """There are always bytes to read; the clock is asked all the same."""

    async def act(place: Place) -> None:
        async with place.miner() as flooding:
            began_s = time.monotonic()

            async def flood() -> None:
                while True:
                    await flooding.send(b"\n" * 4096)

            task = asyncio.create_task(flood())
            assert await flooding.is_closed()
            assert time.monotonic() - began_s < 3
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    serve(act, PoolLimits(login_s=0.3))


async def stuffed(place: Place) -> socket.socket:
    """Return a connection that asks until nobody takes its questions any more, and reads no answer."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, ("127.0.0.1", place.port))
    with suppress(TimeoutError):
        while True:
            await asyncio.wait_for(loop.sock_sendall(raw, QUESTIONS), 0.3)
    return raw


def test_closing_cuts_also_who_is_being_hung_up_on(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A miner that does not read is given time to; at the end of the pool that is over at once, and the port's file, too."""

    async def act(place: Place) -> None:
        open_now: list[Any] = []
        before = place.pool._welcome

        def welcome(reader: Any, writer: Any) -> None:
            open_now.append(writer.transport)
            before(reader, writer)

        place.pool._server.close()
        monkeypatch.setattr(place.pool, "_welcome", welcome)
        _, place.port = await place.pool.listen("127.0.0.1", 0)
        raw = await stuffed(place)
        while not next(iter(place.pool._miners)).leaving:
            await asyncio.sleep(0.02)
        assert len(open_now) == 1
        assert open_now[0].get_write_buffer_size() > 0
        began_s = time.monotonic()
        await place.pool.close()
        await asyncio.sleep(0)
        assert time.monotonic() - began_s < 1
        assert open_now[0].get_write_buffer_size() == 0
        assert open_now[0].get_extra_info("socket").fileno() == -1
        raw.close()

    serve(act, PoolLimits(write_s=2.0))


def test_who_comes_while_the_pool_closes_is_not_let_in(serve: Serve) -> None:
    async def act(place: Place) -> None:
        reader = asyncio.StreamReader()
        ours, theirs = socket.socketpair()
        transport, protocol = await asyncio.get_running_loop().connect_accepted_socket(
            lambda: asyncio.StreamReaderProtocol(reader), ours
        )
        await place.pool.close()
        place.pool._welcome(reader, asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop()))
        await asyncio.sleep(0)
        assert theirs.recv(1) == b""
        assert place.pool.snapshot().connections == 0
        theirs.close()

    serve(act)


def test_what_troubles_the_loop_is_one_sentence(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """Without files left each connection that cannot be accepted would be a traceback, for as long as it lasts."""

    async def act(place: Place) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(1000):
            error = OSError(errno.EMFILE, "Too many open files")
            loop.call_exception_handler({"message": "socket.accept() out of system resource", "exception": error})
        await place.still_serves()

    caplog.set_level(logging.WARNING)
    serve(act)
    assert [record.getMessage() for record in caplog.records] == [
        "trouble with connections: Too many open files; more like it are left out for 60 s"
    ]
