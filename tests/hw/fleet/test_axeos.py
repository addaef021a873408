"""A Bitaxe over HTTP: what it tells, what it leaves out, the orders it takes, and requests that are none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.fleet.axeos import AxeOs
from hw.fleet.http_wire import MOST_HEAD_BYTES, HttpExchange, Request, Response, told

if TYPE_CHECKING:
    from hw.fleet.machine import FleetMachine
    from tests.hw.fleet.conftest import Build, HandClock

ALWAYS = (  # what PROTOCOLS names, less what a device leaves out while it has no work or no fault
    *("power", "voltage", "current", "temp", "temp2", "vrTemp", "hashRate", "hashRate_1m", "hashRate_10m", "hashRate_1h"),
    *("expectedHashrate", "errorPercentage", "bestDiff", "bestSessionDiff", "coreVoltage", "coreVoltageActual", "frequency"),
    *("actualFrequency", "maxPower", "nominalVoltage", "fanspeed", "fanrpm", "fan2rpm", "autofanspeed", "manualFanSpeed"),
    *("minFanSpeed", "temptarget", "overheat_mode", "overclockEnabled", "miningPaused", "sharesAccepted", "sharesRejected"),
    *("sharesPending", "sharesRejectedReasons", "poolDifficulty", "uptimeSeconds", "smallCoreCount", "ASICModel", "hostname"),
    *("macAddr", "freeHeap", "version", "axeOSVersion", "boardVersion", "stratumURL", "stratumPort", "stratumUser"),
    *("fallbackStratumURL", "fallbackStratumPort", "fallbackStratumUser", "isUsingFallbackStratum", "hashrateMonitor"),
)
LEFT_OUT = ("blockHeight", "networkDifficulty", "power_fault", "hardware_fault", "wifiRSSI")
UNKNOWN = ("temp2", "temptarget", "freeHeap")


@pytest.fixture
def axe(build: Build, hand: HandClock) -> FleetMachine:
    machine = build("axe")[0]
    hand.now_s = 10.0
    return machine


def ask(machine: FleetMachine, method: str, path: str, body: bytes = b"", **more: Any) -> tuple[int, Any]:
    """Return the status and the JSON of the response."""
    os = AxeOs(machine, allow_control=more.pop("allow_control", True))
    headers = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "device", **more}.items())
    request = f"{method} {path} HTTP/1.1\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body
    response = HttpExchange(os.handle).feed(request)
    assert response is not None
    head, _, content = response.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(content)}".encode() in head
    assert b"Connection: close" in head
    return int(head.split()[1]), json.loads(content)


def info(machine: FleetMachine) -> dict[str, Any]:
    status, content = ask(machine, "GET", "/api/system/info?ts=1")
    assert status == 200
    assert isinstance(content, dict)
    return content


def test_every_key_is_there_and_what_is_not_known_is_null_or_left_out(axe: FleetMachine) -> None:
    content = info(axe)
    assert set(ALWAYS) <= content.keys()
    assert not set(LEFT_OUT) & content.keys()
    assert {key for key, value in content.items() if value is None} == set(UNKNOWN)


def test_figures_of_a_machine_in_order(axe: FleetMachine) -> None:
    content = info(axe)
    assert (content["power"], content["voltage"], content["current"]) == (19.0, 5000, 3800.0)
    assert content["hashRate"] == content["hashRate_1h"] == content["expectedHashrate"] == 1071.0
    assert (content["temp"], content["fanrpm"], content["fanspeed"], content["uptimeSeconds"]) == (58.0, 5400, 87, 10)
    assert content["vrTemp"] == pytest.approx(50 + 19 * 22 / 17.1, abs=0.1)
    assert (content["coreVoltage"], content["coreVoltageActual"], content["frequency"]) == (1150, 1150, 525)
    assert (content["ASICModel"], content["asicCount"], content["smallCoreCount"]) == ("BM1370", 1, 2040)
    assert (content["errorPercentage"], content["boardVersion"]) == (1.0, "601")
    assert content["hashrateMonitor"]["asics"] == [{"total": 1071.0, "errorCount": round(1071e10 / 99 / 2**32), "domains": []}]
    for key in ("bestDiff", "sharesAccepted", "sharesRejected", "sharesPending", "poolDifficulty", "stratumPort"):
        assert content[key] == 0
    assert (content["stratumURL"], content["sharesRejectedReasons"]) == ("", [])


def test_options_of_the_chip(axe: FleetMachine) -> None:
    status, content = ask(axe, "GET", "/api/system/asic")
    assert status == 200
    assert content == {
        "ASICModel": "BM1370",
        "deviceModel": "Gamma",
        "swarmColor": "green",
        "asicCount": 1,
        "defaultFrequency": 525,
        "frequencyOptions": [400, 490, 525, 550, 600, 625],
        "defaultVoltage": 1150,
        "voltageOptions": [1000, 1060, 1100, 1150, 1200, 1250],
    }


def test_the_page_says_what_it_is(axe: FleetMachine) -> None:
    page = AxeOs(axe, allow_control=False).handle(Request("GET", "/", {}, b""))
    assert (page.status, page.kind) == (200, "text/html; charset=utf-8")
    assert b"AxeOS" in page.body
    assert b"imulated" in page.body


def test_pause_and_resume(axe: FleetMachine, hand: HandClock) -> None:
    assert ask(axe, "POST", "/api/system/pause")[0] == 200
    hand.now_s = 20.0
    content = info(axe)
    assert content["miningPaused"] is True
    assert (content["actualFrequency"], content["coreVoltageActual"], content["power"]) == (0, 0, 0.0)
    assert content["hashRate"] < 0.3 * 1071
    assert ask(axe, "POST", "/api/system/resume")[0] == 200
    hand.now_s = 60.0
    assert (info(axe)["miningPaused"], info(axe)["actualFrequency"]) == (False, 525)
    assert ask(axe, "POST", "/api/system/restart")[0] == 200
    assert info(axe)["uptimeSeconds"] == 0


def test_a_restart_begins_with_the_controller_and_its_fan(axe: FleetMachine, hand: HandClock) -> None:
    assert ask(axe, "POST", "/api/system/restart")[0] == 200
    content = info(axe)
    assert (content["power"], content["fanrpm"]) == (2.5, 5400)
    assert (content["actualFrequency"], content["coreVoltageActual"], content["errorPercentage"]) == (0, 0, 0)
    assert (content["frequency"], content["coreVoltage"]) == (525, 1150), "what is set"
    hand.now_s += 5.75
    content = info(axe)
    assert content["actualFrequency"] == pytest.approx((56.25 + 525) / 2, abs=0.1)
    assert content["coreVoltageActual"] == 1150
    assert 5 < content["power"] < 15


def test_while_its_controller_hangs_it_takes_no_order_but_a_restart(build: Build, hand: HandClock) -> None:
    machine = build(("axe", '[[groups.faults]]\nname = "hang"\nat_s = 5.0\n'))[0]
    hand.now_s = 100.0
    before_w = info(machine)["power"]
    for method, path, body in (("POST", "/pause", b""), ("POST", "/resume", b""), ("PATCH", "", b'{"frequency": 490}')):
        status, content = ask(machine, method, f"/api/system{path}", body)
        assert (status, content["error"]) == (
            503,
            "its controller hangs and carries out no order; want a restart, or its power off and on",
        )
    hand.now_s = 110.0
    content = info(machine)
    assert (content["miningPaused"], content["frequency"]) == (False, 525)
    assert content["power"] == pytest.approx(before_w, rel=1e-2)
    assert before_w > 0
    assert ask(machine, "POST", "/api/system/restart")[0] == 200
    for hand.now_s in (200.0, 300.0):
        machine.advance()
    assert info(machine)["hashRate"] == pytest.approx(1071, rel=1e-3)


def test_clock_and_voltage(axe: FleetMachine, hand: HandClock) -> None:
    assert ask(axe, "PATCH", "/api/system", b'{"frequency": 600}')[0] == 200
    content = info(axe)
    assert (content["frequency"], content["coreVoltage"], content["overclockEnabled"]) == (600, 1150, 0)
    assert content["errorPercentage"] > 2  # too fast for that voltage
    assert ask(axe, "PATCH", "/api/system", b'{"coreVoltage": 1234}')[0] == 200
    hand.now_s = 20.0
    content = info(axe)
    assert (content["frequency"], content["coreVoltage"], content["coreVoltageActual"]) == (600, 1234, 1234)
    assert (content["overclockEnabled"], content["expectedHashrate"]) == (1, 1224.0)
    assert content["errorPercentage"] < 1.1
    assert ask(axe, "PATCH", "/api/system", b'{"coreVoltage": 1200.9}')[0] == 200
    assert info(axe)["coreVoltage"] == 1200, "ESP-Miner keeps whole millivolts, and cuts the rest"
    ask(axe, "POST", "/api/system/restart")
    assert info(axe)["frequency"] == 600  # it outlives a restart


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"frequency": 5000}', "frequency is 5000; want a number from 200 to 781.25 (MHz)"),
        (b'{"frequency": NaN}', "the body is no JSON"),
        (b'{"frequency": -Infinity}', "the body is no JSON"),
        (b'{"frequency": -1}', "frequency is -1; want a number from 200"),
        (b'{"frequency": [525]}', "frequency is a list; want a number from 200"),
        (b'{"frequency": {"MHz": 525}}', "frequency is an object; want a number from 200"),
        (b'{"frequency": 1' + b"0" * 4000 + b"}", "0000...; want a number from 200"),
        (b'{"frequency": 1e999}', "frequency is no finite number; want a number from 200"),
        (b'{"frequency": true}', "frequency is true; want a number from 200 to 781.25 (MHz)"),
        (b'{"frequency": "525"}', 'frequency is the text "525"; want a number from 200 to 781.25 (MHz)'),
        (b'{"coreVoltage": null}', "coreVoltage is null; want a number from 500"),
        (b'{"frequency": 490, "coreVoltage": 1}', "coreVoltage is 1; want a number from 500 to 1562.5 (mV)"),
        (b'{"hostname": "x"}', "hostname: not simulated; want frequency (MHz) or coreVoltage (mV)"),
        (b"{}", "want an object with frequency"),
        (b"[1]", "want an object with frequency"),
        (b"", "the body is no JSON"),
        (b"\xff", "the body is no JSON"),
        (b"[" * 4000, "the body is no JSON"),
        (b"1" * 4096, "want an object with frequency"),
    ],
)
def test_settings_that_cannot_be_change_nothing(axe: FleetMachine, body: bytes, sentence: str) -> None:
    status, content = ask(axe, "PATCH", "/api/system", body)
    assert status == 400
    assert sentence in content["error"]
    assert (info(axe)["frequency"], info(axe)["coreVoltage"]) == (525, 1150)


def test_orders_are_refused_unless_allowed(axe: FleetMachine) -> None:
    for method, path in (("POST", "/api/system/pause"), ("POST", "/api/system/restart"), ("PATCH", "/api/system")):
        status, content = ask(axe, method, path, b'{"frequency": 400}', allow_control=False)
        assert (status, content["error"]) == (403, "this fleet takes no orders; serve it with --allow-control")
    assert (info(axe)["miningPaused"], info(axe)["frequency"]) == (False, 525)


def test_a_page_of_another_site_cannot_give_orders(axe: FleetMachine) -> None:
    assert ask(axe, "POST", "/api/system/pause", Origin="http://elsewhere.example")[0] == 403
    assert ask(axe, "POST", "/api/system/pause", Origin="null")[0] == 403
    assert info(axe)["miningPaused"] is False
    assert ask(axe, "POST", "/api/system/pause", Origin="http://device")[0] == 200


def test_wrong_paths_and_methods(axe: FleetMachine) -> None:
    assert ask(axe, "GET", "/api/system/logs")[0] == 404
    assert ask(axe, "GET", "/../etc/passwd")[0] == 404
    assert ask(axe, "GET", "/api/system/pause")[0] == 405
    assert ask(axe, "DELETE", "/api/system")[0] == 405


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"\x16\x03\x01\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nnocolon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", 400),
        (b"PATCH /api/system HTTP/1.1\r\nContent-Length: 4097\r\n\r\n", 413),
        (b"PATCH /api/system HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * MOST_HEAD_BYTES, 431),
    ],
)
def test_what_is_no_request_is_told_so(request_: bytes, status: int) -> None:
    response = HttpExchange(lambda request: told(200, {})).feed(request_)
    assert response is not None
    assert int(response.split()[1]) == status


@given(st.integers(1, 30), st.binary(max_size=100))
def test_a_request_survives_any_pieces(size: int, body: bytes) -> None:
    seen: list[Request] = []

    def handle(request: Request) -> Response:
        seen.append(request)
        return told(200, {})

    request = b"PATCH /api/system?x=1 HTTP/1.1\r\nHost: a\r\ncontent-LENGTH: %d\r\n\r\n" % len(body) + body
    exchange = HttpExchange(handle)
    pieces = [request[start : start + size] for start in range(0, len(request), size)]
    replies = [exchange.feed(piece) for piece in pieces]
    assert replies[:-1] == [None] * (len(pieces) - 1)
    assert replies[-1] is not None
    assert (seen[0].path, seen[0].body, seen[0].headers["host"]) == ("/api/system", body, "a")


@given(st.binary(max_size=300))
def test_any_bytes_give_one_response_or_none(data: bytes) -> None:
    exchange = HttpExchange(lambda request: told(200, {}))
    reply = exchange.feed(data) or exchange.end()
    assert (reply is None) == (not data)


def test_a_dead_chip_of_several_says_nothing(build: Build, hand: HandClock) -> None:
    fault = '[[groups.faults]]\nname = "dead chip"\nat_s = 1.0\nunit = 4\n'
    machine = build(("hex", fault))[0]
    hand.now_s = 120.0
    content = info(machine)
    assert [round(asic["total"]) for asic in content["hashrateMonitor"]["asics"]] == [434] * 4 + [0] * 2
    assert content["hashRate"] == pytest.approx(2601.5 * 4 / 6, rel=1e-3)
    assert (content["nominalVoltage"], content["boardVersion"]) == (12, "303")
