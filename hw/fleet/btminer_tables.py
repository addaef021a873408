"""What a Whatsminer says: the cgminer RPC with its maker's own words for power, temperatures and state.

As in `hw.fleet.cgminer_tables`, shares and pools are 0 or empty. Boards' `Temperature` is the heatsinks', `Chip Temp` the
chips'; the model has one of each, so lowest, mean and highest are alike. Clocks and voltages are left out: the design's are
borrowed from another machine. Orders come as plain JSON; the real device wants them encrypted with a token, which is not spoken
here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Final

from hw.fleet.cgminer_rpc import CODE_ACCESS_DENIED, CODE_INVALID_COMMAND, Reply, Row, Value, refused
from hw.fleet.cgminer_tables import HPS_PER_MHS, board_status, no_pools, rates
from hw.fleet.counts import BoardCount
from hw.fleet.errors import OrderRefusedError
from hw.fleet.machine import FleetMachine, Snapshot
from hw.running_machine import MachineState, Reading
from hw.units import j_per_th

HPS_PER_GHS: Final = 1e9  # exact, SI prefix
CODE_OK: Final = 131
CODE_FAILED: Final = 132
FIRMWARE_VERSION: Final = "simulated by hashwatt"
API_VERSION: Final = "2.0"
FAN_IN_ERROR, FAN_OUT_ERROR, NO_SLOT_ERROR = 110, 111, 530  # of the maker's list of error codes, as pyasic has it

_WRITES: Final = (
    "adjust_power_limit adjust_upfreq_speed download_logs disable_btminer_fast_boot disable_btminer_init disable_web_pools "
    "enable_btminer_fast_boot enable_btminer_init enable_web_pools factory_reset get_token net_config power_off power_off_cool "
    "power_on pre_power_on reboot restart_btminer set_high_power set_hostname set_led set_low_power set_normal_power "
    "set_power_pct set_target_freq set_zone update_firmware update_pools update_pwd"
)
WRITES: Final = frozenset(_WRITES.split())
"""What the real device takes only from who holds its token."""


class BtminerTables:
    """The answers of one Whatsminer at the address `ip`."""

    description = "btminer"

    def __init__(self, machine: FleetMachine, *, ip: str, allow_control: bool) -> None:
        self._machine = machine
        self._ip = ip
        self._allow_control = allow_control
        self._reads: Mapping[str, Callable[[Snapshot], Reply]] = {
            "version": self._version,
            "summary": self._summary,
            "devs": self._devs,
            "edevs": self._devs,
            "devdetails": self._devdetails,
            "pools": lambda _: no_pools(),
            "status": self._status,
            "get_version": self._get_version,
            "get_miner_info": self._get_miner_info,
            "get_error_code": self._get_error_code,
        }

    def unix_s(self) -> float:
        """Return the machine's time [s, Unix]."""
        return self._machine.unix_s()

    def answer(self, command: str, parameter: str, arguments: Mapping[str, object]) -> Reply:
        """Answer one command, or carry out an order where control is allowed."""
        if command in self._reads:
            return self._reads[command](self._machine.snapshot())
        if command not in WRITES:
            return refused(CODE_INVALID_COMMAND, "Invalid command")
        if not self._allow_control:
            return refused(CODE_ACCESS_DENIED, f"Permission denied: '{command}' changes the machine")
        return self._ordered(command, parameter, arguments)

    def _ordered(self, command: str, parameter: str, arguments: Mapping[str, object]) -> Reply:
        machine = self._machine
        orders: dict[str, Callable[[], None]] = {
            "power_off": machine.pause,
            "power_on": machine.resume,
            "restart_btminer": machine.restart,
            "reboot": machine.restart,
            "set_low_power": lambda: machine.set_low_power(on=True),
            "set_normal_power": lambda: machine.set_low_power(on=False),
            "adjust_power_limit": lambda: machine.limit_power(_watts(arguments.get("power_limit", parameter))),
        }
        if command not in orders:
            return refused(CODE_FAILED, f"'{command}' is not simulated; want one of {', '.join(orders)}")
        try:
            orders[command]()
        except OrderRefusedError as error:
            return refused(CODE_FAILED, str(error))
        return _own("API command OK")

    def _version(self, _: Snapshot) -> Reply:
        row: Row = {"BTMiner": FIRMWARE_VERSION, "API": API_VERSION}
        return Reply(code=22, message="BTMiner versions", section="VERSION", rows=[row])

    def _summary(self, now: Snapshot) -> Reply:
        machine, reading = self._machine, now.reading
        fans_in, fans_out = (round(sum(rpm) / max(len(rpm), 1)) for rpm in _fans(now))
        nameplate = machine.identity.entry.machine
        row: dict[str, Value] = {
            "Elapsed": int(now.elapsed_s),
            **rates(now),
            "HS RT": round(now.average_hps[5] / HPS_PER_MHS, 2),
            "Accepted": 0,
            "Rejected": 0,
            "Total MH": round(now.hashes / HPS_PER_MHS, 4),
            "Temperature": round(reading.sink_c, 1),
            "Fan Speed In": fans_in,
            "Fan Speed Out": fans_out,
            "Power": round(reading.wall_power_w),
            "Power Rate": _power_rate(reading),
            "Pool Rejected%": 0.0,
            "Pool Stale%": 0.0,
            "Last getwork": 0,
            "Uptime": int(now.elapsed_s),
            "Hash Stable": reading.state is MachineState.RUNNING,
            "Env Temp": round(reading.ambient_c, 1),
            "Power Mode": "Low" if machine.low_power else "Normal",
            "Power Limit": round(machine.power_limit_w or nameplate.power_w),
            "Factory GHS": round(nameplate.hashrate_hps / HPS_PER_GHS),
            **_chip_temperatures(now),
            "MAC": machine.identity.mac,
            "Firmware Version": f"'{FIRMWARE_VERSION}'",
        }
        return Reply(code=11, message="Summary", section="SUMMARY", rows=[row])

    def _devs(self, now: Snapshot) -> Reply:
        rows = [self._dev(now, slot, board) for slot, board in enumerate(now.boards)]
        return Reply(code=9, message=f"{len(rows)} ASC(s)", section="DEVS", rows=rows)

    def _dev(self, now: Snapshot, slot: int, board: BoardCount) -> Row:
        return {
            "ASC": slot,
            "Slot": slot,
            "Name": "SM",
            "ID": slot,
            "Enabled": "Y",
            "Status": board_status(now, board),
            "Temperature": round(now.reading.sink_c, 1),
            **rates(board),
            "HS RT": round(board.average_hps[5] / HPS_PER_MHS, 2),
            "Factory GHS": round(self._machine.identity.entry.machine.hashrate_hps / len(now.boards) / HPS_PER_GHS),
            "Accepted": 0,
            "Rejected": 0,
            "Last Valid Work": 0,
            "Upfreq Complete": int(now.reading.state is MachineState.RUNNING),
            "Effective Chips": board.answering if board.powered else 0,
            "PCB SN": f"{self._machine.identity.serial}B{slot}",
            **_chip_temperatures(now),
        }

    def _devdetails(self, now: Snapshot) -> Reply:
        rows: list[Row] = [
            {
                "DEVDETAILS": slot,
                "Name": "SM",
                "ID": slot,
                "Driver": "simulated",
                "Kernel": "",
                "Model": self._machine.identity.model_code,
            }
            for slot in range(len(now.boards))
        ]
        return Reply(code=69, message="Device Details", section="DEVDETAILS", rows=rows)

    def _status(self, _: Snapshot) -> Reply:
        since_s = self._machine.curtailed_unix_s
        return _own({
            "mineroff": "false" if since_s is None else "true",
            "mineroff_reason": "" if since_s is None else "ordered over the API",
            "mineroff_time": "" if since_s is None else str(int(since_s)),
            "FirmwareVersion": FIRMWARE_VERSION,
            "power_mode": "low" if self._machine.low_power else "normal",
            "power_limit_set": "" if self._machine.power_limit_w is None else f"{self._machine.power_limit_w:.0f}",
            "hash_percent": "",
        })

    def _get_version(self, _: Snapshot) -> Reply:
        return _own({"api_ver": API_VERSION, "fw_ver": FIRMWARE_VERSION, "platform": "simulated", "chip": ""})

    def _get_miner_info(self, _: Snapshot) -> Reply:
        identity = self._machine.identity
        return _own({
            "ip": self._ip,
            "hostname": identity.name,
            "mac": identity.mac,
            "ledstat": "auto",
            "minersn": identity.serial,
        })

    def _get_error_code(self, now: Snapshot) -> Reply:
        inward, outward = _fans(now)
        codes = [str(NO_SLOT_ERROR + slot) for slot, board in enumerate(now.boards) if not board.powered]
        if now.reading.state is MachineState.RUNNING:
            codes += [str(FAN_IN_ERROR)] * (0.0 in inward) + [str(FAN_OUT_ERROR)] * (0.0 in outward)
        return _own({"error_code": [{code: ""} for code in codes]})


def _fans(now: Snapshot) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the speeds [1/min] of the fans that blow in, the first half, and of those that blow out."""
    rpm = now.reading.fan_rpm
    half = (len(rpm) + 1) // 2
    return rpm[:half], rpm[half:]


def _chip_temperatures(now: Snapshot) -> dict[str, Value]:
    chip_c = round(now.reading.chip_c, 2)
    return {"Chip Temp Min": chip_c, "Chip Temp Max": chip_c, "Chip Temp Avg": chip_c}


def _power_rate(reading: Reading) -> float:
    """Return watts over the hash rate [J/TH] of the same moment as the firmware believes it; 0 while it believes in none.

    A mean hash rate would not go with the watts of now: after a change it is that of another machine.
    """
    return round(j_per_th(reading.wall_power_w, reading.reported_hps), 2) if reading.reported_hps > 0 else 0.0


def _own(message: str | Mapping[str, object]) -> Reply:
    """Return a reply in the form of the maker's own commands."""
    return Reply(code=CODE_OK, message=message, flat=True)


def _watts(given: object) -> float:
    try:
        watts = float(given) if isinstance(given, str | int | float) else float("nan")
    except (ValueError, OverflowError):
        watts = float("nan")
    if not isfinite(watts):
        raise OrderRefusedError(f"power_limit is {str(given)[:40]!r}; want watts, such as 3000")
    return watts
