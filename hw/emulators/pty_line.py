"""The device's end of a line that is a pseudo-terminal: hosts open its other end as they would a serial port."""

from __future__ import annotations

import contextlib
import errno
import os
import termios
import tty
from pathlib import Path
from typing import Final

from hw.drivers.errors import PortError

READ_BYTES: Final = 4096
PTS: Final = Path("/dev/pts")

_SPEEDS: Final = {
    getattr(termios, name): int(name[1:]) for name in dir(termios) if name.startswith("B") and name[1:].isdigit()
}  # what the system calls a speed, and the speed [baud]


class PtyLine:
    """A pseudo-terminal whose slave stays open here too, so that a host may close and open it again.

    `link`, a path that must not exist, or be what is left of a line that has ended, is made to lead to it, and removed at the
    end.

    Raises
    ------
    PortError
        If there is no pseudo-terminal to be had, or the link cannot be made.
    """

    def __init__(self, link: Path | None = None) -> None:
        try:
            self._master, self._slave = os.openpty()
        except OSError as error:
            raise PortError(f"no pseudo-terminal to be had: {error.strerror}") from None
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path: Final = os.ttyname(self._slave)
        self._link: Path | None = None
        self._closed = False
        if link is not None:
            self._make_link(link)

    def fileno(self) -> int:
        """Return what a selector waits on."""
        return self._master

    @property
    def baud(self) -> int:
        """The speed [baud] that the host has set."""
        return _SPEEDS.get(termios.tcgetattr(self._slave)[5], 0)

    def read(self) -> bytes:
        """Return what has come; empty if nothing has."""
        try:
            return os.read(self._master, READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno == errno.EIO:
                return b""
            raise

    def write(self, data: bytes) -> int:
        """Send `data`; return how many bytes went. A host that reads nothing loses what the line cannot hold."""
        try:
            return os.write(self._master, data)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """Hang up: the host's next read or write fails. Closing twice is nothing."""
        if self._closed:
            return
        self._closed = True
        os.close(self._slave)
        os.close(self._master)
        if self._link is not None:
            with contextlib.suppress(OSError):
                if str(self._link.readlink()) == self.path:  # and not by now that of another
                    self._link.unlink()

    def _make_link(self, link: Path) -> None:
        try:
            if link.is_symlink():
                _check_dead(link, Path(self.path))
                link.unlink()
            link.symlink_to(self.path)
        except PortError:
            self.close()
            raise
        except OSError as error:
            self.close()
            raise PortError(f"{link}: no link to the device can be made there ({error.strerror})") from None
        self._link = link


def _check_dead(link: Path, own: Path) -> None:
    """Raise PortError if a link leads to anything but the pseudo-terminal of an emulator that has ended, or to our `own`."""
    target = link.readlink()
    if target.parent != PTS:
        raise PortError(f"{link}: this link leads to {target}, to no emulated device; want another path")
    if target.exists() and target != own:  # whose number may be that of one that has ended
        raise PortError(f"{link}: this link leads to {target}, which is in use; end that emulator, or remove the link")
