"""The pool's port: whatever comes through it, others are served, memory stays bounded, and everything is closed at the end."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from miner.stratum.jobs import KnownJobs, SyntheticJobs
from miner.stratum.known_jobs import known_block
from miner.stratum.pool import PoolLimits, StratumPool
from miner.stratum.pool_core import PoolCore, PoolSettings

GENESIS_SHARE = ["w.1", "1", "00000000", "495fab29", "7c2bac1d"]
SUBSCRIBE = {"id": 1, "method": "mining.subscribe", "params": ["raw"]}
AUTHORIZE = {"id": 2, "method": "mining.authorize", "params": ["w.1", "x"]}
TLS_HELLO = bytes.fromhex("1603010200010001fc0303") + bytes(range(256))


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


def serve(act: Act, limits: PoolLimits | None = None, **settings: Any) -> None:
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


def test_a_miner_logs_in_and_has_its_share_accepted() -> None:
    async def act(place: Place) -> None:
        async with place.miner() as miner:
            notify = await miner.log_in()
            assert notify["method"] == "mining.notify"
            assert notify["params"][0] == "1"
            share = {"id": 3, "method": "mining.submit", "params": GENESIS_SHARE}
            assert await miner.answer(share) == {"id": 3, "result": True, "error": None}
            assert (await miner.line())["params"][0] == "2"  # it was a whole block
            assert (await miner.answer(share))["error"][:2] == [21, "Job not found"]
        snapshot = place.pool.snapshot()
        assert (snapshot.accepted, snapshot.stale, snapshot.blocks, snapshot.connections_total) == (1, 1, 1, 1)

    serve(act)


def test_jobs_come_regularly_to_everybody() -> None:
    async def act(place: Place) -> None:
        async with place.miner() as one, place.miner() as other, place.miner():
            await one.log_in()
            await other.log_in()
            for miner in (one, other):
                assert [(await miner.line())["method"] for _ in range(3)] == ["mining.notify"] * 3
        assert place.pool.snapshot().jobs >= 4

    serve(act, interval_s=0.03)


@pytest.mark.parametrize(
    "noise",
    [
        pytest.param(TLS_HELLO, id="tls"),
        pytest.param(TLS_HELLO[:1], id="one-byte-of-tls"),
        pytest.param(b"\x16\x03", id="two-bytes-of-tls"),
        pytest.param(b"x" * 100_000, id="no-line-end"),
        pytest.param(b"x" * 100_000 + b"\n", id="long-line"),
        pytest.param(b"\x00" * 5000, id="nul"),
        pytest.param(b"\xff\xfe\n" * 100, id="no-utf-8"),
        pytest.param(b"[" * 10_000 + b"\n", id="deep"),
        pytest.param(b'{"id":' + b"9" * 10_000 + b"}\n", id="huge-number"),
        pytest.param(b'{"id": 1, "method": "mining.sub', id="half-a-line"),
        pytest.param(b"\n" * 10_000, id="empty-lines"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: pool\r\n\r\n", id="http"),
        pytest.param(b'{"id": 1, "method": "mining.submit", "params": [[], {}, 5, null, NaN]}\n', id="nonsense-share"),
        pytest.param(b'{"id": 1, "method": "mining.subscribe", "params": []}\n' * 500, id="subscribes"),
        pytest.param(b'{"id": 1, "method": "mining.authorize", "params": ["u", "p"]}\n' * 500, id="authorizes"),
        pytest.param(bytes(range(256)) * 40, id="all-bytes"),
        pytest.param(b"", id="nothing"),
    ],
)
@pytest.mark.parametrize("how", ["at-once", "in-pieces"])
def test_hostile_bytes_leave_the_pool_serving(noise: bytes, how: str) -> None:
    async def act(place: Place) -> None:
        async with place.miner() as hostile:
            size = max(len(noise), 1) if how == "at-once" else max(len(noise) // 50, 1)
            try:
                for at in range(0, len(noise), size):
                    await hostile.send(noise[at : at + size])
                    await asyncio.sleep(0)
            except ConnectionError:
                pass  # the pool had enough
            await place.still_serves()
        await place.still_serves()

    serve(act)


@pytest.mark.parametrize(
    "noise", [TLS_HELLO, b"x" * 20_000, b"\xff\n" * 20, b"{}\n" * 20], ids=["tls", "long", "binary", "wrong"]
)
def test_who_talks_nonsense_is_closed_on(noise: bytes) -> None:
    """At once, so that a program which tries TLS first falls back without a wait."""

    async def act(place: Place) -> None:
        async with place.miner() as miner:
            await miner.send(noise)
            assert await miner.is_closed()
        assert place.pool.snapshot().malformed >= 1

    serve(act)


def test_a_line_in_many_pieces_is_a_line() -> None:
    async def act(place: Place) -> None:
        async with place.miner() as miner:
            for at in json.dumps(SUBSCRIBE).encode() + b"\r\n":
                await miner.send(bytes([at]))
                await asyncio.sleep(0)
            assert (await miner.line())["id"] == 1

    serve(act)


@pytest.mark.parametrize("begun", [b"", b'{"id": 1, ', json.dumps(SUBSCRIBE).encode() + b"\n"])
@pytest.mark.parametrize("trickle", [False, True])
def test_who_does_not_log_in_is_closed_on(begun: bytes, trickle: bool) -> None:
    """Also who sends a byte now and then: only sense keeps a connection."""

    async def act(place: Place) -> None:
        async with place.miner() as slow:
            await slow.send(begun)
            began_s = time.monotonic()
            closing = asyncio.create_task(slow.is_closed())
            while trickle and not closing.done():
                slow.writer.write(b" ")
                await asyncio.sleep(0.02)
            assert await closing
            assert time.monotonic() - began_s < 2
        await place.still_serves()

    serve(act, PoolLimits(login_s=0.15))


def test_who_falls_silent_is_closed_on() -> None:
    async def act(place: Place) -> None:
        async with place.miner() as miner:
            await miner.log_in()
            for _ in range(4):  # sense keeps it open, also beyond the time to log in
                await asyncio.sleep(0.1)
                assert (await miner.answer({"id": 5, "method": "mining.ping", "params": []}))["result"] == "pong"
            assert await miner.is_closed()

    serve(act, PoolLimits(login_s=0.2, idle_s=0.2))


def test_only_so_many_connections() -> None:
    async def act(place: Place) -> None:
        async with place.miner() as one, place.miner() as two:
            await one.log_in()
            await two.log_in()
            async with place.miner() as third:
                assert await third.is_closed()
            snapshot = place.pool.snapshot()
            assert (snapshot.connections, snapshot.connections_total, snapshot.connections_refused) == (2, 2, 1)
        while place.pool.snapshot().connections:
            await asyncio.sleep(0.01)
        await place.still_serves()

    serve(act, PoolLimits(most_connections=2))


def test_who_does_not_read_what_is_sent_is_cut_off() -> None:
    """Jobs by the thousand to a miner whose receive buffer is full; its neighbour gets every one."""

    async def act(place: Place) -> None:
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", place.port))
        raw.send(b"".join(json.dumps(one).encode() + b"\n" for one in (SUBSCRIBE, AUTHORIZE)))
        async with place.miner() as reading:
            await reading.log_in()
            got = asyncio.create_task(reading.reader.read(10**9))
            for _ in range(20_000):
                place.pool.renew(new_block=False)
                if place.pool.snapshot().lost_slow:
                    break
                await asyncio.sleep(0)
            assert place.pool.snapshot().lost_slow == 1
            got.cancel()
        raw.close()

    serve(act, PoolLimits(most_unread_bytes=1 << 16))


def test_who_asks_without_reading_the_answers_is_not_read_from() -> None:
    """A flood of questions ends in the sender's own buffers, and then the pool has waited long enough."""

    async def act(place: Place) -> None:
        question = json.dumps({"id": 1, "method": "mining.ping", "params": []}).encode() + b"\n"
        async with place.miner() as flooding:
            flooding.writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            flooding.reader._transport.pause_reading()

            async def flood() -> None:
                for _ in range(100_000):
                    async with asyncio.timeout(10):
                        await flooding.send(question * 100)

            with pytest.raises((ConnectionError, TimeoutError)):
                await flood()
        await place.still_serves()

    serve(act, PoolLimits(write_s=0.1))


def test_a_flood_leaves_others_their_turn() -> None:
    async def act(place: Place) -> None:
        async with place.miner() as flooding, place.miner() as miner:
            question = json.dumps({"id": 1, "method": "mining.ping", "params": []}).encode() + b"\n"

            async def flood() -> None:
                while True:
                    await flooding.send(question * 1000)

            async def swallow() -> None:
                while await flooding.reader.read(1 << 20):
                    pass

            tasks = [asyncio.create_task(flood()), asyncio.create_task(swallow())]
            began_s = time.monotonic()
            await miner.log_in()
            for _ in range(20):
                await miner.answer({"id": 5, "method": "mining.ping", "params": []})
            assert time.monotonic() - began_s < 5
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    serve(act)


def test_miners_may_leave_at_any_moment() -> None:
    """After each byte of a whole conversation, politely or with a reset."""

    async def act(place: Place) -> None:
        share = {"id": 3, "method": "mining.submit", "params": GENESIS_SHARE}
        words = b"".join(json.dumps(one).encode() + b"\n" for one in (SUBSCRIBE, AUTHORIZE, share))
        for at in range(0, len(words) + 1, 3):
            async with place.miner() as miner:
                await miner.send(words[:at])
                if at % 2:
                    miner.writer.close()
                    await miner.writer.wait_closed()
        while place.pool.snapshot().connections:
            await asyncio.sleep(0.01)
        await place.still_serves()

    serve(act)


def test_a_session_goes_on_after_a_lost_connection() -> None:
    async def act(place: Place) -> None:
        async with place.miner() as miner:
            pairs, extranonce1, _ = (await miner.answer(SUBSCRIBE))["result"]
        while place.pool.snapshot().connections:
            await asyncio.sleep(0.01)
        async with place.miner() as miner:
            again = {"id": 1, "method": "mining.subscribe", "params": ["raw", pairs[1][1]]}
            assert (await miner.answer(again))["result"] == [pairs, extranonce1, 4]

    serve(act)


def test_a_defect_ends_one_connection_and_is_logged(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(place: Place) -> None:
        monkeypatch.setattr("miner.stratum.pool.MinerSession.receive", lambda self, item: 1 / 0)
        async with place.miner() as miner:
            await miner.send(SUBSCRIBE)
            assert await miner.is_closed()
        monkeypatch.undo()
        await place.still_serves()

    serve(act)
    assert "the pool goes on" in caplog.text


def test_a_port_that_is_taken() -> None:
    async def act(place: Place) -> None:
        core = PoolCore(SyntheticJobs(), PoolSettings(), clock=time.monotonic, unix_clock=time.time)
        async with StratumPool(core) as other:
            with pytest.raises(OSError, match="address already in use"):
                await other.listen("127.0.0.1", place.port)

    serve(act)


def test_closing_does_not_wait_for_who_does_not_read() -> None:
    async def act(place: Place) -> None:
        async with place.miner() as miner:
            await miner.log_in()
            miner.reader._transport.pause_reading()
            for _ in range(2000):
                place.pool.renew(new_block=False)
            began_s = time.monotonic()
            await place.pool.close()
            assert time.monotonic() - began_s < 1

    serve(act, PoolLimits(most_unread_bytes=1 << 30))
