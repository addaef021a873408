"""Finding a host by its name: nobody waits for a resolver that takes its time."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest

from miner.errors import PoolUnreachableError
from miner.stratum.address import PoolAddress, near_addresses
from miner.stratum.resolving import places_of


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the resolver take three seconds to know nothing."""

    def getaddrinfo(*_: Any, **__: Any) -> Any:
        time.sleep(3)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)


def test_this_machine_is_found() -> None:
    assert asyncio.run(places_of("127.0.0.1", 80, limit_s=5.0)) == [(socket.AF_INET, "127.0.0.1")]


@pytest.mark.usefixtures("slow")
def test_a_slow_resolver_is_not_waited_for_nor_at_the_end_of_the_program() -> None:
    began_s = time.monotonic()
    with pytest.raises(PoolUnreachableError, match=r"no address of 'pool\.lan' is known \(no answer within 0\.1 s\)"):
        asyncio.run(near_addresses(PoolAddress("pool.lan", 3333), allow_public=False, limit_s=0.1))
    assert time.monotonic() - began_s < 1


@pytest.mark.usefixtures("slow")
def test_who_asked_may_go_away() -> None:
    async def play() -> None:
        asking = asyncio.create_task(places_of("pool.lan", 3333, limit_s=30.0))
        await asyncio.sleep(0.05)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    began_s = time.monotonic()
    asyncio.run(play())
    assert time.monotonic() - began_s < 1
