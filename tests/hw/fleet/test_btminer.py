"""A Whatsminer's answers: power, temperatures and state beside the keys of cgminer, and orders as plain JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hw.fleet.btminer_tables import BtminerTables
from hw.fleet.cgminer_rpc import RpcExchange

if TYPE_CHECKING:
    from hw.fleet.machine import FleetMachine
    from tests.hw.fleet.conftest import Build, HandClock

FAULTS = "".join(
    f'[[groups.faults]]\nname = "{name}"\nat_s = 5.0\nunit = {unit}\n' for name, unit in (("fan failure", 1), ("dead board", 2))
)


@pytest.fixture
def rig(build: Build, hand: HandClock) -> FleetMachine:
    machine = build("rig")[0]
    hand.now_s = 10.0
    return machine


def ask(machine: FleetMachine, command: str, *, allow_control: bool = True, **arguments: object) -> Any:
    exchange = RpcExchange(BtminerTables(machine, ip="127.0.0.9", allow_control=allow_control))
    reply = exchange.feed(json.dumps({"cmd": command, **arguments}).encode())
    assert reply is not None
    return json.loads(reply[:-1])


def test_the_summary_has_power_and_temperatures(rig: FleetMachine) -> None:
    summary = ask(rig, "summary")["SUMMARY"][0]
    assert (summary["Power"], summary["Power Limit"], summary["Power Mode"]) == (3400, 3400, "Normal")
    assert (summary["Fan Speed In"], summary["Fan Speed Out"], summary["Env Temp"]) == (6150, 6150, 25.0)
    assert (summary["Temperature"], summary["Chip Temp Avg"]) == (50.0, 65.0)
    assert (summary["Factory GHS"], summary["Power Rate"]) == (100_000, 34.0)
    assert summary["HS RT"] == summary["MHS 1m"] == pytest.approx(100e6)
    assert (summary["Accepted"], summary["Rejected"], ask(rig, "pools")["POOLS"]) == (0, 0, [])


def test_boards(rig: FleetMachine) -> None:
    boards = ask(rig, "edevs")["DEVS"]
    assert boards == ask(rig, "devs")["DEVS"]
    assert [(board["Slot"], board["Effective Chips"], board["Status"]) for board in boards] == [
        (slot, 156, "Alive") for slot in range(3)
    ]
    assert sum(board["MHS 1m"] for board in boards) == pytest.approx(100e6)
    assert {detail["Model"] for detail in ask(rig, "devdetails")["DEVDETAILS"]} == {"M30S+_VE40"}
    assert "Frequency" not in boards[0]


def test_who_it_is_and_what_it_does(rig: FleetMachine) -> None:
    assert b"BTMiner" in json.dumps(ask(rig, "version")).encode()
    info = ask(rig, "get_miner_info")
    assert (info["STATUS"], info["Code"], info["Msg"]["ip"], info["Msg"]["hostname"]) == ("S", 131, "127.0.0.9", "rig-000")
    assert info["Msg"]["mac"] == ask(rig, "summary")["SUMMARY"][0]["MAC"] == "02:53:49:00:00:00"
    assert "simulated" in ask(rig, "get_version")["Msg"]["fw_ver"]
    assert ask(rig, "status")["Msg"]["mineroff"] == "false"
    assert ask(rig, "get_error_code")["Msg"] == {"error_code": []}


def test_faults_show(build: Build, hand: HandClock) -> None:
    machine = build(("rig", FAULTS))[0]
    hand.now_s = 10.0
    boards = ask(machine, "devs")["DEVS"]
    assert [(board["Effective Chips"], board["Status"]) for board in boards] == [(156, "Alive"), (156, "Alive"), (0, "Dead")]
    assert ask(machine, "summary")["SUMMARY"][0]["Fan Speed Out"] == 0
    assert ask(machine, "get_error_code")["Msg"] == {"error_code": [{"532": ""}, {"111": ""}]}


def test_orders(rig: FleetMachine, hand: HandClock) -> None:
    assert ask(rig, "power_off", respbefore="true")["Msg"] == "API command OK"
    hand.now_s = 20.0
    status = ask(rig, "status")["Msg"]
    assert (status["mineroff"], status["mineroff_time"]) == ("true", "1700000010")
    summary = ask(rig, "summary")["SUMMARY"][0]
    assert (summary["Power"], summary["Hash Stable"]) == (25, False)
    ask(rig, "power_on")
    assert ask(rig, "status")["Msg"]["mineroff"] == "false"
    assert ask(rig, "adjust_power_limit", power_limit="3000")["Code"] == 131
    assert ask(rig, "summary")["SUMMARY"][0]["Power Limit"] == 3000
    ask(rig, "set_low_power")
    assert ask(rig, "summary")["SUMMARY"][0]["Power Mode"] == "Low"
    ask(rig, "set_normal_power")
    ask(rig, "reboot")
    assert ask(rig, "summary")["SUMMARY"][0]["Elapsed"] == 0


@pytest.mark.parametrize("watts", ["", "lots", "nan", "1e999", -5, 1, None, [3000], {"a": 1}])
def test_a_power_limit_that_cannot_be_is_refused(rig: FleetMachine, watts: object) -> None:
    told = ask(rig, "adjust_power_limit", power_limit=watts)["STATUS"][0]
    assert (told["STATUS"], told["Code"]) == ("E", 132)
    assert ask(rig, "summary")["SUMMARY"][0]["Power Limit"] == 3400


def test_orders_are_refused_unless_allowed(rig: FleetMachine) -> None:
    for command in ("power_off", "reboot", "adjust_power_limit", "get_token", "update_firmware"):
        told = ask(rig, command, allow_control=False, power_limit=3000)["STATUS"][0]
        assert (told["STATUS"], told["Code"]) == ("E", 45)
    assert ask(rig, "update_firmware")["STATUS"][0]["Code"] == 132
    assert ask(rig, "nope")["STATUS"][0]["Code"] == 14
    assert ask(rig, "status")["Msg"]["mineroff"] == "false"


def test_its_own_commands_join_and_speak_plain_text_too(rig: FleetMachine) -> None:
    assert ask(rig, "status+summary")["status"][0]["Msg"]["mineroff"] == "false"
    reply = RpcExchange(BtminerTables(rig, ip="127.0.0.9", allow_control=False)).feed(b"get_version\n")
    assert reply is not None
    assert reply.startswith(b"STATUS=S,When=1700000010,Code=131,Msg={")
