"""Serial ports as drivers see them: bytes with a deadline, one sentence for everything that can go wrong.

A port is opened for one program alone. Only plain device paths are taken, none of the URLs that pyserial also knows: a driver
talks to what is plugged in here.
"""

from __future__ import annotations

import errno
import os
import select
from typing import Final, Protocol

import serial

from hw.drivers.errors import PortError, PortLostError

try:
    from termios import error as TerminalError  # noqa: N812  an exception, of a lower-case name
except ImportError:  # not on Windows
    TerminalError = OSError  # type: ignore[assignment,misc]

WRITE_TIMEOUT_S: Final = 1.0  # a device that takes no bytes for so long hangs
READ_BYTES: Final = 4096
CLOSED: Final = -1  # the number of no open file
LOST: Final = (serial.SerialException, OSError, ValueError, TerminalError)  # what a port raises once it has gone

_REASONS: Final = {
    errno.ENOENT: "no such port; is the device plugged in?",
    errno.ENODEV: "no such device; is it plugged in?",
    errno.ENXIO: "no such device; is it plugged in?",
    errno.EACCES: "no right to open it; join the group that owns it (often `dialout`) and log in again",
    errno.EPERM: "no right to open it; join the group that owns it (often `dialout`) and log in again",
    errno.EBUSY: "in use by another program; stop that first",
    errno.EAGAIN: "in use by another program; stop that first",
    errno.ENOTTY: "not a serial port",
    errno.EISDIR: "a folder, not a serial port",
    errno.EIO: "it does not answer (input/output error)",
}


class Port(Protocol):
    """One end of a line. Once it is lost, every call raises PortLostError until it is closed."""

    @property
    def name(self) -> str:
        """The path by which it was opened."""
        ...

    def read(self, timeout_s: float) -> bytes:
        """Return what has come, waiting up to `timeout_s` [s] for the first byte; empty if nothing came."""
        ...

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        ...

    def set_baud(self, baud: int) -> None:
        """Let what was written leave, then change the speed [baud]."""
        ...

    def discard_input(self) -> None:
        """Forget what came and was not read."""
        ...

    def close(self) -> None:
        """Give the port back; closing twice is nothing."""
        ...


class SerialPort:
    """A serial port of this machine, 8N1 without handshake, held exclusively.

    Raises
    ------
    PortError
        If it cannot be opened; the message says why and what to do.
    """

    def __init__(self, path: str, baud: int) -> None:
        if "://" in path:
            raise PortError(f"{path}: an address; want the path of a device, such as /dev/ttyUSB0")
        self._path = path
        try:
            self._serial = serial.Serial(path, baud, timeout=0, write_timeout=WRITE_TIMEOUT_S, exclusive=True)
        except serial.SerialException as error:
            raise PortError(f"{path}: {_reason(error)}") from None
        except (ValueError, OSError) as error:
            raise PortError(f"{path}: {error}") from None
        self._line = self._serial.fileno()

    @property
    def name(self) -> str:
        """The path by which it was opened."""
        return self._path

    def read(self, timeout_s: float) -> bytes:
        """Return what has come, waiting up to `timeout_s` [s] for the first byte; empty if nothing came."""
        try:
            if data := _there(self._line):  # no need to wait for what is there
                return data
            ready, _, _ = select.select([self._line], [], [], max(0.0, timeout_s))
            data = _there(self._line) if ready else None
        except LOST as error:
            raise self._lost(error) from None
        if data == b"":
            raise self._lost(OSError("the other end hung up"))
        return data or b""

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        try:
            self._serial.write(data)
        except serial.SerialTimeoutException:
            raise PortLostError(f"{self._path}: took no bytes for {WRITE_TIMEOUT_S:g} s; the device hangs") from None
        except LOST as error:
            raise self._lost(error) from None

    def set_baud(self, baud: int) -> None:
        """Let what was written leave, then change the speed [baud]."""
        try:
            self._serial.flush()
            self._serial.baudrate = baud
        except LOST as error:
            raise self._lost(error) from None

    def discard_input(self) -> None:
        """Forget what came and was not read."""
        try:
            self._serial.reset_input_buffer()
        except LOST as error:
            raise self._lost(error) from None

    def close(self) -> None:
        """Give the port back; closing twice is nothing."""
        self._line = CLOSED
        self._serial.close()

    def _lost(self, error: BaseException) -> PortLostError:
        gone = "unplugged" if not os.path.exists(self._path) else str(error)
        return PortLostError(f"{self._path}: lost ({gone})")


def _there(line: int) -> bytes | None:
    """Return what can be read without waiting; empty or None if nothing can. Empty after a wait: nothing ever will."""
    try:
        return os.read(line, READ_BYTES)
    except BlockingIOError:
        return None


def _reason(error: serial.SerialException) -> str:
    """Say in words what the system's number means; pyserial passes some on only as what caused its own error."""
    cause = error.__context__.args[:1] if error.__context__ is not None else ()
    number = error.errno or (cause[0] if cause and isinstance(cause[0], int) else 0)
    return _REASONS.get(number, str(error))
