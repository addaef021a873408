"""`hashwatt devices probe`: what is attached to real pseudo-terminals, and what a meter sees meanwhile."""

from __future__ import annotations

import json
import os
import threading
import time
import tty
from collections.abc import Callable, Iterator
from math import inf
from types import SimpleNamespace

import pytest
from serial.tools import list_ports

from hw.drivers.port import SerialPort
from hw.emulators.faults import Faults, TimedFault
from hw.emulators.models import Wanted, emulated_model
from hw.emulators.pty_line import PtyLine
from hw.emulators.serving import EmulatorServer
from hw.errors import MeterUnavailableError
from hw.finder import KernelFinder
from hw.meters.nameplate import NameplateMeter
from miner.backends.registry import load
from reports.cli.main import main

Ended = tuple[int, str, str]
Devices = Callable[..., Ended]
Attach = Callable[..., str]


@pytest.fixture
def devices(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Devices:
    """Return a function that runs ``hashwatt devices WORDS`` here and returns exit code, stdout and stderr."""
    monkeypatch.delenv("HASHWATT_DEBUG", raising=False)

    def run(*words: str) -> Ended:
        with pytest.raises(SystemExit) as end:
            main(["devices", *words])
        told = capsys.readouterr()
        return end.value.code, told.out, told.err

    return run


@pytest.fixture
def attach() -> Iterator[Attach]:
    """Return a function that attaches an emulated device of this name, with faults, and returns its port."""
    server, finders = EmulatorServer(), []
    thread = threading.Thread(target=server.run)

    def start(name: str, *faults: str, chips: int = 1) -> str:
        model = emulated_model(name)
        rate_hps = model.hashrate_hps if model.rate_is_free else inf
        finders.append(KernelFinder(load("auto"), rate_hps, by_word=model.by_word, parts=model.parts))
        now_s = time.monotonic()
        planned = Faults([TimedFault.parse(fault) for fault in faults], started_s=now_s)
        wanted = Wanted(rate_hps=model.hashrate_hps, chips=chips, faults=planned, started_s=now_s)
        line = PtyLine()
        server.add(model.build(wanted, finders[-1], server.wake), line)
        server.wake()
        if not thread.is_alive():
            thread.start()
        return line.path

    yield start
    server.stop()
    if thread.ident is not None:
        thread.join(5)
    for finder in finders:
        finder.close()
    server.close()


@pytest.fixture
def silent_port() -> Iterator[str]:
    """Give a port at whose other end is nobody."""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(slave)
    os.close(master)


def test_probe_tells_what_is_attached_and_goes_on_past_what_is_not(devices: Devices, attach: Attach, silent_port: str) -> None:
    stick, chain, hanging = attach("erupter"), attach("bm1366", chips=3), attach("u1", "hang@0")
    held = attach("bm1397")
    other = SerialPort(held, 115_200)
    words = [word for path in (stick, held, silent_port, hanging, "/dev/no-such", chain) for word in ("--port", path)]
    code, out, err = devices("probe", *words)
    other.close()
    assert code == 0, err
    heading, *rows = out.splitlines()
    assert heading.split() == ["port", "device", "chips", "answer", "drive", "it", "as"]
    assert [row.split()[0] for row in rows] == [stick, chain]
    assert "Icarus (2 FPGAs) or ASICMiner Block Erupter USB" in rows[0]
    assert " 00 01 87 a2 " in rows[0]
    assert rows[0].endswith(f"  icarus:{stick} or erupter:{stick}")
    assert rows[1].split()[1:3] == ["BM1366", "3"]
    assert rows[1].endswith(f"bm1366:{chain}")
    sentences = err.splitlines()
    assert len(sentences) == 4
    assert sentences[0] == f"hashwatt: {held}: in use by another program; stop that first"
    assert sentences[1].startswith(f"hashwatt: {silent_port}: nothing answered; looked for icarus, erupter, u1, u2, ")
    assert sentences[2].startswith(f"hashwatt: {hanging}: nothing answered; ")
    assert sentences[3] == "hashwatt: /dev/no-such: no such port; is the device plugged in?"


def test_probe_json_has_every_port(devices: Devices, attach: Attach) -> None:
    chain = attach("bm1370", chips=2)
    code, out, err = devices("probe", "--port", chain, "--port", chain, "--port", "/dev/null", "--json")
    told = json.loads(out)
    assert code == 0, err
    found, none = told["ports"]
    assert (found["port"], found["recognised"], found["device"], found["drivers"]) == (chain, True, "BM1370", ["bm1370"])
    assert (found["chips"], found["problem"], found["asked"]) == (2, None, True)
    assert bytes.fromhex(found["answer_hex"]).startswith(b"\xaa\x55\x13\x70")
    assert (none["recognised"], none["drivers"], none["chips"]) == (False, [], None)
    assert none["problem"] == "/dev/null: not a serial port"
    assert (told["power"], told["no_power_because"]) == (None, None)


def test_probe_for_one_device_only(devices: Devices, attach: Attach) -> None:
    stick, chain = attach("u2"), attach("bm1362")
    assert devices("probe", "--port", stick, "--device", "u2")[1].endswith(f"  u2:{stick}\n")
    code, out, err = devices("probe", "--port", chain, "--device", "bm1366")
    assert (code, out, err) == (1, "", f"hashwatt: {chain}: 1 x BM1362 answered; want nothing but BM1366\n")


def test_probe_without_a_right_to_the_port(devices: Devices, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root every port may be opened, so what the system would say is put into its mouth."""

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("serial.serialposix.os.open", denied)
    code, out, err = devices("probe", "--port", "/dev/ttyUSB0")
    assert (code, out) == (1, "")
    assert err == (
        "hashwatt: /dev/ttyUSB0: no right to open it; join the group that owns it (often `dialout`) and log in again\n"
    )


def listed(*ports: tuple[str, str, int | None]) -> Callable[[], list[SimpleNamespace]]:
    rows = [
        SimpleNamespace(device=path, description=description, vid=vid, pid=None if vid is None else 0xEA60)
        for path, description, vid in ports
    ]
    return lambda: rows


def test_probe_without_ports_asks_usb_ports_and_lists_others(
    devices: Devices, attach: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    stick, builtin = attach("erupter"), attach("bm1366")
    ports = listed((builtin, "n/a", None), (stick, "CP2102 USB to UART Bridge", 0x10C4))
    monkeypatch.setattr(list_ports, "comports", ports)
    code, out, err = devices("probe")
    assert code == 0, err
    assert out.splitlines()[1].endswith("CP2102 USB to UART Bridge")
    assert builtin not in out
    assert err == f"hashwatt: {builtin}: no USB port, not asked; --port {builtin} asks it\n"
    told = {one["port"]: one for one in json.loads(devices("probe", "--json")[1])["ports"]}
    assert (told[stick]["usb"], told[stick]["description"]) == ("10c4:ea60", "CP2102 USB to UART Bridge")
    assert (told[builtin]["asked"], told[builtin]["recognised"], told[builtin]["description"]) == (False, False, None)


def test_probe_where_there_are_no_ports(devices: Devices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_ports, "comports", listed())
    code, out, err = devices("probe")
    assert (code, out) == (1, "")
    assert err == "hashwatt: no serial port here; plug a device in, or emulate one with `hashwatt emulate`\n"
    assert json.loads(devices("probe", "--json")[1])["ports"] == []


def test_probe_reads_the_meter_for_a_second(devices: Devices, attach: Attach) -> None:
    stick = attach("erupter")
    code, out, _ = devices("probe", "--port", stick, "--meter", "nameplate:2.5")
    assert code == 0
    assert out.splitlines()[-1] == "power  2.5 W, mean over 1.0 s (nameplate, 2.5 W; as stated; nameplate)"
    power = json.loads(devices("probe", "--port", stick, "--meter", "nameplate:2.5", "--json")[1])["power"]
    assert power["power_w"] == pytest.approx(2.5, rel=1e-3)
    assert power["mean_over_s"] == pytest.approx(1.0, abs=0.5)
    assert (power["kind"], power["boundary"], power["source"]) == ("nameplate", "as stated", "nameplate, 2.5 W")


def test_probe_goes_on_without_a_meter_that_is_not_here(
    devices: Devices, attach: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(_: str) -> None:
        raise MeterUnavailableError("no such instrument")

    monkeypatch.setattr("hw.meters.registry.open_meter", absent)
    code, out, err = devices("probe", "--port", attach("erupter"), "--meter", "rapl")
    assert (code, err) == (0, "hashwatt: no power: no such instrument\n")
    assert "power" not in out


def test_probe_tells_of_a_meter_that_fails_and_lets_go_of_it(devices: Devices, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(NameplateMeter):
        closed = False

        def energy_j(self) -> float:
            raise MeterUnavailableError("unplugged")

        def close(self) -> None:
            Failing.closed = True

    monkeypatch.setattr("hw.meters.registry.open_meter", lambda _: Failing(1.0))
    code, out, err = devices("probe", "--port", "/dev/null", "--meter", "x", "--json")
    assert code == 1
    assert err.splitlines()[-1] == "hashwatt: no power: unplugged"
    assert json.loads(out)["no_power_because"] == "unplugged"
    assert Failing.closed


def test_probe_tells_of_a_line_that_goes_away(devices: Devices, attach: Attach) -> None:
    path = attach("erupter", "hang@0", "hang-up@0.3")
    code, out, err = devices("probe", "--port", path)
    assert (code, out) == (1, "")
    assert err.startswith(f"hashwatt: {path}: lost (")
