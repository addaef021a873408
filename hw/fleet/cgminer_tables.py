"""What a machine under plain cgminer says: the keys of its API, filled with what the simulation knows.

A simulated machine mines at no pool and finds no nonce. So whatever counts shares, works, nonces or pools is 0 or empty, and so
is what follows from them (utility, percentages, best share). Hashes are counted, hence MHS and Total MH. The classic API has no
word for power. `stats` is free in the API: there it tells chips, fans and the rate of wrong hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from hw.fleet.cgminer_rpc import CODE_ACCESS_DENIED, CODE_INVALID_COMMAND, Reply, Row, Value, refused
from hw.fleet.counts import BoardCount
from hw.fleet.machine import FleetMachine, Snapshot
from hw.running_machine import MachineState

HPS_PER_MHS: Final = 1e6  # exact, SI prefix
API_VERSION: Final = "3.1"
DESCRIPTION: Final = "cgminer (simulated by hashwatt)"
NO_POOL: Final = -1
MHS_WINDOWS: Final = {"5s": 5, "1m": 60, "5m": 300, "15m": 900}  # s

_WRITES: Final = (
    "addpool ascdisable ascenable ascidentify ascset debug disablepool enablepool failover-only hotplug lockstats pgadisable "
    "pgaenable pgaidentify pgaset poolpriority poolquota quit removepool restart save setconfig switchpool zero"
)
WRITES: Final = frozenset(_WRITES.split())
"""What real cgminer lets only privileged hosts say."""


class CgminerTables:
    """The answers of one machine under plain cgminer."""

    description = DESCRIPTION

    def __init__(self, machine: FleetMachine, *, allow_control: bool) -> None:
        self._machine = machine
        self._allow_control = allow_control
        self._reads: Mapping[str, Callable[[Snapshot], Reply]] = {
            "version": self._version,
            "summary": self._summary,
            "devs": self._devs,
            "devdetails": self._devdetails,
            "pools": self._pools,
            "stats": self._stats,
            "config": self._config,
            "coin": self._coin,
        }

    def unix_s(self) -> float:
        """Return the machine's time [s, Unix]."""
        return self._machine.unix_s()

    def answer(self, command: str, parameter: str, arguments: Mapping[str, object]) -> Reply:
        """Answer one command; a write command only where control is allowed, and then `restart` alone is simulated."""
        if command in self._reads:
            return self._reads[command](self._machine.snapshot())
        if command == "privileged" and self._allow_control:
            return Reply(code=46, message="Privileged access OK")
        if command in WRITES or command == "privileged":
            if not self._allow_control:
                return refused(CODE_ACCESS_DENIED, f"Access denied to '{command}' command")
            if command == "restart":
                self._machine.restart()
                return Reply(code=0, message="", bare="RESTART")
            return refused(CODE_INVALID_COMMAND, f"'{command}' is not simulated; want restart")
        return refused(CODE_INVALID_COMMAND, "Invalid command")

    def _version(self, _: Snapshot) -> Reply:
        return Reply(
            code=22,
            message="CGMiner versions",
            section="VERSION",
            rows=[{"CGMiner": "simulated by hashwatt", "API": API_VERSION}],
        )

    def _summary(self, now: Snapshot) -> Reply:
        row: dict[str, Value] = {
            "Elapsed": int(now.elapsed_s),
            **rates(now),
            "Found Blocks": 0,
            "Getworks": 0,
            "Accepted": 0,
            "Rejected": 0,
            "Hardware Errors": 0,
            "Utility": 0.0,
            "Discarded": 0,
            "Stale": 0,
            "Get Failures": 0,
            "Local Work": 0,
            "Remote Failures": 0,
            "Network Blocks": 0,
            "Total MH": round(now.hashes / HPS_PER_MHS, 4),
            "Diff1 Work": 0,
            "Work Utility": 0.0,
            "Difficulty Accepted": 0.0,
            "Difficulty Rejected": 0.0,
            "Difficulty Stale": 0.0,
            "Best Share": 0,
            "Device Hardware%": 0.0,
            "Device Rejected%": 0.0,
            "Pool Rejected%": 0.0,
            "Pool Stale%": 0.0,
            "Last getwork": 0,
        }
        return Reply(code=11, message="Summary", section="SUMMARY", rows=[row])

    def _devs(self, now: Snapshot) -> Reply:
        rows = [self._dev(now, number, board) for number, board in enumerate(now.boards)]
        return Reply(code=9, message=f"{len(rows)} ASC(s)", section="DEVS", rows=rows)

    def _dev(self, now: Snapshot, number: int, board: BoardCount) -> Row:
        clock: Row = {"Frequency": round(now.reading.frequency_mhz, 2)} if self._machine.identity.clock_known else {}
        return {
            "ASC": number,
            "Name": "SIM",
            "ID": number,
            "Enabled": "Y",
            "Status": board_status(now, board),
            "Temperature": round(now.reading.sink_c, 2),
            **rates(board),
            "Accepted": 0,
            "Rejected": 0,
            "Hardware Errors": 0,
            "Utility": 0.0,
            "Last Share Pool": NO_POOL,
            "Last Share Time": 0,
            "Total MH": round(board.hashes / HPS_PER_MHS, 4),
            **clock,
            "Diff1 Work": 0,
            "Difficulty Accepted": 0.0,
            "Difficulty Rejected": 0.0,
            "Last Share Difficulty": 0.0,
            "Last Valid Work": 0,
            "Device Hardware%": 0.0,
            "Device Rejected%": 0.0,
            "Device Elapsed": int(now.elapsed_s),
        }

    def _devdetails(self, now: Snapshot) -> Reply:
        rows: list[Row] = [
            {
                "DEVDETAILS": number,
                "Name": "SIM",
                "ID": number,
                "Driver": "simulated",
                "Kernel": "",
                "Model": self._machine.identity.entry.machine.model,
                "Device Path": "",
            }
            for number in range(len(now.boards))
        ]
        return Reply(code=69, message="Device Details", section="DEVDETAILS", rows=rows)

    def _pools(self, _: Snapshot) -> Reply:
        return no_pools()

    def _stats(self, now: Snapshot) -> Reply:
        reading = now.reading
        fans: Row = {f"fan{number}": round(rpm) for number, rpm in enumerate(reading.fan_rpm, start=1)}
        rows: list[Row] = [
            {
                "STATS": number,
                "ID": f"SIM{number}",
                "Elapsed": int(now.elapsed_s),
                "Calls": 0,
                "Wait": 0.0,
                "Max": 0.0,
                "Min": 0.0,
                "State": str(reading.state),
                "Chips": board.chips,
                "Chips Answering": board.answering if board.powered else 0,
                "Chip Temperature": round(reading.chip_c, 2),
                "Wrong Hashes%": round(100 * reading.error_rate, 4),
                **fans,
            }
            for number, board in enumerate(now.boards)
        ]
        return Reply(code=70, message="CGMiner stats", section="STATS", rows=rows)

    def _config(self, now: Snapshot) -> Reply:
        row: Row = {
            "ASC Count": len(now.boards),
            "PGA Count": 0,
            "Pool Count": 0,
            "Strategy": "Failover",
            "Log Interval": 5,
            "Device Code": "SIM",
            "OS": "simulated",
            "Hotplug": "None",
        }
        return Reply(code=33, message="CGMiner config", section="CONFIG", rows=[row])

    def _coin(self, _: Snapshot) -> Reply:
        row: Row = {
            "Hash Method": "sha256",
            "Current Block Time": 0.0,
            "Current Block Hash": "",
            "LP": False,
            "Network Difficulty": 0.0,
        }
        return Reply(code=78, message="CGMiner coin", section="COIN", rows=[row])


def rates(counted: Snapshot | BoardCount) -> dict[str, Value]:
    """Return the hash rates [MH/s] of a machine or of a board."""
    windows = {f"MHS {name}": round(counted.average_hps[window_s] / HPS_PER_MHS, 2) for name, window_s in MHS_WINDOWS.items()}
    return {"MHS av": round(counted.mean_hps / HPS_PER_MHS, 2), **windows}


def board_status(now: Snapshot, board: BoardCount) -> str:
    """Return Dead for a board that gives nothing, Sick while no work reaches it, else Alive."""
    if not board.powered or not board.answering:
        return "Dead"
    return "Sick" if now.reading.state is MachineState.HUNG else "Alive"


def no_pools() -> Reply:
    """Return the pools of a machine that mines at none."""
    return Reply(code=7, message="0 Pool(s)", section="POOLS")
