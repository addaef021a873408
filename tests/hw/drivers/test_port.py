"""Serial ports, on real pseudo-terminals: every way in which they fail is one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hw.drivers.errors import PortError, PortLostError
from hw.drivers.port import SerialPort
from hw.emulators.pty_line import PtyLine


@pytest.fixture
def line() -> Iterator[PtyLine]:
    line = PtyLine()
    yield line
    line.close()


@pytest.fixture
def port(line: PtyLine) -> Iterator[SerialPort]:
    port = SerialPort(line.path, 115200)
    yield port
    port.close()


def test_bytes_go_both_ways_whatever_they_are(line: PtyLine, port: SerialPort) -> None:
    """Nothing is echoed, and no byte means anything to the line: Ctrl-C, XOFF and line ends among them."""
    every = bytes(range(256))
    port.write(every)
    assert line.read() == every
    line.write(every[::-1])
    assert port.read(1.0) == every[::-1]
    assert port.read(0.0) == b""


def test_a_read_waits_no_longer_than_it_may_and_no_longer_than_it_must(line: PtyLine, port: SerialPort) -> None:
    started_s = time.perf_counter()
    assert port.read(0.05) == b""
    assert 0.04 < time.perf_counter() - started_s < 1.0
    line.write(b"x")
    assert port.read(60.0) == b"x"


def test_the_other_end_sees_the_speed(line: PtyLine, port: SerialPort) -> None:
    assert line.baud == 115200
    port.set_baud(1_000_000)
    assert line.baud == 1_000_000


def test_what_came_before_can_be_forgotten(line: PtyLine, port: SerialPort) -> None:
    line.write(b"old")
    time.sleep(0.01)
    port.discard_input()
    line.write(b"new")
    assert port.read(1.0) == b"new"


def test_a_host_may_close_and_open_again(line: PtyLine) -> None:
    for _ in range(3):
        port = SerialPort(line.path, 115200)
        port.write(b"hello")
        assert line.read() == b"hello"
        port.close()
        port.close()


def test_a_port_is_held_by_one_program_alone(line: PtyLine, port: SerialPort) -> None:
    with pytest.raises(PortError, match="in use by another program; stop that first"):
        SerialPort(line.path, 115200)
    code = f"from hw.drivers.port import SerialPort; SerialPort({line.path!r}, 115200)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "in use by another program" in ended.stderr


def test_unplugging_is_told_at_the_next_call(line: PtyLine, port: SerialPort) -> None:
    line.close()
    with pytest.raises(PortLostError, match=rf"{line.path}: lost"):
        port.read(1.0)
    with pytest.raises(PortLostError, match=rf"{line.path}: lost"):
        port.write(b"x")
    with pytest.raises(PortLostError):
        port.discard_input()
    with pytest.raises(PortLostError):
        port.set_baud(9600)
    port.close()


def test_a_device_that_takes_no_bytes_does_not_hang_its_host(port: SerialPort) -> None:
    """Nobody reads at the other end: once the line is full, a write gives up."""
    started_s = time.perf_counter()
    with pytest.raises(PortLostError, match="took no bytes for 1 s"):
        port.write(bytes(1 << 20))
    assert time.perf_counter() - started_s < 5


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/dev/no-such-port", "/dev/no-such-port: no such port; is the device plugged in"),
        ("loop://", "loop://: an address; want the path of a device, such as /dev/ttyUSB0"),
        ("socket://127.0.0.1:99", "an address; want the path of a device"),
        ("/dev", "/dev: a folder, not a serial port"),
        ("/dev/null", "/dev/null: not a serial port"),
        ("", "no such port"),
    ],
)
def test_what_is_no_port(path: str, message: str) -> None:
    with pytest.raises(PortError, match=message):
        SerialPort(path, 115200)


def test_a_file_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PortError, match="not a serial port"):
        SerialPort(str(tmp_path / "file"), 115200)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give its rights up")
def test_without_the_right_to_it_the_group_is_named(line: PtyLine) -> None:
    code = (
        "import os; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        f"from hw.drivers.port import SerialPort\nSerialPort({line.path!r}, 115200)"
    )
    os.chmod(line.path, 0o600)
    code = "import hw.drivers.port, serial\n" + code
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "no right to open it; join the group that owns it (often `dialout`)" in ended.stderr


class TestPtyLine:
    def test_a_link_leads_to_it_and_is_gone_in_the_end(self, tmp_path: Path) -> None:
        link = tmp_path / "miner"
        line = PtyLine(link)
        port = SerialPort(str(link), 115200)
        port.write(b"x")
        assert line.read() == b"x"
        port.close()
        line.close()
        assert not link.is_symlink()

    def test_an_old_link_is_replaced_but_nothing_else(self, tmp_path: Path) -> None:
        link, file = tmp_path / "miner", tmp_path / "file"
        link.symlink_to("/dev/pts/99999")
        PtyLine(link).close()
        file.write_text("mine")
        with pytest.raises(PortError, match="no link to the device can be made there"):
            PtyLine(file)
        assert file.read_text() == "mine"
        with pytest.raises(PortError, match="no link"):
            PtyLine(tmp_path / "no" / "such" / "folder")

    def test_a_host_that_reads_nothing_does_not_hang_the_device(self, line: PtyLine) -> None:
        sent = [line.write(bytes(4096)) for _ in range(100)]
        assert sent[-1] == 0
