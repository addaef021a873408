"""Where machines are found, on Linux and elsewhere, with the right to low ports and without."""

from __future__ import annotations

from typing import Any

import pytest

from hw.fleet.endpoints import Endpoint, Ports, has_own_addresses, is_loopback, plan_endpoints
from hw.fleet.errors import FleetPortError
from hw.fleet.spec import Firmware

KINDS = [Firmware.BTMINER, Firmware.AXEOS, Firmware.CGMINER, Firmware.AXEOS]


def planned(host: str = "127.0.0.2", ports: Ports | None = None, firmwares: Any = KINDS, **more: bool) -> list[str]:
    options = {"own_addresses": True, "may_bind_low": True, **more}
    return [str(end) for end in plan_endpoints(firmwares, host, ports or Ports(), **options)]


def test_each_has_its_own_address_and_the_port_of_its_kind() -> None:
    assert planned() == ["127.0.0.2:4028", "127.0.0.3:80", "127.0.0.4:4028", "127.0.0.5:80"]


def test_without_the_right_to_port_80_it_is_8080_unless_told() -> None:
    assert planned(may_bind_low=False)[1] == "127.0.0.3:8080"
    assert planned(may_bind_low=False, ports=Ports(rpc=5000, http=81)) == [
        *("127.0.0.2:5000", "127.0.0.3:81", "127.0.0.4:5000", "127.0.0.5:81"),
    ]


def test_a_thousand_addresses_end_neither_with_0_nor_with_255() -> None:
    hosts = [end.rsplit(":")[0] for end in planned(firmwares=[Firmware.BTMINER] * 1000)]
    assert (hosts[252], hosts[253], hosts[999]) == ("127.0.0.254", "127.0.1.1", "127.0.3.239")
    assert len(set(hosts)) == 1000
    assert not [host for host in hosts if host.endswith((".0", ".255"))]


def test_elsewhere_one_address_has_many_ports() -> None:
    assert planned("127.0.0.1", own_addresses=False) == [f"127.0.0.1:{port}" for port in (4028, 8080, 4029, 8081)]
    assert planned("::1", own_addresses=False, ports=Ports(rpc=10, http=20))[1] == "[::1]:20"


def test_which_hosts_have_addresses_to_give_away() -> None:
    assert has_own_addresses("127.0.0.2", "linux")
    assert not has_own_addresses("127.0.0.1", "darwin")
    assert not has_own_addresses("0.0.0.0", "linux")
    assert not has_own_addresses("::1", "linux")
    assert (is_loopback("127.3.4.5"), is_loopback("::1"), is_loopback("0.0.0.0")) == (True, True, False)


def test_what_runs_out_or_is_no_address_is_a_sentence() -> None:
    with pytest.raises(FleetPortError, match=r"4 addresses from 127.255.255.253 on leave 127.0.0.0/8"):
        planned("127.255.255.253")
    with pytest.raises(FleetPortError, match="pass 65535"):
        planned(own_addresses=False, ports=Ports(rpc=65_535))
    with pytest.raises(FleetPortError, match="they meet or pass"):
        planned(own_addresses=False, ports=Ports(rpc=8079, http=8080))
    with pytest.raises(FleetPortError, match="'localhost' is no address"):
        has_own_addresses("localhost")
    for host in ("224.0.0.1", "ff02::1", "255.255.255.255"):
        with pytest.raises(FleetPortError, match=r"is an address of many; want one of this machine, such as 127\.0\.0\.2"):
            has_own_addresses(host, "linux")
    assert str(Endpoint("127.0.0.1", 5)) == "127.0.0.1:5"
