"""A fleet on real sockets: every machine answers, and no client can keep it from that."""

from __future__ import annotations

import json
import os
import socket
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from hw.fleet.conversation import MOST_OF_ONE_MACHINE, MOST_THROWN_BYTES, PAUSE_S, REQUEST_S
from hw.fleet.endpoints import Ports
from hw.fleet.errors import FleetPortError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.hw.fleet.conftest import HandClock, Serve, Served

SUMMARY = b'{"command":"summary"}'
INFO = b"GET /api/system/info HTTP/1.1\r\n\r\n"
MANY = ("rig", "count = 3\n")


@pytest.fixture
def fleet(serve: Serve) -> Served:
    return serve(MANY, "axe")


def answers(served: Served, number: int = 0) -> bool:
    return "SUMMARY" in json.loads(served.ask(SUMMARY, number)[:-1])


@pytest.fixture
def line(fleet: Served) -> Iterator[Callable[[int], socket.socket]]:
    """Return a function that opens a connection to a machine of the fleet."""
    lines: list[socket.socket] = []

    def connect(number: int = 0) -> socket.socket:
        end = fleet.ends[number]
        lines.append(socket.create_connection((end.host, end.port), timeout=2 * REQUEST_S))
        return lines[-1]

    yield connect
    for one in lines:
        one.close()


def end_of(line: socket.socket) -> bytes:
    """Return what comes until the other end hangs up or cuts the line."""
    told = b""
    try:
        while piece := line.recv(65_536):
            told += piece
    except (ConnectionResetError, BrokenPipeError):
        pass
    return told


def is_cut_off(line: socket.socket, data: bytes, *, times: int, gap_s: float = 0.0) -> bool:
    """Send `data` again and again; tell whether the other end puts an end to it."""
    try:
        for _ in range(times):
            line.sendall(data)
            time.sleep(gap_s)
    except (ConnectionResetError, BrokenPipeError):
        return True
    return False


def test_each_machine_answers_at_its_own_address(fleet: Served) -> None:
    hosts = [end.host for end in fleet.ends]
    assert len(set(hosts)) == 4
    for number in range(3):
        told = json.loads(fleet.ask(b'{"command":"get_miner_info"}', number)[:-1])
        assert (told["Msg"]["hostname"], told["Msg"]["ip"]) == (f"rig-00{number}", hosts[number])
    assert json.loads(fleet.ask(INFO, 3).partition(b"\r\n\r\n")[2])["hostname"] == "axe-000"


@pytest.mark.parametrize("pieces", [1, 3, 21])
def test_a_request_in_pieces(fleet: Served, pieces: int) -> None:
    assert fleet.ask(SUMMARY, pieces=pieces).endswith(b'"id":1}\0')


@pytest.mark.parametrize("text", [b"summary", b"summary\n", b"summary\r\n", b"summary\0"])
def test_plain_text_needs_no_end(fleet: Served, text: bytes) -> None:
    assert fleet.ask(text).startswith(b"STATUS=S,")
    assert fleet.ask(text, hang_up=True).startswith(b"STATUS=S,")


def test_half_a_text_waits_for_the_rest(line: Callable[[int], socket.socket]) -> None:
    half = line(0)
    half.sendall(b"summ")
    time.sleep(PAUSE_S / 4)
    half.sendall(b"ary")
    assert end_of(half).startswith(b"STATUS=S,")


def test_half_a_json_that_nothing_follows_is_told_so(line: Callable[[int], socket.socket]) -> None:
    half, silent, half_http = line(0), line(0), line(3)
    half.sendall(b'{"command":"summ')
    half_http.sendall(b"GET / HTTP/1.1\r\n")
    began_s = time.monotonic()
    assert b'"Code":23' in end_of(half)
    assert end_of(silent) == b""
    assert b"400 Bad Request" in end_of(half_http)
    assert REQUEST_S * 0.9 < time.monotonic() - began_s < REQUEST_S + 2


def test_a_drip_that_never_ends_is_cut_off(line: Callable[[int], socket.socket]) -> None:
    drip = line(0)
    began_s = time.monotonic()
    assert is_cut_off(drip, b"{", times=60 * int(REQUEST_S), gap_s=0.05)
    assert time.monotonic() - began_s < REQUEST_S + 2


def test_a_flood_is_cut_off_and_costs_no_memory(fleet: Served, line: Callable[[int], socket.socket]) -> None:
    process = psutil.Process(os.getpid())
    answers(fleet)
    before = process.memory_info().rss
    block = os.urandom(1 << 20)
    for number in range(8):
        assert is_cut_off(line(number % 4), block, times=64)
    assert process.memory_info().rss - before < 16 << 20
    assert answers(fleet)


def test_more_connections_than_one_machine_takes_are_refused(fleet: Served, line: Callable[[int], socket.socket]) -> None:
    held = [line(0) for _ in range(MOST_OF_ONE_MACHINE + 20)]
    deadline_s = time.monotonic() + 5
    while fleet.server.snapshot().refused < 20 and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert (fleet.server.snapshot().refused, fleet.server.snapshot().connections) == (20, MOST_OF_ONE_MACHINE)
    assert answers(fleet, 1)
    for one in held:
        one.close()
    deadline_s = time.monotonic() + 5
    while fleet.server.snapshot().connections and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert answers(fleet, 0)


def test_who_does_not_read_the_answer_holds_nobody_up(fleet: Served, line: Callable[[int], socket.socket]) -> None:
    for _ in range(MOST_OF_ONE_MACHINE // 2):
        deaf = line(0)
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        deaf.sendall(b'{"command":"devs+edevs+summary+status+devdetails"}')
    assert answers(fleet)


def test_bytes_after_the_request_are_thrown_away(fleet: Served) -> None:
    assert fleet.ask(SUMMARY + b"x" * (MOST_THROWN_BYTES // 2)).endswith(b'"id":1}\0')


def test_a_defect_in_an_answer_cuts_one_line_and_no_more(
    fleet: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fleet.machines[0], "snapshot", lambda: 1 / 0, raising=False)
    assert fleet.ask(SUMMARY, 0) == b""
    assert answers(fleet, 1)
    assert "could not be answered" in caplog.text


def test_a_machine_without_power_hangs_up(serve: Serve, hand: HandClock) -> None:
    fleet = serve(("rig", '[[groups.faults]]\nname = "supply trip"\nat_s = 5.0\n'))
    assert answers(fleet)
    hand.now_s = 10.0
    assert fleet.ask(SUMMARY) == b""


def test_machines_keep_up_without_being_asked(fleet: Served, hand: HandClock) -> None:
    hand.now_s = 3600.0
    time.sleep(2.5)
    assert json.loads(fleet.ask(SUMMARY)[:-1])["SUMMARY"][0]["Elapsed"] == 3600


def test_orders_go_through_only_where_allowed(fleet: Served, serve: Serve) -> None:
    obeying = serve("rig", "axe", allow_control=True)
    pause = b"POST /api/system/pause HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
    assert b'"Code":45' in fleet.ask(b'{"cmd":"power_off"}')
    assert b"403 Forbidden" in fleet.ask(pause, 3)
    assert b"API command OK" in obeying.ask(b'{"cmd":"power_off"}')
    assert b"200 OK" in obeying.ask(pause, 1)
    assert [machine.curtailed_unix_s is not None for machine in (*fleet.machines, *obeying.machines)] == [False] * 4 + [
        True
    ] * 2


def test_a_port_that_is_taken_is_a_sentence_and_nothing_stays_open(serve: Serve) -> None:
    first = serve(MANY)
    with pytest.raises(FleetPortError, match=rf"^{first.ends[1].host}:4028 is taken; stop what listens there"):
        serve(MANY, host=first.ends[1].host)
    before = first.ends[0].host.removesuffix(".2") + ".1"
    with pytest.raises(FleetPortError, match=rf"^{first.ends[0].host}:4028 is taken"):
        serve(MANY, host=before)
    assert answers(first)
    with socket.create_server((before, 4028)):
        pass


def test_one_address_and_many_ports(serve: Serve) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    fleet = serve(MANY, "axe", host="::1", ports=Ports(rpc=47_028, http=47_080))
    assert [end.port for end in fleet.ends] == [47_028, 47_029, 47_030, 47_080]
    assert answers(fleet, 2)
    assert b"axe-000" in fleet.ask(INFO, 3)


def test_an_address_of_somebody_else_is_a_sentence(serve: Serve) -> None:
    with pytest.raises(FleetPortError, match=r"192.0.2.1:4028: cannot listen there \(.*\); want an address of this machine"):
        serve("rig", host="192.0.2.1")
