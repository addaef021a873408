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


def test_a_limit_above_the_nameplate_is_refused_in_a_sentence(rig: FleetMachine) -> None:
    told = ask(rig, "adjust_power_limit", power_limit="1000000000")["STATUS"][0]
    assert (told["STATUS"], told["Code"]) == ("E", 132)
    assert told["Msg"] == "a power limit of 1000000000 W; want at most 3400 W, what this machine draws by its nameplate"
    told = ask(rig, "adjust_power_limit", power_limit="900")["STATUS"][0]
    assert told["Msg"].startswith("a power limit of 900 W; want 1")
    assert ask(rig, "summary")["SUMMARY"][0]["Power Limit"] == 3400


def test_joules_a_terahash_are_those_of_the_moment(build: Build, hand: HandClock) -> None:
    """Two boards of three: fans and control board go on. A hung or sleeping machine believes in no hash, so it tells 0."""
    fault = '[[groups.faults]]\nname = "{}"\nat_s = 5.0\n'
    lame, hung, asleep = (build(("rig", more))[0] for more in (fault.format("dead board"), fault.format("hang"), ""))
    asleep.pause()
    for hand.now_s in (10.0, 65.0, 600.0):
        lame_now, hung_now, asleep_now = (ask(one, "summary")["SUMMARY"][0] for one in (lame, hung, asleep))
        assert lame_now["Power Rate"] == pytest.approx(lame_now["Power"] / (100 * 2 / 3), rel=1e-3)
        assert (hung_now["Power Rate"], asleep_now["Power Rate"]) == (0, 0)
        assert hung_now["Power"] > 150


def test_while_its_controller_hangs_it_takes_no_order_but_a_restart(build: Build, hand: HandClock) -> None:
    machine = build(("rig", '[[groups.faults]]\nname = "hang"\nat_s = 5.0\n'))[0]
    hand.now_s = 600.0
    before_w = ask(machine, "summary")["SUMMARY"][0]["Power"]
    for command in ("power_off", "power_on", "set_low_power", "set_normal_power", "adjust_power_limit"):
        told = ask(machine, command, power_limit="3000")["STATUS"][0]
        assert (told["STATUS"], told["Code"]) == ("E", 132)
        assert told["Msg"] == "its controller hangs and carries out no order; want a restart, or its power off and on"
    hand.now_s = 620.0
    assert ask(machine, "status")["Msg"]["mineroff"] == "false"
    assert ask(machine, "summary")["SUMMARY"][0]["Power"] == before_w
    assert ask(machine, "reboot")["Code"] == 131
    for hand.now_s in (1200.0, 1300.0):
        machine.advance()
    assert ask(machine, "summary")["SUMMARY"][0]["MHS 5s"] == pytest.approx(100e6, rel=1e-3)


def test_a_boot_shows_what_runs(rig: FleetMachine, hand: HandClock) -> None:
    ask(rig, "reboot")
    hand.now_s += 60.0
    summary = ask(rig, "summary")["SUMMARY"][0]
    assert [summary[key] for key in ("Power", "Power Rate", "Fan Speed In", "Fan Speed Out")] == [25, 0, 0, 0]
    ask(rig, "power_off")
    ask(rig, "power_on")
    hand.now_s += 60.0
    assert ask(rig, "summary")["SUMMARY"][0]["HS RT"] == 0, "the order did not end the boot"


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
