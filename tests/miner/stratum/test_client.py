"""The client at pools that lie, hang, break off or send it away: it goes on, comes back, and never leaves its host."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from miner.errors import AddressError, BackendUnavailableError, PoolRefusedError, PoolUnreachableError, SettingError
from miner.stratum.address import PoolAddress
from miner.stratum.client import StratumClient
from miner.stratum.client_session import Login
from miner.stratum.client_settings import ClientSettings, ClientSnapshot

JOB = ["j1", "00" * 32, "01", "02", [], "20000000", "1d00ffff", "495fab29", True]
EASY = 1e-6  # a share in 4000 hashes
QUICK = {"first_wait_s": 0.01, "longest_wait_s": 0.02, "login_s": 0.35, "silence_s": 0.35, "farewell_s": 0.3, "connect_s": 2.0}


class Liar:
    """One connection at a pool that a test writes the words of."""

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


Script = Callable[[Liar], Awaitable[None]]


def play(script: Script, *, until: int = 1, **changes: Any) -> tuple[ClientSnapshot, int]:
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


async def behave(liar: Liar) -> None:
    """Do what a pool should, as long as the miner stays."""
    await liar.let_in()
    liar.tell("mining.set_difficulty", EASY)
    liar.tell("mining.notify", *JOB)
    await liar.accept(10**6)


def first(lie: Script) -> Script:
    """Return a script that lies to the first connection and behaves to all others."""

    async def script(liar: Liar) -> None:
        await (lie if liar.number == 1 else behave)(liar)

    return script


def test_a_pool_that_behaves() -> None:
    snapshot, met = play(behave, until=20)
    assert (met, snapshot.connections, snapshot.odd, snapshot.lost) == (1, 1, 0, 0)
    assert snapshot.accepted >= 20
    assert snapshot.rejected == ()
    assert snapshot.open == 0


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
def test_nonsense_in_between_changes_nothing(nonsense: bytes) -> None:
    async def script(liar: Liar) -> None:
        await liar.let_in()
        liar.tell("mining.set_difficulty", EASY)
        liar.say(nonsense)
        liar.tell("mining.notify", *JOB)
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
    liar.say(json.dumps({"id": None, "method": "mining.notify", "params": JOB}).encode()[:60])


async def refuses_the_subscription(liar: Liar) -> None:
    question = await liar.hear("mining.subscribe")
    liar.say({"id": question["id"], "result": None, "error": [20, "full", None]})
    await liar.reader.read()


async def answers_the_subscription_with_nonsense(liar: Liar) -> None:
    liar.answer(await liar.hear("mining.subscribe"), [[], 5, "many"])
    await liar.reader.read()


async def sends_a_job_before_anything(liar: Liar) -> None:
    liar.tell("mining.notify", *JOB)
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
def test_the_client_leaves_and_comes_back(lie: Script) -> None:
    began_s = time.monotonic()
    snapshot, met = play(first(lie))
    assert met == 2
    assert snapshot.accepted >= 1
    assert time.monotonic() - began_s < 5


def test_a_pool_that_accepts_nothing() -> None:
    """Every share is refused; the client goes on until it is stopped, and counts by the pool's numbers."""

    async def script(liar: Liar) -> None:
        await liar.let_in()
        liar.tell("mining.set_difficulty", EASY)
        liar.tell("mining.notify", *JOB)
        for number in range(100):
            share = await liar.hear("mining.submit")
            liar.say({"id": share["id"], "result": None, "error": [23 if number % 2 else 21, "no", None]})
        await liar.accept(10**6)

    snapshot, _ = play(script)
    assert snapshot.rejected == ((21, 50), (23, 50))


def test_a_pool_that_answers_no_share() -> None:
    """Nor reads them, but talks on: memory stays bounded, and the client leaves it, with the shares, for another try."""

    async def script(liar: Liar) -> None:
        await liar.let_in()
        liar.tell("mining.set_difficulty", 1e-9)
        liar.tell("mining.notify", *JOB)
        if liar.number > 1:
            await liar.accept(10**6)
        while True:
            await asyncio.sleep(0.02)
            liar.tell("mining.ping")

    snapshot, _ = play(script, silence_s=0.2)
    assert snapshot.found > 100
    assert snapshot.open <= 600
    assert snapshot.lost == 0


def test_changes_of_extranonce_and_difficulty_hold_from_the_next_job_on() -> None:
    seen: dict[str, set[int]] = {}

    async def script(liar: Liar) -> None:
        await liar.let_in(size=4)
        liar.tell("mining.set_difficulty", EASY)
        liar.tell("mining.notify", *JOB)
        liar.tell("mining.set_extranonce", "0c", 2)
        for share in await liar.accept(30):
            seen.setdefault(share[1], set()).add(len(share[2]) // 2)
        liar.tell("mining.notify", "j2", *JOB[1:])
        for share in await liar.accept(60):
            seen.setdefault(share[1], set()).add(len(share[2]) // 2)
        await liar.accept(10**6)

    play(script, until=100)
    assert seen == {"j1": {4}, "j2": {2}}


@pytest.mark.parametrize("host", ["127.0.0.2", "localhost", "pool.example", "8.8.8.8"])
def test_to_another_host_it_is_not_sent(host: str, caplog: pytest.LogCaptureFixture) -> None:
    async def lie(liar: Liar) -> None:
        await liar.let_in()
        liar.tell("client.reconnect", host, 1, 0)
        await liar.reader.read()

    caplog.set_level(logging.WARNING, "miner")
    _, met = play(first(lie))
    assert met == 2
    assert "refused, it is another host" in caplog.text


def test_to_another_port_of_its_host_it_goes_and_comes_home_if_nobody_is_there() -> None:
    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readline())
        writer.transport.abort()
        other.close()

    async def script(liar: Liar) -> None:
        nonlocal other
        if liar.number > 1:
            await behave(liar)
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


@pytest.mark.parametrize("result", [False, None])
def test_a_user_who_is_not_let_in_ends_it(result: Any) -> None:
    async def script(liar: Liar) -> None:
        liar.answer(await liar.hear("mining.subscribe"), [[], "00", 4])
        liar.answer(await liar.hear("mining.authorize"), result)
        await liar.reader.read()

    with pytest.raises(PoolRefusedError, match="does not let user 'w' mine"):
        play(script)


def test_questions_of_the_pool_are_answered_while_hashing() -> None:
    async def script(liar: Liar) -> None:
        await liar.let_in()
        liar.tell("mining.set_difficulty", 1e6)
        liar.tell("mining.notify", *JOB)
        waits_s = []
        for number in range(20):
            began_s = time.monotonic()
            liar.say({"id": number, "method": "client.get_version", "params": []})
            while json.loads(await liar.reader.readline()).get("id") != number:
                pass
            waits_s.append(time.monotonic() - began_s)
            await asyncio.sleep(0.01)
        assert sorted(waits_s)[10] < 0.05  # the loop is never kept busy
        liar.tell("mining.set_difficulty", EASY)
        liar.tell("mining.notify", "j2", *JOB[1:])
        await liar.accept(10**6)

    play(script, threads=2)


def closed_port() -> int:
    import socket

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def run(address: PoolAddress, stop_s: float | None = None, **changes: Any) -> ClientSnapshot:
    async def play() -> ClientSnapshot:
        client = StratumClient(address, Login(user="w"), ClientSettings(**{**QUICK, **changes}), random=Random(1))
        if stop_s is not None:
            asyncio.get_running_loop().call_later(stop_s, client.stop)
        async with asyncio.timeout(10):
            await client.run()
        return client.snapshot()

    return asyncio.run(play())


def test_a_pool_that_is_not_there() -> None:
    address = PoolAddress("127.0.0.1", closed_port())
    with pytest.raises(PoolUnreachableError, match="does not answer: Connection refused"):
        run(address, patient=False)
    assert run(address, stop_s=0.3).connections == 0


def test_a_public_address_is_not_gone_to() -> None:
    with pytest.raises(AddressError, match="outside this machine"):
        run(PoolAddress("8.8.8.8", 3333))


def test_settings_that_cannot_be() -> None:
    with pytest.raises(BackendUnavailableError, match="fpga"):
        run(PoolAddress("127.0.0.1", 1), backend="fpga")
    with pytest.raises(SettingError, match="stop after 0"):
        ClientSettings(stop_after=0)
    with pytest.raises(SettingError, match="waits"):
        run(PoolAddress("127.0.0.1", 1), first_wait_s=-1)


def test_a_defect_is_not_taken_for_a_lost_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("miner.stratum.client.ClientSession.receive", lambda self, item: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        play(behave)


def test_a_kernel_that_fails_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        raise MemoryError("no room")

    monkeypatch.setattr("miner.stratum.hashing.search", failing)
    with pytest.raises(MemoryError, match="no room"):
        play(behave)
