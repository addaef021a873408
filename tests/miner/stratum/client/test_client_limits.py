"""The client's own limits at pools that flood it, turn it away later or send it astray: none of them keeps it for ever."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from miner.errors import AddressError
from miner.stratum.client_settings import ClientSnapshot

Liar = Any  # one connection, as conftest.py has it
Script = Callable[[Liar], Awaitable[None]]
Play = Callable[..., tuple[ClientSnapshot, int]]

HELLO = json.dumps({"id": None, "method": "client.show_message", "params": ["hello"]}).encode() + b"\n"


def first(lie: Script) -> Script:
    """Return a script that lies to the first connection and behaves to all others."""

    async def script(liar: Liar) -> None:
        await (lie(liar) if liar.number == 1 else liar.behave())

    return script


async def floods_before_the_login(liar: Liar) -> None:
    while True:
        liar.say(HELLO * 500)
        await liar.writer.drain()


async def floods_with_blanks_after_the_login(liar: Liar) -> None:
    await liar.let_in()
    while True:
        liar.say(b" \n" * 5000)
        await liar.writer.drain()


async def floods_without_judging(liar: Liar) -> None:
    await liar.let_in()
    liar.tell("mining.set_difficulty", 1e-9)
    liar.tell("mining.notify", *liar.JOB)
    while True:
        liar.say(HELLO * 500)
        await liar.writer.drain()


@pytest.mark.parametrize(
    "lie",
    [floods_before_the_login, floods_with_blanks_after_the_login, floods_without_judging],
    ids=lambda lie: lie.__name__,
)
def test_who_never_stops_talking_is_left_when_time_is_over(play: Play, lie: Script, caplog: pytest.LogCaptureFixture) -> None:
    """There are always bytes to read; the clock is asked all the same. The log stays short."""
    caplog.set_level(logging.INFO)
    began_s = time.monotonic()
    snapshot, met = play(first(lie))
    assert (met, snapshot.accepted >= 1) == (2, True)
    assert time.monotonic() - began_s < 6
    assert len(caplog.records) < 30


def test_a_user_who_is_turned_away_later_comes_back_again(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def script(liar: Liar) -> None:
        if liar.number == 2:
            liar.answer(await liar.hear("mining.subscribe"), [[], "0a0b", 4])
            liar.answer(await liar.hear("mining.authorize"), False)
            await liar.reader.read()
            return
        await liar.let_in()
        liar.tell("mining.set_difficulty", liar.EASY)
        liar.tell("mining.notify", *liar.JOB)
        await liar.accept(3 if liar.number == 1 else 10**6)

    snapshot, met = play(script, until=10)
    assert met == 3
    assert snapshot.accepted >= 10
    assert "does not let user 'w' mine: it said False" in caplog.text


@pytest.mark.parametrize("reached", [False, True], ids=["at-first", "later"])
def test_a_name_that_moves_far_away(
    play: Play, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, reached: bool
) -> None:
    """At first that ends it; later nobody goes there either, but shares were accepted, and the name may come back."""
    asked, real = 0, socket.getaddrinfo

    def getaddrinfo(host: str, *more: Any, **others: Any) -> Any:
        nonlocal asked
        asked += 1
        return real("8.8.8.8" if asked == (2 if reached else 1) else host, *more, **others)

    async def script(liar: Liar) -> None:
        await liar.let_in()
        liar.tell("mining.set_difficulty", liar.EASY)
        liar.tell("mining.notify", *liar.JOB)
        await liar.accept(3 if liar.number == 1 else 10**6)

    monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
    if not reached:
        with pytest.raises(AddressError, match=r"is at 8\.8\.8\.8"):
            play(script)
        return
    snapshot, met = play(script, until=10)
    assert (met, snapshot.connections, snapshot.accepted >= 10) == (2, 2, True)
    assert "is at 8.8.8.8, outside this machine" in caplog.text


async def is_no_pool(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9\r\n")
    await reader.read()


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def sends_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    port = writer.get_extra_info("sockname")[1]
    line = {"id": None, "method": "client.reconnect", "params": [None, port, 0]}
    writer.write(json.dumps(line).encode() + b"\n")
    await reader.read()


@pytest.mark.parametrize("elsewhere", [is_no_pool, closes, sends_on], ids=lambda one: one.__name__)
def test_from_a_port_that_lets_nobody_in_it_goes_home(
    play: Play, elsewhere: Callable[..., Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    met_elsewhere = 0
    other: Any = None

    async def script(liar: Liar) -> None:
        nonlocal other
        if liar.number > 1:
            other.close()
            await liar.behave()
            return

        async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal met_elsewhere
            met_elsewhere += 1
            try:
                await elsewhere(reader, writer)
            finally:
                writer.transport.abort()

        other = await asyncio.start_server(count, "127.0.0.1", 0)
        await liar.let_in()
        liar.tell("client.reconnect", "127.0.0.1", other.sockets[0].getsockname()[1], 0)
        await liar.reader.read()

    _, met = play(script)
    assert (met_elsewhere, met) == (1, 2)
    assert "going back to pool" in caplog.text
