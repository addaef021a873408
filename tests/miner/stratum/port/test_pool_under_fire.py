"""Whatever comes through the pool's port: others are served, memory stays bounded, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from miner.stratum.pool import PoolLimits

GENESIS_SHARE = ["w.1", "1", "00000000", "495fab29", "7c2bac1d"]
SUBSCRIBE = {"id": 1, "method": "mining.subscribe", "params": ["raw"]}
AUTHORIZE = {"id": 2, "method": "mining.authorize", "params": ["w.1", "x"]}
TLS_HELLO = bytes.fromhex("1603010200010001fc0303") + bytes(range(256))

Place = Any  # a pool that listens, as conftest.py has it
Serve = Callable[..., None]


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
def test_hostile_bytes_leave_the_pool_serving(serve: Serve, noise: bytes, how: str) -> None:
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
def test_who_talks_nonsense_is_closed_on(serve: Serve, noise: bytes) -> None:
    """At once, so that a program which tries TLS first falls back without a wait."""

    async def act(place: Place) -> None:
        async with place.miner() as miner:
            await miner.send(noise)
            assert await miner.is_closed()
        assert place.pool.snapshot().malformed >= 1

    serve(act)


def test_who_does_not_read_what_is_sent_is_cut_off(serve: Serve) -> None:
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


def test_who_asks_without_reading_the_answers_is_not_read_from(serve: Serve) -> None:
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


def test_a_flood_leaves_others_their_turn(serve: Serve) -> None:
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


def test_miners_may_leave_at_any_moment(serve: Serve) -> None:
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
