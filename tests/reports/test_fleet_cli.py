"""`hashwatt fleet serve` as a user runs it: a process of its own, asked over its sockets, and stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

HOST = f"127.{64 + os.getpid() % 128}.254.2"
AXES = 'name = "axes"\n[[groups]]\nname = "axe"\nmachine = "Bitaxe Gamma (600/601)"\ncount = 2\n'

UNPRIVILEGED = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
WITHOUT_LOW_PORTS = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(24, 10, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_NET_BIND_SERVICE: from the next exec on, for root too
os.execv(sys.argv[1], sys.argv[1:])
"""

Start = Callable[..., subprocess.Popen[str]]
Refused = Callable[..., str]


@pytest.fixture
def start(start_hashwatt: Start) -> Start:
    return lambda *words, before=(): start_hashwatt("fleet", "serve", *words, "--host", HOST, before=before)


@pytest.fixture
def axes(tmp_path: Path) -> str:
    path = tmp_path / "axes.toml"
    path.write_text(AXES)
    return str(path)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate()[1]
    return line


def asked(row: dict[str, Any], path: str, method: str = "GET") -> dict[str, Any]:
    request = Request(f"http://{row['host']}:{row['port']}{path}", method=method, data=b"" if method == "POST" else None)
    with urlopen(request, timeout=10) as answer:
        told = json.load(answer)
    assert isinstance(told, dict)
    return told


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
def test_the_demo_fleet_answers_and_ends_when_told(start: Start, ending: signal.Signals) -> None:
    process = start("--http-port", "8080")
    lines = [first_line(process) for _ in range(12)]
    assert re.fullmatch(rf"{HOST}:4028 +btminer +hall-a-000 +MicroBT Whatsminer M30S\+\n", lines[0])
    with socket.create_connection((HOST, 4028), timeout=10) as rig:
        rig.sendall(b"version")
        assert b"BTMiner" in rig.recv(4096)
    process.send_signal(ending)
    told, errors = process.communicate(timeout=10)
    assert (process.returncode, told) == (0, "")
    assert "hashwatt: 12 simulated machines, orders are refused; stop with Ctrl-C\n" in errors
    assert re.search(r"hashwatt: \d+ s simulated: \S+ kWh at the wall, \S+ hashes, \S+ J/TH \(modelled\)\n$", errors)


def test_json_control_and_ctrl_c(start: Start, axes: str) -> None:
    process = start(axes, "--json", "--allow-control", "--http-port", "8080")
    told = json.loads(first_line(process))
    assert told["allow_control"] is True
    assert [(row["name"], row["port"]) for row in told["machines"]] == [("axe-000", 8080), ("axe-001", 8080)]
    assert asked(told["machines"][1], "/api/system/pause", "POST") == {"message": "mining pauses"}
    assert [asked(row, "/api/system/info")["miningPaused"] for row in told["machines"]] == [False, True]
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=10)
    assert process.returncode == 130
    assert errors.endswith("hashwatt: interrupted\n")
    ended = json.loads(output)
    assert [row["name"] for row in ended["machines"]] == ["axe-000", "axe-001"]
    assert ended["machines"][0]["energy_j"] == pytest.approx(21.63 * ended["simulated_s"], rel=0.05)
    assert ended["machines"][0]["hashes"] == pytest.approx(1.071e12 * ended["simulated_s"], rel=0.01)
    assert ended["machines"][0]["j_per_th"] == pytest.approx(20.2, rel=0.05)
    energy_j, hashes = (sum(row[key] for row in ended["machines"]) for key in ("energy_j", "hashes"))
    assert ended["j_per_th"] == pytest.approx(energy_j / hashes * 1e12)
    assert ended["machines"][1]["state"] in {"stopping", "curtailed"}


def test_seconds_and_speed(start: Start, axes: str) -> None:
    process = start(axes, "--seconds", "1.5", "--speed", "40", "--json", "--http-port", "8080")
    began_s = time.monotonic()
    row = json.loads(first_line(process))["machines"][0]
    time.sleep(0.5)
    assert asked(row, "/api/system/info")["uptimeSeconds"] > 10
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert time.monotonic() - began_s < 8
    assert 60 <= json.loads(output)["simulated_s"] < 100


def test_at_an_hour_a_second_compiled_physics_tells_what_the_interpreted_one_would(start: Start, tmp_path: Path) -> None:
    spec = tmp_path / "many.toml"
    spec.write_text('name = "many"\n[[groups]]\nname = "axe"\nmachine = "Bitaxe Gamma (600/601)"\ncount = 20\n')
    process = start(str(spec), "--seconds", "1.5", "--speed", "3600", "--json", "--http-port", "8080")
    row = json.loads(first_line(process))["machines"][-1]
    time.sleep(0.5)
    assert asked(row, "/api/system/info")["uptimeSeconds"] > 1000
    output, errors = process.communicate(timeout=10)
    assert (process.returncode, errors.count("\n")) == (0, 1)
    told = json.loads(output)
    assert 5400 <= told["simulated_s"] < 9000
    for machine in told["machines"]:  # it stays where its steady state, worked out object by object, began
        assert machine["energy_j"] == pytest.approx(21.63 * told["simulated_s"], rel=0.01)
        assert machine["hashes"] == pytest.approx(1.071e12 * told["simulated_s"], rel=1e-9)  # begun and read at one moment


def test_a_port_that_is_taken(start: Start, axes: str) -> None:
    first_line(start(axes, "--http-port", "8080"))
    second = start(axes, "--http-port", "8080")
    output, errors = second.communicate(timeout=10)
    assert (second.returncode, output) == (2, "")
    assert errors == f"hashwatt: {HOST}:8080 is taken; stop what listens there, or begin at another address or port\n"


def test_without_the_right_to_port_80_it_says_so_and_takes_8080(start: Start, axes: str) -> None:
    if not UNPRIVILEGED.exists() or int(UNPRIVILEGED.read_text()) <= 80:
        pytest.skip("everybody may have port 80 here")
    process = start(axes, "--seconds", "5", before=[sys.executable, "-c", WITHOUT_LOW_PORTS])
    assert first_line(process).startswith(f"{HOST}:8080 ")
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=10)
    assert "hashwatt: no right to port 80, so Bitaxes answer on 8080, where few tools look\n" in errors


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("no.toml",), "no.toml: cannot be read (No such file or directory); want a .toml file, or none for fleet-demo.toml"),
        (("",), "'' is no name of a file; want a .toml file of machines, or none for fleet-demo.toml"),
        ((".",), ".: that is a folder; want a .toml file that describes a fleet"),
        (("/dev/null",), "/dev/null: that is no file; want a .toml file that describes a fleet"),
        (("--seconds", "0"), "--seconds 0.0: want a number above 0"),
        (("--seconds", "soon"), "--seconds soon: want a number; see `hashwatt fleet serve --help`"),
        (("--rpc-port", "1.5"), "--rpc-port 1.5: want a whole number; see `hashwatt fleet serve --help`"),
        (("--host", "ff02::1"), "ff02::1 is an address of many; want one of this machine, such as 127.0.0.2"),
        (("--host", ""), "'' is no address; want one of this machine, such as 127.0.0.2"),
        (("--seconds", "nan"), "--seconds nan: want a number above 0"),
        (("--speed", "3601"), "--speed 3601: want a number above 0, up to 3600"),
        (("--rpc-port", "0"), "--rpc-port 0: want a port from 1 to 65535"),
        (("--http-port", "70000"), "--http-port 70000: want a port from 1 to 65535"),
        (("--host", "localhost"), "'localhost' is no address; want one of this machine, such as 127.0.0.2"),
        (
            ("--host", "127.255.255.250"),
            "12 addresses from 127.255.255.250 on leave 127.0.0.0/8; want an earlier one to begin with",
        ),
    ],
)
def test_bad_input(refused: Refused, words: tuple[str, ...], told: str) -> None:
    assert refused("fleet", "serve", *words) == told


def test_a_spec_that_is_wrong_names_file_key_and_remedy(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").write_text('name = "x"\n[[groups]]\nname = "a"\nmachine = "Bitaxe Ultra"\ncuont = 2\n')
    assert refused("fleet", "serve", "fleet.toml") == "fleet.toml: groups[0].cuont: unknown key 'cuont'; did you mean 'count'?"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", 'the file is empty; want a fleet: name = "hall", and a [[groups]] for each kind of machine'),
        (b" \n\t\n", 'the file is empty; want a fleet: name = "hall", and a [[groups]] for each kind of machine'),
        (b'name = "\xff"', "not text (UTF-8); want a TOML file"),
        (b"\x7fELF\x00\x01", "not valid TOML: "),
        (b'name = "x"\nname = "y"\n', "not valid TOML: Cannot overwrite a value (at line 2, column "),
        (b"name = 3\ngroups = []\n", "name: 3; want a name of up to 24 of a-z, 0-9 and inner dashes, such as 'row-1'"),
        (b'name = "x"\n[groups]\nname = "a"\n', "groups: a table; want tables, each under [[groups]], at most 100"),
        (b'name = "x"\n[[group]]\nname = "a"\n', "group: unknown key 'group'; did you mean 'groups'? (and 1 more)"),
    ],
    ids=["empty", "blank", "latin-1", "binary", "twice", "number", "one-table", "misspelt"],
)
def test_a_file_that_is_no_fleet_is_one_sentence(refused: Refused, tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "f.toml").write_bytes(content)
    assert refused("fleet", "serve", "f.toml").startswith(f"f.toml: {told}")


def test_a_file_that_may_not_be_read(refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root every file may be, so what the system would say is put into its mouth."""

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "f.toml").write_text(AXES)
    monkeypatch.setattr(Path, "open", denied)
    told = refused("fleet", "serve", "f.toml")
    assert told == "f.toml: cannot be read (Permission denied); want a .toml file, or none for fleet-demo.toml"
