"""Where a pool is, and whether to go there: this machine and private networks, unless the user says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Self
from urllib.parse import urlsplit

from miner.errors import AddressError, PoolUnreachableError
from miner.stratum.json_line import told
from miner.stratum.resolving import places_of

SCHEME: Final = "stratum+tcp"
_NEAR: Final = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
"""Loopback, and private networks by RFC 1918 and RFC 4193; not link-local, where clouds keep their secrets."""


@dataclass(frozen=True, slots=True)
class PoolAddress:
    """A pool's host and port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address such as stratum+tcp://127.0.0.1:3333.

        Raises
        ------
        AddressError
            If it is none; the message says what is wrong.
        """
        wanted = f"want {SCHEME}://HOST:PORT, such as {SCHEME}://127.0.0.1:3333"
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise AddressError(f"pool {told(text)}: {error}; {wanted}") from None
        if not text.isprintable() or " " in text or parts.scheme != SCHEME:
            raise AddressError(f"pool {told(text)}: {wanted}")
        if not host or not port:
            raise AddressError(f"pool {told(text)}: the {'port' if host else 'host'} is missing; {wanted}")
        if parts.username is not None or parts.password is not None:
            raise AddressError(f"pool {told(text)}: user and password do not belong into the address; {wanted}")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise AddressError(f"pool {told(text)}: nothing may follow the port; {wanted}")
        return cls(host, port)

    def __str__(self) -> str:
        return f"{SCHEME}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def is_near(address: str) -> bool:
    """Tell whether the IP `address` is of this machine or of a private network."""
    number: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(number, IPv6Address) and number.ipv4_mapped is not None:
        number = number.ipv4_mapped
    return any(number in ip_network(near) for near in _NEAR)


async def near_addresses(address: PoolAddress, *, allow_public: bool, limit_s: float) -> list[str]:
    """Return the IP addresses of a pool, all of them checked; a name is asked for anew each time, for up to `limit_s` [s].

    Raises
    ------
    AddressError
        If any of them is neither of this machine nor private, unless `allow_public`.
    PoolUnreachableError
        If the host is not known.
    """
    try:
        found = await places_of(address.host, address.port, limit_s=limit_s)
    except (OSError, UnicodeError) as error:
        raise PoolUnreachableError(f"pool {address}: no address of {told(address.host)} is known ({error})") from None
    numbers = list(dict.fromkeys(number for _, number in found))
    far = [number for number in numbers if not is_near(number)]
    if far and not allow_public:
        raise AddressError(
            f"pool {address} is at {', '.join(far[:4])}, outside this machine and its private networks; "
            "hashwatt mines at pools of its own unless public ones are allowed"
        )
    return numbers
