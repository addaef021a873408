"""The client at pools that mean well, or are not there: what takes effect when, what ends it, and with what words."""

from __future__ import annotations

import asyncio
import json
import socket
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

Liar = Any  # one connection, as conftest.py has it
Script = Callable[[Liar], Awaitable[None]]
Play = Callable[..., tuple[ClientSnapshot, int]]


async def behave(liar: Liar) -> None:
    await liar.behave()


def test_a_pool_that_behaves(play: Play) -> None:
    snapshot, met = play(behave, until=20)
    assert (met, snapshot.connections, snapshot.odd, snapshot.lost) == (1, 1, 0, 0)
    assert snapshot.accepted >= 20
    assert snapshot.rejected == ()
    assert snapshot.open == 0


def test_changes_of_extranonce_and_difficulty_hold_from_the_next_job_on(play: Play) -> None:
    seen: dict[str, set[int]] = {}

    async def script(liar: Liar) -> None:
        await liar.let_in(size=4)
        liar.tell("mining.set_difficulty", liar.EASY)
        liar.tell("mining.notify", *liar.JOB)
        liar.tell("mining.set_extranonce", "0c", 2)
        for share in await liar.accept(30):
            seen.setdefault(share[1], set()).add(len(share[2]) // 2)
        liar.tell("mining.notify", "j2", *liar.JOB[1:])
        for share in await liar.accept(60):
            seen.setdefault(share[1], set()).add(len(share[2]) // 2)
        await liar.accept(10**6)

    play(script, until=100)
    assert seen == {"j1": {4}, "j2": {2}}


@pytest.mark.parametrize("result", [False, "no"])
def test_a_user_who_is_not_let_in_ends_it(play: Play, result: Any) -> None:
    async def script(liar: Liar) -> None:
        liar.answer(await liar.hear("mining.subscribe"), [[], "00", 4])
        liar.answer(await liar.hear("mining.authorize"), result)
        await liar.reader.read()

    with pytest.raises(PoolRefusedError, match="does not let user 'w' mine"):
        play(script)


def test_questions_of_the_pool_are_answered_while_hashing(play: Play) -> None:
    async def script(liar: Liar) -> None:
        await liar.let_in()
        liar.tell("mining.set_difficulty", 1e6)
        liar.tell("mining.notify", *liar.JOB)
        waits_s = []
        for number in range(20):
            began_s = time.monotonic()
            liar.say({"id": number, "method": "client.get_version", "params": []})
            while json.loads(await liar.reader.readline()).get("id") != number:
                pass
            waits_s.append(time.monotonic() - began_s)
            await asyncio.sleep(0.01)
        assert sorted(waits_s)[10] < 0.05  # the loop is never kept busy
        liar.tell("mining.set_difficulty", liar.EASY)
        liar.tell("mining.notify", "j2", *liar.JOB[1:])
        await liar.accept(10**6)

    play(script, threads=2)


SINGLE = "no version rolling, so one midstate is searched at a time instead of 4"
DOUBLE = "only one bit of the version to be rolled, so two midstates are searched at a time instead of 4"


@pytest.mark.parametrize(
    ("agreed", "told"),
    [
        ({}, [SINGLE]),
        ({"version-rolling": False}, [SINGLE]),
        ({"version-rolling": True, "version-rolling.mask": "00000000"}, [SINGLE]),
        ({"version-rolling": True, "version-rolling.mask": "00002000"}, [DOUBLE]),
        ({"version-rolling": True, "version-rolling.mask": "00006000"}, []),
    ],
)
def test_fewer_versions_than_midstates_are_told_of_once(
    play: Play, agreed: dict[str, Any], told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def script(liar: Liar) -> None:
        liar.answer(await liar.hear("mining.configure"), agreed)
        liar.answer(await liar.hear("mining.subscribe"), [[], "0a", 4])
        liar.answer(await liar.hear("mining.authorize"))
        liar.tell("mining.set_difficulty", liar.EASY)
        for number in range(3):
            liar.tell("mining.notify", f"j{number}", *liar.JOB[1:])
            await liar.accept(5)
        await liar.accept(10**6)

    snapshot, _ = play(script, until=20, midstates=4)
    assert snapshot.accepted >= 20
    warnings = [record.getMessage() for record in caplog.records if record.name.startswith("miner.stratum")]
    assert [line.partition(" grants ")[2] for line in warnings] == told


def closed_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def run(address: PoolAddress, stop_s: float | None = None, **changes: Any) -> ClientSnapshot:
    settings = ClientSettings(**{"first_wait_s": 0.01, "longest_wait_s": 0.02, **changes})

    async def play() -> ClientSnapshot:
        client = StratumClient(address, Login(user="w"), settings, random=Random(1))
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
    with pytest.raises(SettingError, match="3 midstates; want 1, 2 or 4"):
        ClientSettings(midstates=3)
    with pytest.raises(SettingError, match="waits"):
        run(PoolAddress("127.0.0.1", 1), first_wait_s=-1)


def test_a_defect_is_not_taken_for_a_lost_connection(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("miner.stratum.client.ClientSession.receive", lambda self, item: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        play(behave)


def test_a_kernel_that_fails_ends_it(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        raise MemoryError("no room")

    monkeypatch.setattr("miner.stratum.hashing.search_versions", failing)
    with pytest.raises(MemoryError, match="no room"):
        play(behave)
