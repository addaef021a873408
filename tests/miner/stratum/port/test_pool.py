"""The pool's port: who comes through it, how long they may stay, and that everything is closed at the end."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from miner.stratum.jobs import SyntheticJobs
from miner.stratum.pool import PoolLimits, StratumPool
from miner.stratum.pool_core import PoolCore, PoolSettings

GENESIS_SHARE = ["w.1", "1", "00000000", "495fab29", "7c2bac1d"]
SUBSCRIBE = {"id": 1, "method": "mining.subscribe", "params": ["raw"]}
AUTHORIZE = {"id": 2, "method": "mining.authorize", "params": ["w.1", "x"]}

Place = Any  # a pool that listens, as conftest.py has it
Serve = Callable[..., None]


def test_a_miner_logs_in_and_has_its_share_accepted(serve: Serve) -> None:
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


def test_jobs_come_regularly_to_everybody(serve: Serve) -> None:
    async def act(place: Place) -> None:
        async with place.miner() as one, place.miner() as other, place.miner():
            await one.log_in()
            await other.log_in()
            for miner in (one, other):
                assert [(await miner.line())["method"] for _ in range(3)] == ["mining.notify"] * 3
        assert place.pool.snapshot().jobs >= 4

    serve(act, interval_s=0.03)


def test_a_line_in_many_pieces_is_a_line(serve: Serve) -> None:
    async def act(place: Place) -> None:
        async with place.miner() as miner:
            for at in json.dumps(SUBSCRIBE).encode() + b"\r\n":
                await miner.send(bytes([at]))
                await asyncio.sleep(0)
            assert (await miner.line())["id"] == 1

    serve(act)


@pytest.mark.parametrize("begun", [b"", b'{"id": 1, ', json.dumps(SUBSCRIBE).encode() + b"\n"])
@pytest.mark.parametrize("trickle", [False, True])
def test_who_does_not_log_in_is_closed_on(serve: Serve, begun: bytes, trickle: bool) -> None:
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


def test_who_falls_silent_is_closed_on(serve: Serve) -> None:
    async def act(place: Place) -> None:
        async with place.miner() as miner:
            await miner.log_in()
            for _ in range(4):  # sense keeps it open, also beyond the time to log in
                await asyncio.sleep(0.1)
                assert (await miner.answer({"id": 5, "method": "mining.ping", "params": []}))["result"] == "pong"
            assert await miner.is_closed()

    serve(act, PoolLimits(login_s=0.2, idle_s=0.2))


def test_only_so_many_connections(serve: Serve) -> None:
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


def test_a_session_goes_on_after_a_lost_connection(serve: Serve) -> None:
    async def act(place: Place) -> None:
        async with place.miner() as miner:
            pairs, extranonce1, _ = (await miner.answer(SUBSCRIBE))["result"]
            await miner.answer(AUTHORIZE)
        while place.pool.snapshot().connections:
            await asyncio.sleep(0.01)
        async with place.miner() as miner:
            again = {"id": 1, "method": "mining.subscribe", "params": ["raw", pairs[1][1]]}
            assert (await miner.answer(again))["result"] == [pairs, extranonce1, 4]

    serve(act)


def test_a_defect_ends_one_connection_and_is_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(place: Place) -> None:
        monkeypatch.setattr("miner.stratum.pool.MinerSession.receive", lambda self, item: 1 / 0)
        async with place.miner() as miner:
            await miner.send(SUBSCRIBE)
            assert await miner.is_closed()
        monkeypatch.undo()
        await place.still_serves()

    serve(act)
    assert "the pool goes on" in caplog.text


def test_a_port_that_is_taken(serve: Serve) -> None:
    async def act(place: Place) -> None:
        core = PoolCore(SyntheticJobs(), PoolSettings(), clock=time.monotonic, unix_clock=time.time)
        async with StratumPool(core) as other:
            with pytest.raises(OSError, match="Address already in use"):
                await other.listen("127.0.0.1", place.port)

    serve(act)


def test_closing_does_not_wait_for_who_does_not_read(serve: Serve) -> None:
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
