"""Where machines are found: an address of its own for each on Linux, one address and many ports elsewhere.

The whole of 127.0.0.0/8 is the loopback interface on Linux, so machine after machine gets the next address, and each has the
port that its kind has in a hall. Other systems have 127.0.0.1 alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from hw.fleet.errors import FleetPortError
from hw.fleet.spec import Firmware

FIRST_ADDRESS: Final = "127.0.0.2"
RPC_PORT: Final = 4028
HTTP_PORT: Final = 80
HTTP_PORT_WITHOUT_RIGHTS: Final = 8080  # of addresses that have one each, and the first where one is shared
HIGHEST_PORT: Final = 65_535
BROADCAST: Final = IPv4Address("255.255.255.255")
_LOOPBACK: Final = ip_network("127.0.0.0/8")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one machine answers."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return it as in an address bar."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The ports asked for; None leaves that of HTTP to the rights that there are."""

    rpc: int = RPC_PORT
    http: int | None = None


def has_own_addresses(host: str, platform: str = sys.platform) -> bool:
    """Tell whether machines from `host` on can have an address each.

    Raises
    ------
    FleetPortError
        If `host` is no address.
    """
    return platform == "linux" and _address(host) in _LOOPBACK


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a server on `host`.

    Raises
    ------
    FleetPortError
        If `host` is no address.
    """
    return _address(host).is_loopback


def plan_endpoints(
    firmwares: Sequence[Firmware], host: str, ports: Ports, *, own_addresses: bool, may_bind_low: bool
) -> list[Endpoint]:
    """Return where each machine answers, by its firmware.

    `may_bind_low` tells whether this process may have port 80.

    Raises
    ------
    FleetPortError
        If addresses or ports run out.
    """
    if own_addresses:
        http = ports.http or (HTTP_PORT if may_bind_low else HTTP_PORT_WITHOUT_RIGHTS)
        hosts = _addresses(host, len(firmwares))
        return [
            Endpoint(own, http if firmware is Firmware.AXEOS else ports.rpc)
            for own, firmware in zip(hosts, firmwares, strict=True)
        ]
    following = {True: ports.http or HTTP_PORT_WITHOUT_RIGHTS, False: ports.rpc}
    found = []
    for firmware in firmwares:
        serves_http = firmware is Firmware.AXEOS
        found.append(Endpoint(host, following[serves_http]))
        following[serves_http] += 1
    if len({end.port for end in found}) < len(found) or max(end.port for end in found) > HIGHEST_PORT:
        raise FleetPortError(
            f"{len(found)} machines on one address need as many ports: from {ports.rpc} for the RPC and from "
            f"{ports.http or HTTP_PORT_WITHOUT_RIGHTS} for HTTP they meet or pass {HIGHEST_PORT}; want them further apart"
        )
    return found


def _addresses(first: str, count: int) -> list[str]:
    """Return `count` addresses from `first` on, none that ends with 0 or 255."""
    found: list[str] = []
    number = int(IPv4Address(first))
    while len(found) < count:
        address = IPv4Address(number)
        if address not in _LOOPBACK:
            raise FleetPortError(f"{count} addresses from {first} on leave {_LOOPBACK}; want an earlier one to begin with")
        if 0 < number & 0xFF < 0xFF:
            found.append(str(address))
        number += 1
    return found


def _address(host: str) -> IPv4Address | IPv6Address:
    try:
        found = ip_address(host)
    except ValueError:
        raise FleetPortError(f"{host[:60]!r} is no address; want one of this machine, such as {FIRST_ADDRESS}") from None
    if found.is_multicast or found == BROADCAST:  # some systems let a server listen there, and nobody can ever reach it
        raise FleetPortError(f"{host} is an address of many; want one of this machine, such as {FIRST_ADDRESS}")
    return found
