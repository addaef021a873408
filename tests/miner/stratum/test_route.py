"""Where the miner goes next: other ports of its pool's host as long as they let it in, other hosts never."""

from __future__ import annotations

import pytest

from miner.stratum.address import PoolAddress
from miner.stratum.events import Leave
from miner.stratum.route import Route

HOME, OTHER = PoolAddress("pool.lan", 3333), PoolAddress("pool.lan", 3334)


def leave(host: str | None = None, port: int | None = None) -> Leave:
    return Leave("the pool asked for it", host, port)


@pytest.mark.parametrize("let_in", [True, False])
def test_the_pool_may_send_to_another_port_before_or_after_it_lets_in(let_in: bool) -> None:
    route = Route(HOME)
    route.after(leave("POOL.lan", 3334), let_in=let_in)
    assert route.address == OTHER
    route.after(None, let_in=True)
    assert route.address == OTHER


def test_a_port_that_lets_nobody_in_is_left_for_home_whatever_it_says() -> None:
    for wish in (None, leave(), leave(None, 22), leave("evil.example", 3333)):
        route = Route(HOME)
        route.after(leave(None, 3334), let_in=True)
        route.after(wish, let_in=False)
        assert route.address == HOME


def test_to_another_host_nobody_is_sent() -> None:
    route = Route(HOME)
    route.after(leave("evil.example", 3334), let_in=True)
    assert route.address == HOME
