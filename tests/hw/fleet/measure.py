"""Ask a whole fleet at once, round after round, and tell how long each machine took: docs/benchmarks/fleet.md is made with it.

    .venv/bin/python tests/hw/fleet/measure.py [MACHINES] [ROUNDS] [SPEED]

starts `hashwatt fleet serve` with as many machines, half of them Whatsminers and half Bitaxes, asks all of them for their
summary at the same moment once a second, from opening the connection to the last byte of the answer, and prints one line of
JSON.
"""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector

import psutil

HOST = "127.77.0.2"
SPEC = """name = "measured"
[[groups]]
name = "rigs"
machine = "Whatsminer M30S+"
variant = "VE40"
chips_per_board = 156
count = {rigs}
[[groups]]
name = "axes"
machine = "Bitaxe Gamma (600/601)"
count = {axes}
"""
HTTP = b"GET /api/system/info HTTP/1.1\r\nHost: fleet\r\n\r\n"
RPC = b'{"command": "summary"}'


@dataclass
class Talk:
    """One question to one machine, under way."""

    line: socket.socket
    request: bytes
    began_s: float
    answer: bytes = b""
    asked: bool = False


def ask_all(ends: list[tuple[str, int, bytes]], rounds: int) -> list[list[float]]:
    """Return the times [s] of each machine, one a round."""
    took: list[list[float]] = [[] for _ in ends]
    for _ in range(rounds):
        for own, one in zip(took, ask_once(ends), strict=True):
            own.append(one)
        time.sleep(1.0)
    return took


def ask_once(ends: list[tuple[str, int, bytes]]) -> list[float]:
    """Return how long [s] each machine took, all asked together; a selector, since that costs little beside the server."""
    took: dict[int, float] = {}
    talks = []
    with DefaultSelector() as selector:
        for number, (host, port, request) in enumerate(ends):
            line = socket.socket()
            line.setblocking(False)
            talks.append(Talk(line, request, time.perf_counter()))
            line.connect_ex((host, port))
            selector.register(line, EVENT_WRITE, number)
        while len(took) < len(ends):
            for key, _ in selector.select(10):
                talk = talks[key.data]
                if not talk.asked:
                    talk.line.send(talk.request)
                    talk.asked = True
                    selector.modify(talk.line, EVENT_READ, key.data)
                elif piece := talk.line.recv(65_536):
                    talk.answer += piece
                else:
                    took[key.data] = time.perf_counter() - talk.began_s
                    selector.unregister(talk.line)
                    talk.line.close()
    for talk in talks:
        body = talk.answer.split(b"\r\n\r\n")[-1].rstrip(b"\0")
        assert {"SUMMARY", "hashRate"} & json.loads(body).keys(), talk.answer
    return [took[number] for number in range(len(ends))]


def main(machines: int = 200, rounds: int = 20, speed: int = 1) -> None:
    """Measure and print."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(SPEC.format(rigs=machines - machines // 2, axes=machines // 2))
        file.flush()
        program, options = str(Path(sys.executable).with_name("hashwatt")), ["--host", HOST, "--speed", str(speed), "--json"]
        command = [program, "fleet", "serve", file.name, *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                rows = json.loads(server.stdout.readline())["machines"]
                ends = [(row["host"], row["port"], HTTP if row["firmware"] == "axeos" else RPC) for row in rows]
                process = psutil.Process(server.pid)
                ask_all(ends, 2)
                before_s = sum(process.cpu_times()[:2])
                took = ask_all(ends, rounds)
                cpu_s = sum(process.cpu_times()[:2]) - before_s
                memory = process.memory_info().rss
            finally:
                server.terminate()
    medians_ms = sorted(1000 * statistics.median(own) for own in took)
    every_ms = sorted(1000 * one for own in took for one in own)
    told = {
        "machines": len(ends),
        "rounds": rounds,
        "speed": speed,
        "median_of_medians_ms": round(statistics.median(medians_ms), 1),
        "slowest_median_ms": round(medians_ms[-1], 1),
        "p95_of_all_ms": round(every_ms[int(0.95 * len(every_ms))], 1),
        "slowest_of_all_ms": round(every_ms[-1], 1),
        "server_rss_mib": round(memory / 2**20, 1),
        "server_cpu_ms_a_round": round(1000 * cpu_s / rounds, 1),
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
