"""Where hashwatt mines: pool addresses, and only this machine and private networks unless told otherwise."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miner.errors import AddressError, PoolUnreachableError, SettingError
from miner.stratum.address import PoolAddress, is_near, near_addresses
from miner.stratum.backoff import Backoff


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("stratum+tcp://127.0.0.1:3333", "127.0.0.1", 3333),
        ("stratum+tcp://localhost:1/", "localhost", 1),
        ("STRATUM+TCP://Pool.Lan:65535", "pool.lan", 65535),
        ("stratum+tcp://[::1]:3333", "::1", 3333),
    ],
)
def test_an_address(text: str, host: str, port: int) -> None:
    address = PoolAddress.parse(text)
    assert address == PoolAddress(host, port)
    assert PoolAddress.parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "want stratum"),
        ("127.0.0.1:3333", "want stratum"),
        ("http://127.0.0.1:3333", "want stratum"),
        ("stratum+ssl://127.0.0.1:3333", "want stratum"),
        ("stratum+tcp:127.0.0.1:3333", "host is missing"),
        ("stratum+tcp://127.0.0.1", "port is missing"),
        ("stratum+tcp://127.0.0.1:", "port is missing"),
        ("stratum+tcp://127.0.0.1:0", "port is missing"),
        ("stratum+tcp://:3333", "host is missing"),
        ("stratum+tcp://127.0.0.1:65536", "out of range"),
        ("stratum+tcp://127.0.0.1:33x", "could not be cast"),
        ("stratum+tcp://[::1:3333", "Invalid IPv6"),
        ("stratum+tcp://user:pass@127.0.0.1:3333", "user and password"),
        ("stratum+tcp://user@127.0.0.1:3333", "user and password"),
        ("stratum+tcp://127.0.0.1:3333/a", "nothing may follow"),
        ("stratum+tcp://127.0.0.1:3333?a=1", "nothing may follow"),
        ("stratum+tcp://127.0.0.1:3333#x", "nothing may follow"),
        ("stratum+tcp://127.0.0.1:33\n33", "want stratum"),
        ("stratum+tcp://127.0.0.1:3333 ", "want stratum"),
        ("stratum+tcp://po ol:3333", "want stratum"),
    ],
)
def test_what_is_no_address(text: str, told: str) -> None:
    with pytest.raises(AddressError, match=told.replace("+", r"\+")) as refused:
        PoolAddress.parse(text)
    assert "\n" not in str(refused.value)


@given(st.text(max_size=40) | st.text("stratum+cp:/.[]@0123456789", max_size=40).map("stratum+tcp://{}".format))
def test_any_text_is_an_address_or_an_address_error(text: str) -> None:
    with suppress(AddressError):
        assert PoolAddress.parse(text).host


@pytest.mark.parametrize(
    "number",
    [
        "127.0.0.1",
        "127.255.255.255",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "::1",
        "fd00::1",
        "::ffff:10.0.0.1",
    ],
)
def test_near(number: str) -> None:
    assert is_near(number)


@pytest.mark.parametrize(
    "number",
    [
        "8.8.8.8", "172.15.255.255", "172.32.0.0", "192.169.0.1", "11.0.0.1", "0.0.0.0", "::", "169.254.169.254", "fe80::1",
        "224.0.0.1", "255.255.255.255", "100.64.0.1", "2001:db8::1", "::ffff:8.8.8.8", "::7f00:1", "64:ff9b::7f00:1",
    ],
)  # fmt: skip
def test_far(number: str) -> None:
    assert not is_near(number)


def ask(address: PoolAddress, *, allow_public: bool = False, known: list[str] | None = None) -> list[str]:
    """Ask for a pool's addresses, of a resolver that knows the name to have the `known` ones."""

    def getaddrinfo(*_: Any, **__: Any) -> Any:
        return [(2, 1, 6, "", (number, address.port)) for number in known or []]

    with pytest.MonkeyPatch.context() as patch:
        if known is not None:
            patch.setattr("socket.getaddrinfo", getaddrinfo)
        return asyncio.run(near_addresses(address, allow_public=allow_public, limit_s=5.0))


def test_loopback_is_found() -> None:
    assert ask(PoolAddress("127.0.0.1", 3333)) == ["127.0.0.1"]


def test_one_public_address_among_private_ones_is_enough_to_refuse() -> None:
    pool = PoolAddress("pool.example", 3333)
    assert ask(pool, known=["10.0.0.1", "10.0.0.2", "10.0.0.1"]) == ["10.0.0.1", "10.0.0.2"]
    with pytest.raises(AddressError, match=r"is at 8\.8\.8\.8, outside"):
        ask(pool, known=["10.0.0.1", "8.8.8.8"])
    assert ask(pool, known=["10.0.0.1", "8.8.8.8"], allow_public=True) == ["10.0.0.1", "8.8.8.8"]


@pytest.mark.parametrize("host", ["a" * 64 + ".invalid", "a..b"])
def test_a_name_that_cannot_be_is_one_error(host: str) -> None:
    with pytest.raises(PoolUnreachableError, match="no address of"):
        ask(PoolAddress(host, 3333))


@given(st.integers(0, 1 << 30), st.floats(0.01, 10), st.floats(1, 100))
def test_waits_double_up_to_the_limit_and_are_never_in_step(seed: int, first_s: float, factor: float) -> None:
    backoff = Backoff(Random(seed), first_s, first_s * factor)
    full_s = [min(first_s * 2**at, first_s * factor) for at in range(80)]
    waits_s = [backoff.next_s() for _ in full_s]
    assert all(full / 2 <= wait <= full * (1 + 1e-12) for full, wait in zip(full_s, waits_s, strict=True))
    assert len(set(waits_s)) > 70
    backoff.reset()
    assert backoff.next_s() <= first_s * (1 + 1e-12)


@pytest.mark.parametrize(
    ("first_s", "longest_s"), [(0, 1), (-1, 1), (2, 1), (1, float("inf")), (float("nan"), 1), (1, float("nan"))]
)
def test_waits_that_cannot_be(first_s: float, longest_s: float) -> None:
    with pytest.raises(SettingError, match="waits from"):
        Backoff(Random(0), first_s, longest_s)
