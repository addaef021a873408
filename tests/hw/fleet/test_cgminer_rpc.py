"""The cgminer RPC, bytes in and bytes out: both forms, joined commands, every key, and whatever else may come."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.fleet.cgminer_rpc import MOST_REQUEST_BYTES, Reply, RpcExchange
from hw.fleet.cgminer_tables import CgminerTables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.hw.fleet.conftest import Build, HandClock

KEYS = {  # of the API, with what a machine that mines at no pool has there
    "version": {"CGMiner", "API"},
    "summary": {
        *("Elapsed", "MHS av", "Found Blocks", "Getworks", "Accepted", "Rejected", "Hardware Errors", "Utility", "Discarded"),
        *("Stale", "Get Failures", "Local Work", "Remote Failures", "Network Blocks", "Total MH", "Diff1 Work", "Work Utility"),
        *("Difficulty Accepted", "Difficulty Rejected", "Difficulty Stale", "Best Share", "Device Hardware%"),
        *("Device Rejected%", "Pool Rejected%", "Pool Stale%", "Last getwork"),
    },
    "devs": {
        *("ASC", "Name", "ID", "Enabled", "Status", "Temperature", "MHS av", "MHS 5s", "Accepted", "Rejected"),
        *("Hardware Errors", "Utility", "Last Share Pool", "Last Share Time", "Total MH", "Frequency", "Diff1 Work"),
        *("Difficulty Accepted", "Difficulty Rejected", "Last Share Difficulty", "Last Valid Work", "Device Elapsed"),
    },
    "devdetails": {"DEVDETAILS", "Name", "ID", "Driver", "Kernel", "Model", "Device Path"},
    "stats": {"STATS", "ID", "Elapsed", "Calls", "Wait", "Max", "Min"},
    "config": {"ASC Count", "PGA Count", "Pool Count", "Strategy", "Log Interval", "Device Code", "OS", "Hotplug"},
    "coin": {"Hash Method", "Current Block Time", "Current Block Hash", "LP", "Network Difficulty"},
}
CODES = {"version": 22, "summary": 11, "devs": 9, "pools": 7, "config": 33, "devdetails": 69, "coin": 78, "stats": 70}
OF_SHARES = ("Accepted", "Rejected", "Hardware Errors", "Utility", "Diff1 Work", "Difficulty Accepted", "Difficulty Rejected")


class Echo:
    """Answers with the question."""

    description = "echo"

    def answer(self, command: str, parameter: str, arguments: Mapping[str, object]) -> Reply:
        return Reply(code=1, message=f"{command}/{parameter}", section="ECHO", rows=[{"Command": command}])

    def unix_s(self) -> float:
        return 7.0


def asked(tables: Any, request: bytes) -> bytes:
    """Return the reply to a request that comes whole, and ends with silence if it must."""
    exchange = RpcExchange(tables)
    reply = exchange.feed(request)
    if reply is None:
        reply = exchange.pause()
    if reply is None:
        reply = exchange.end()
    assert reply is not None
    assert reply.endswith(b"\0")
    assert reply.count(b"\0") == 1
    return reply


@pytest.fixture
def ant(build: Build, hand: HandClock) -> CgminerTables:
    machine = build("ant")[0]
    hand.now_s = 10.0
    return CgminerTables(machine, allow_control=False)


@pytest.mark.parametrize("command", CODES)
def test_every_command_has_its_keys_and_its_code_in_both_forms(ant: CgminerTables, command: str) -> None:
    told = json.loads(asked(ant, json.dumps({"command": command}).encode())[:-1])
    section = {"config": "CONFIG", "coin": "COIN"}.get(command, command.upper())
    assert set(told) == {"STATUS", section, "id"}
    assert (told["STATUS"][0]["STATUS"], told["STATUS"][0]["Code"], told["id"]) == ("S", CODES[command], 1)
    assert told["STATUS"][0]["When"] == 1_700_000_010
    rows = told[section]
    assert len(rows) == {"pools": 0, "devs": 3, "devdetails": 3, "stats": 3}.get(command, 1)
    for row in rows:
        assert KEYS[command] <= set(row)
    text = asked(ant, command.encode() + b"\n")[:-1].decode()
    assert text.startswith(f"STATUS=S,When=1700000010,Code={CODES[command]},Msg=")
    parts = text.removesuffix("|").split("|")
    assert len(parts) == 1 + len(rows)
    for row, part in zip(rows, parts[1:], strict=True):
        first = next(iter(row))
        assert part.startswith(
            f"{first}={row[first]}," if command in {"devs", "devdetails", "stats"} else f"{section},{first}="
        )
        assert all(f"{key}=" in part for key in row)


def test_the_clock_is_the_one_that_runs(build: Build, hand: HandClock) -> None:
    """None while a machine rests for heat, or has not started its chips yet."""
    machine = build(("ant", 'ambient_c = 44.0\n[[groups.faults]]\nname = "overheating"\nat_s = 1.0\n'))[0]
    tables = CgminerTables(machine, allow_control=True)
    seen = set()
    for hand.now_s in range(0, 3600, 10):
        told = json.loads(asked(tables, b'{"command":"stats+devs"}')[:-1])
        state, clock = told["stats"][0]["STATS"][0]["State"], told["devs"][0]["DEVS"][0]["Frequency"]
        seen.add(state)
        assert (clock == 0) == (state == "overheated")
    assert seen == {"running", "overheated"}
    asked(tables, b'{"command":"restart"}')
    assert json.loads(asked(tables, b'{"command":"devs"}')[:-1])["DEVS"][0]["Frequency"] == 0


def test_hashes_are_counted_and_shares_are_not(ant: CgminerTables) -> None:
    summary = json.loads(asked(ant, b'{"command":"summary"}')[:-1])["SUMMARY"][0]
    assert summary["Elapsed"] == 10
    assert summary["MHS av"] == summary["MHS 15m"] == pytest.approx(104e6)
    assert summary["Total MH"] == pytest.approx(1040e6)
    assert [summary[key] for key in (*OF_SHARES, "Best Share", "Found Blocks", "Getworks")] == [0] * 10
    boards = json.loads(asked(ant, b'{"command":"devs"}')[:-1])["DEVS"]
    assert sum(board["Total MH"] for board in boards) == pytest.approx(1040e6)
    for board in boards:
        assert [board[key] for key in OF_SHARES] == [0] * 7
        assert (board["Status"], board["Frequency"]) == ("Alive", 545)
    assert "Power" not in str(summary)


def test_joined_commands(ant: CgminerTables) -> None:
    told = json.loads(asked(ant, b'{"command":"summary+version+nope"}')[:-1])
    assert set(told) == {"summary", "version", "nope", "id"}
    assert told["summary"][0]["SUMMARY"][0]["Elapsed"] == 10
    assert told["nope"][0]["STATUS"][0]["Code"] == 14
    text = asked(ant, b"version+pools")[:-1].decode()
    assert text.startswith("CMD=version|STATUS=S,")
    assert "|CMD=pools|STATUS=S," in text


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b'{"command":"nope"}', 14),
        (b'{"command":""}', 14),
        (b'{"command":3}', 24),
        (b'{"comand":"summary"}', 24),
        (b'{"command":"summary"', 23),
        (b"{}", 24),
        (b'{"command":"\xff"}', 23),
        (b'{"a":' + b"[" * 4000 + b"}", 23),
        (b'{"a":1' + b"0" * 5000 + b"}", 23),
        (b'{"command":"' + b"+".join(b"c%d" % n for n in range(40)) + b'"}', 14),
        (b'{"command":"+"}', 14),
        (b"{" * (MOST_REQUEST_BYTES + 1), 14),
    ],
)
def test_what_is_no_command_is_told_so(ant: CgminerTables, request_: bytes, code: int) -> None:
    status = json.loads(asked(ant, request_)[:-1])["STATUS"][0]
    assert (status["STATUS"], status["Code"]) == ("E", code)


@pytest.mark.parametrize(
    "text", [b"nope", b"\x16\x03\x01\x02\x00\x01\xfc", b"\0", b"[1]", b"x" * 9000, b"GET / HTTP/1.1\r\n\r\n"]
)
def test_text_that_is_no_command_is_told_so_as_text(ant: CgminerTables, text: bytes) -> None:
    assert asked(ant, text).startswith(b"STATUS=E,When=1700000010,Code=14,Msg=")


def test_orders_are_refused_unless_allowed(build: Build, hand: HandClock) -> None:
    machine = build("ant")[0]
    refusing, obeying = (CgminerTables(machine, allow_control=allowed) for allowed in (False, True))
    hand.now_s = 10.0
    for command in ("restart", "addpool", "quit", "privileged"):
        status = json.loads(asked(refusing, json.dumps({"command": command}).encode())[:-1])["STATUS"][0]
        assert (status["STATUS"], status["Code"]) == ("E", 45)
    assert machine.snapshot().elapsed_s == 10.0
    assert json.loads(asked(obeying, b'{"command":"privileged"}')[:-1])["STATUS"][0]["Code"] == 46
    assert b"not simulated; want restart" in asked(obeying, b'{"command":"addpool"}')
    assert json.loads(asked(obeying, b'{"command":"restart"}')[:-1]) == {"STATUS": "RESTART"}
    assert machine.snapshot().elapsed_s == 0.0
    assert asked(obeying, b"restart\n") == b"STATUS=RESTART|\0"


def test_special_letters_of_the_plain_form_are_escaped() -> None:
    assert b"Msg=a\\=b\\,c\\\\/" in asked(Echo(), b"a=b,c\\")


@given(st.binary(max_size=300), st.integers(1, 40))
def test_any_bytes_in_any_pieces_give_one_reply_or_none(data: bytes, size: int) -> None:
    exchange = RpcExchange(Echo())
    for start in range(0, len(data), size):
        if (reply := exchange.feed(data[start : start + size])) is not None:
            break
    else:
        reply = exchange.pause() or exchange.end()
    if reply is None:
        assert not data.strip()
    else:
        assert reply.endswith(b"\0")


@given(st.text(min_size=1), st.integers(1, 20))
def test_a_json_command_survives_any_pieces(command: str, size: int) -> None:
    """Braces, quotes and backslashes in texts end nothing."""
    request = json.dumps({"parameter": command, "command": "echo"}, ensure_ascii=False).encode("utf-8", "surrogatepass")
    exchange = RpcExchange(Echo())
    pieces = [request[start : start + size] for start in range(0, len(request), size)]
    replies = [exchange.feed(piece) for piece in pieces]
    assert replies[:-1] == [None] * (len(pieces) - 1)
    assert replies[-1] is not None
