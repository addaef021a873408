"""What a Bitaxe says over HTTP: the keys of AxeOS, filled with what the simulation knows.

A simulated machine mines at no pool: shares, difficulties and pools are 0 or empty, and block height and network difficulty are
left out, as a real device leaves them out until it has work. What the simulation does not know is null where a real device
always tells it (`temp2`, `temptarget`, `freeHeap`), and left out where it may (`wifiRSSI`). Fans do not follow a temperature
there, so `autofanspeed` is 0. Key names: bitaxeorg/ESP-Miner main/http_server/{system_api_json.c,openapi.yaml}, read 2026-11.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from html import escape
from math import isfinite
from typing import Final, NoReturn
from urllib.parse import urlsplit

from hw.fleet.bitaxe import BOARDS, REGULATOR_C_PER_W, axe_chip
from hw.fleet.errors import ControllerHangsError, OrderRefusedError
from hw.fleet.http_wire import Request, Response, problem, told
from hw.fleet.machine import FleetMachine, Snapshot
from hw.running_machine import MachineState

HPS_PER_GHS: Final = 1e9  # exact, SI prefix
MV_PER_V: Final = 1000  # exact, SI prefix
HASHES_A_COUNT: Final = 2**32  # of the chips' counters of hashes
LOWEST_PART, HIGHEST_PART = 0.5, 1.25  # of the lowest and the highest option: what a PATCH may set
VERSION: Final = "simulated by hashwatt"
MOST_SHOWN: Final = 40  # letters of a setting that is refused
SETTINGS: Final = {"frequency": "MHz", "coreVoltage": "mV"}


class AxeOs:
    """The web server of one Bitaxe."""

    def __init__(self, machine: FleetMachine, *, allow_control: bool) -> None:
        self._machine = machine
        self._allow_control = allow_control
        self._board = BOARDS[machine.identity.entry.machine.model]
        self._chip = axe_chip(machine.identity.entry)
        self._routes: Mapping[str, tuple[str, Callable[[Request], Response]]] = {
            "/": ("GET", self._page),
            "/api/system/info": ("GET", lambda _: told(200, self.info(machine.snapshot()))),
            "/api/system/asic": ("GET", lambda _: told(200, self.asic())),
            "/api/system/pause": ("POST", lambda _: self._order(machine.pause, "mining pauses")),
            "/api/system/resume": ("POST", lambda _: self._order(machine.resume, "mining resumes")),
            "/api/system/restart": ("POST", lambda _: self._order(machine.restart, "the system restarts")),
            "/api/system": ("PATCH", self._settings),
        }

    def handle(self, request: Request) -> Response:
        """Answer a request, or carry out an order where control is allowed."""
        if request.path not in self._routes:
            return problem(404, "no such page; want one of " + ", ".join(self._routes))
        method, answer = self._routes[request.path]
        if request.method != method:
            return problem(405, f"want {method}", allow=method)
        if method != "GET":
            if not self._allow_control:
                return problem(403, "this fleet takes no orders; serve it with --allow-control")
            if _is_foreign(request):
                return problem(403, "orders from pages of other sites are not taken")
        try:
            return answer(request)
        except ControllerHangsError as error:
            return problem(503, str(error))

    def info(self, now: Snapshot) -> dict[str, object]:
        """Return what `/api/system/info` tells."""
        return {**self._power(now), **self._hashing(now), **self._pool(), **self._system(now)}

    def asic(self) -> dict[str, object]:
        """Return what `/api/system/asic` tells."""
        return {
            "ASICModel": self._asic_model(),
            "deviceModel": self._board.family,
            "swarmColor": self._board.colour,
            "asicCount": self._machine.design.build.chips,
            "defaultFrequency": round(self._machine.design.build.frequency_mhz),
            "frequencyOptions": list(self._chip.clocks_mhz),
            "defaultVoltage": self._chip.default_mv,
            "voltageOptions": list(self._chip.voltages_mv),
        }

    def _power(self, now: Snapshot) -> dict[str, object]:
        build, reading = self._machine.design.build, now.reading
        supply = build.supply
        board_w = supply.output_w(max(reading.wall_power_w, supply.standby_w))
        fans = build.fans
        percent = round(100 * max(reading.fan_rpm, default=0.0) / fans.rated_rpm)
        return {
            "power": round(board_w, 3),
            "voltage": self._board.input_v * MV_PER_V,
            "current": round(board_w / self._board.input_v * 1000, 1),
            "temp": round(reading.chip_c, 2),
            "temp2": None,
            "vrTemp": round(reading.sink_c + REGULATOR_C_PER_W.value * board_w / build.chips, 1)
            if self._board.senses_regulator
            else 0,
            "maxPower": self._board.most_w,
            "nominalVoltage": self._board.input_v,
            "coreVoltage": self._core_mv(),
            "coreVoltageActual": round(reading.voltage_v * MV_PER_V),
            "frequency": round(self._machine.setting.frequency_mhz, 2),
            "actualFrequency": round(reading.frequency_mhz, 2),
            "fanspeed": percent,
            "fanrpm": round(reading.fan_rpm[0]) if reading.fan_rpm else 0,
            "fan2rpm": round(reading.fan_rpm[1]) if len(reading.fan_rpm) > 1 else 0,
            "autofanspeed": 0,
            "manualFanSpeed": round(100 * build.fan_speed),
            "minFanSpeed": round(100 * fans.minimum_speed),
            "temptarget": None,
            "overheat_mode": int(reading.state is MachineState.OVERHEATED),
            "overclockEnabled": int(self._is_off_the_list()),
        }

    def _hashing(self, now: Snapshot) -> dict[str, object]:
        chips = self._machine.design.build.chips
        expected_hps = self._machine.setting.frequency_mhz * 1e6 * self._chip.small_cores * chips
        answering = sum(board.answering for board in now.boards if board.powered)
        each_ghs = now.average_hps[5] / max(answering, 1) / HPS_PER_GHS
        errors = round(now.wrong_hashes / HASHES_A_COUNT / max(answering, 1))
        asics = [
            {"total": round(each_ghs, 3), "errorCount": errors, "domains": []} if number < answering else _silent_chip()
            for number in range(chips)
        ]
        return {
            "hashRate": round(now.average_hps[5] / HPS_PER_GHS, 4),
            "hashRate_1m": round(now.average_hps[60] / HPS_PER_GHS, 4),
            "hashRate_10m": round(now.average_hps[600] / HPS_PER_GHS, 4),
            "hashRate_1h": round(now.average_hps[3600] / HPS_PER_GHS, 4),
            "expectedHashrate": round(expected_hps / HPS_PER_GHS, 3),
            "errorPercentage": round(100 * now.reading.error_rate, 4),
            "miningPaused": self._machine.curtailed_unix_s is not None,
            "smallCoreCount": self._chip.small_cores,
            "ASICModel": self._asic_model(),
            "asicCount": chips,
            "hashrateMonitor": {"asics": asics},
        }

    def _pool(self) -> dict[str, object]:
        none: dict[str, object] = {"stratumURL": "", "stratumPort": 0, "stratumUser": ""}
        return {
            "bestDiff": 0,
            "bestSessionDiff": 0,
            "sharesAccepted": 0,
            "sharesRejected": 0,
            "sharesPending": 0,
            "sharesRejectedReasons": [],
            "poolDifficulty": 0,
            **none,
            **{f"fallbackS{key[1:]}": value for key, value in none.items()},
            "isUsingFallbackStratum": 0,
        }

    def _system(self, now: Snapshot) -> dict[str, object]:
        identity = self._machine.identity
        return {
            "uptimeSeconds": int(now.elapsed_s),
            "hostname": identity.name,
            "macAddr": identity.mac,
            "version": VERSION,
            "axeOSVersion": VERSION,
            "boardVersion": self._board.version,
            "freeHeap": None,
        }

    def _page(self, _: Request) -> Response:
        identity = self._machine.identity
        title = escape(f"{identity.name}: {identity.entry.name}")
        text = (
            f"<!doctype html><html lang=en><head><meta charset=utf-8><title>AxeOS, simulated</title></head>"
            f"<body><h1>{title}</h1><p>Simulated; it answers as AxeOS does: <a href=/api/system/info>/api/system/info</a>, "
            "<a href=/api/system/asic>/api/system/asic</a></p></body></html>"
        )
        return Response(200, text.encode(), "text/html; charset=utf-8")

    def _order(self, order: Callable[[], None], sentence: str) -> Response:
        order()
        return told(200, {"message": sentence})

    def _settings(self, request: Request) -> Response:
        try:
            given = json.loads(request.body, parse_constant=_no_json)
        except (ValueError, RecursionError):
            return problem(400, 'the body is no JSON; want such as {"frequency": 490}')
        if not isinstance(given, dict) or not given or given.keys() - SETTINGS.keys():
            unknown = ", ".join(sorted(map(str, given.keys() - SETTINGS.keys()))) if isinstance(given, dict) else ""
            what = f"{unknown[:60]}: not simulated; want" if unknown else "want an object with"
            return problem(400, f"{what} frequency (MHz) or coreVoltage (mV)")
        options = {"frequency": self._chip.clocks_mhz, "coreVoltage": self._chip.voltages_mv}
        for key, value in given.items():
            low, high = LOWEST_PART * options[key][0], HIGHEST_PART * options[key][-1]
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not low <= value <= high:
                return problem(400, f"{key} is {_as_sent(value)}; want a number from {low:g} to {high:g} ({SETTINGS[key]})")
        try:
            # Whole millivolts, as on a real device; where none are given it stays as it was set, whatever the clock.
            mv = int(given.get("coreVoltage", self._core_mv()))
            self._machine.set_clock(given.get("frequency"), mv / MV_PER_V)
        except ControllerHangsError:
            raise
        except OrderRefusedError as error:
            return problem(400, str(error))
        return told(200, {"message": "set"})

    def _asic_model(self) -> str:
        layout = self._machine.identity.entry.layout
        return (layout.chip if layout is not None else None) or ""

    def _core_mv(self) -> int:
        setting = self._machine.setting
        if setting.voltage_v is None:
            return round(self._machine.design.build.curve.voltage(setting.frequency_mhz).voltage_v * MV_PER_V)
        return round(setting.voltage_v * MV_PER_V)

    def _is_off_the_list(self) -> bool:
        return self._machine.setting.frequency_mhz not in self._chip.clocks_mhz or self._core_mv() not in self._chip.voltages_mv


def _no_json(word: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON, like the parser of a real device, does not know."""
    raise ValueError(f"{word} is no JSON")


def _as_sent(value: object) -> str:
    """Return a setting as it came, or what it was: a table, a list, a number beyond all numbers."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, float) and not isfinite(value):
        return "no finite number"
    text = json.dumps(value)
    kind = "the text " if isinstance(value, str) else ""
    return kind + (text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}...")


def _silent_chip() -> dict[str, object]:
    return {"total": 0, "errorCount": 0, "domains": []}


def _is_foreign(request: Request) -> bool:
    """Tell whether a browser sends this on behalf of a page that is not the device's own."""
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")
