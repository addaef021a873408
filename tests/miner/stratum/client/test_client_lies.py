"""The client at pools that lie, hang, break off or send it away: it goes on, comes back, and never leaves its host."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from miner.stratum.client_settings import ClientSnapshot

Liar = Any  # one connection, as conftest.py has it
Script = Callable[[Liar], Awaitable[None]]
Play = Callable[..., tuple[ClientSnapshot, int]]


def first(lie: Script) -> Script:
    """Return a script that lies to the first connection and behaves to all others."""

    async def script(liar: Liar) -> None:
        await (lie(liar) if liar.number == 1 else liar.behave())

    return script


NONSENSE = [
    pytest.param(b"\xff\xfe\x00\n", id="binary"),
    pytest.param(b"\x16\x03\x01\x00\n", id="tls-later"),
    pytest.param(b"{\n", id="half-an-object"),
    pytest.param(b"[]\n" * 5, id="list"),
    pytest.param(b"[" * 5000 + b"\n", id="deep"),
    pytest.param(b'{"id": null, "method": "mining.set_difficulty", "params": [NaN]}\n', id="nan"),
    pytest.param(b'{"id": null, "method": "mining.set_difficulty", "params": [Infinity]}\n', id="infinity"),
    pytest.param(b'{"id": null, "method": "mining.set_difficulty", "params": [-1]}\n', id="negative"),
    pytest.param(b'{"id": null, "method": "mining.set_difficulty", "params": [0]}\n', id="zero"),
    pytest.param(b'{"id": null, "method": "mining.set_difficulty", "params": ["1"]}\n', id="difficulty-as-text"),
    pytest.param(b'{"id": null, "method": "mining.set_difficulty", "params": [1e-300]}\n', id="tiny"),
    pytest.param(b'{"id": null, "method": "mining.set_extranonce", "params": [5, 5]}\n', id="extranonce-as-number"),
    pytest.param(b'{"id": null, "method": "mining.set_extranonce", "params": ["00", 1000000000]}\n', id="extranonce-huge"),
    pytest.param(b'{"id": null, "method": "mining.notify", "params": [1, 2, 3]}\n', id="notify-short"),
    pytest.param(b'{"id": null, "method": "mining.notify", "params": {}}\n', id="notify-object"),
    pytest.param(b'{"id": 12345, "result": true, "error": null}\n', id="answer-to-nothing"),
    pytest.param(b'{"id": 1, "result": {"a": [[[[]]]]}, "error": null}\n' * 3, id="answer-twice"),
]


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_in_between_changes_nothing(play: Play, nonsense: bytes) -> None:
    async def script(liar: Liar) -> None:
        await liar.let_in()
        liar.tell("mining.set_difficulty", liar.EASY)
        liar.say(nonsense)
        liar.tell("mining.notify", *liar.JOB)
        liar.say(nonsense)
        await liar.accept(10**6)

    snapshot, met = play(script, until=3)
    assert met == 1
    assert snapshot.odd >= 2


async def sends_nonsense_for_ever(liar: Liar) -> None:
    while True:
        liar.say(b"nonsense\n")
        await liar.writer.drain()


async def sends_an_endless_line(liar: Liar) -> None:
    while True:
        liar.say(b"x" * 4096)
        await liar.writer.drain()


async def answers_tls(liar: Liar) -> None:
    liar.say(b"\x16\x03\x03\x00\x7a" + bytes(122))
    await liar.reader.read()


async def says_nothing(liar: Liar) -> None:
    while await liar.reader.read(1000):
        pass


async def falls_silent_after_login(liar: Liar) -> None:
    await liar.let_in()
    await says_nothing(liar)


async def sends_bytes_but_no_line(liar: Liar) -> None:
    await liar.let_in()
    while True:
        liar.say(b" ")
        await liar.writer.drain()
        await asyncio.sleep(0.02)


async def closes_at_once(liar: Liar) -> None:
    pass


async def closes_within_a_line(liar: Liar) -> None:
    await liar.let_in()
    liar.say(json.dumps({"id": None, "method": "mining.notify", "params": liar.JOB}).encode()[:60])


async def refuses_the_subscription(liar: Liar) -> None:
    question = await liar.hear("mining.subscribe")
    liar.say({"id": question["id"], "result": None, "error": [20, "full", None]})
    await liar.reader.read()


async def answers_the_subscription_with_nonsense(liar: Liar) -> None:
    liar.answer(await liar.hear("mining.subscribe"), [[], 5, "many"])
    await liar.reader.read()


async def sends_a_job_before_anything(liar: Liar) -> None:
    liar.tell("mining.notify", *liar.JOB)
    liar.tell("mining.set_version_mask", "ffffffff")
    await liar.reader.read()


async def asks_to_come_back(liar: Liar) -> None:
    await liar.let_in()
    liar.tell("client.reconnect")
    await liar.reader.read()


LIES = [
    sends_nonsense_for_ever,
    sends_an_endless_line,
    answers_tls,
    says_nothing,
    falls_silent_after_login,
    sends_bytes_but_no_line,
    closes_at_once,
    closes_within_a_line,
    refuses_the_subscription,
    answers_the_subscription_with_nonsense,
    sends_a_job_before_anything,
    asks_to_come_back,
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_the_client_leaves_and_comes_back(play: Play, lie: Script) -> None:
    began_s = time.monotonic()
    snapshot, met = play(first(lie))
    assert met == 2
    assert snapshot.accepted >= 1
    assert time.monotonic() - began_s < 5


def test_a_pool_that_accepts_nothing(play: Play) -> None:
    """Every share is refused; the client goes on until it is stopped, and counts by the pool's numbers."""

    async def script(liar: Liar) -> None:
        await liar.let_in()
        liar.tell("mining.set_difficulty", liar.EASY)
        liar.tell("mining.notify", *liar.JOB)
        for number in range(100):
            share = await liar.hear("mining.submit")
            liar.say({"id": share["id"], "result": None, "error": [23 if number % 2 else 21, "no", None]})
        await liar.accept(10**6)

    snapshot, _ = play(script)
    assert snapshot.rejected == ((21, 50), (23, 50))


def test_a_pool_that_answers_no_share(play: Play) -> None:
    """Nor reads them, but talks on: memory stays bounded, and the client leaves it, with the shares, for another try."""

    async def script(liar: Liar) -> None:
        await liar.let_in()
        liar.tell("mining.set_difficulty", 1e-9)
        liar.tell("mining.notify", *liar.JOB)
        if liar.number > 1:
            await liar.accept(10**6)
        while True:
            await asyncio.sleep(0.02)
            liar.tell("mining.ping")

    snapshot, _ = play(script, silence_s=0.2)
    assert snapshot.found > 100
    assert snapshot.open <= 600
    assert snapshot.lost == 0


@pytest.mark.parametrize("host", ["127.0.0.2", "localhost", "pool.example", "8.8.8.8"])
def test_to_another_host_it_is_not_sent(play: Play, host: str, caplog: pytest.LogCaptureFixture) -> None:
    async def lie(liar: Liar) -> None:
        await liar.let_in()
        liar.tell("client.reconnect", host, 1, 0)
        await liar.reader.read()

    caplog.set_level(logging.WARNING, "miner")
    _, met = play(first(lie))
    assert met == 2
    assert "refused, it is another host" in caplog.text


def test_to_another_port_of_its_host_it_goes_and_comes_home_if_nobody_is_there(play: Play) -> None:
    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readline())
        writer.transport.abort()
        other.close()

    async def script(liar: Liar) -> None:
        nonlocal other
        if liar.number > 1:
            await liar.behave()
            return
        other = await asyncio.start_server(elsewhere, "127.0.0.1", 0)
        await liar.let_in()
        liar.tell("client.reconnect", "127.0.0.1", str(other.sockets[0].getsockname()[1]), 0)
        await liar.reader.read()

    seen: list[bytes] = []
    other: Any = None
    snapshot, met = play(script)
    assert len(seen) == 1
    assert b"mining.configure" in seen[0]
    assert (met, snapshot.connections) == (2, 3)
