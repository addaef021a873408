"""One connection, held to limits: a request within a time, one reply, and little memory whatever the other end does.

What it says is the business of an `Exchange`. Bytes beyond a request are thrown away, not kept. A machine without power hangs
up at once. Sockets are read by the loop itself, without the transports of asyncio: a whole hall may ask at once, and a reply
then costs a third less.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

LOG: Final = logging.getLogger(__name__)
REQUEST_S: Final = 5.0  # s, for a whole request, and again for the reply to be taken
PAUSE_S: Final = 0.02  # s of silence after which a text without an end is taken to be whole
LINGER_S: Final = 1.0  # s in which the other end may hang up first, so that the reply is not lost
MOST_THROWN_BYTES: Final = 65_536  # after the reply; who sends more is cut off
MOST_OF_ONE_MACHINE: Final = 32  # connections at a time
PIECE_BYTES: Final = 8192  # that are read at a time


class Exchange(Protocol):
    """What is said on one connection; each method returns the whole reply once there is one, and is then not called again."""

    def feed(self, data: bytes) -> bytes | None:
        """Add `data`."""
        ...

    def pause(self) -> bytes | None:
        """Take note that nothing has come for a while."""
        ...

    def end(self) -> bytes | None:
        """Take note that nothing more will come."""
        ...


@dataclass(slots=True)
class Room:
    """How many connections there may be in all, which there are, and how many were refused."""

    most: int
    open: set[Conversation] = field(default_factory=set)
    refused: int = 0

    def close(self) -> None:
        """Hang up on everybody."""
        for one in list(self.open):
            one.close()


@dataclass(slots=True)
class Door:
    """One machine's: how to begin an exchange, whether the machine can answer, and how many are talking to it."""

    begin: Callable[[], Exchange]
    has_power: Callable[[], bool]
    room: Room
    talking: int = 0

    def admit(self, line: socket.socket) -> None:
        """Talk to whoever is on `line`, a connected socket, if there is room and the machine has power; else hang up."""
        if self.talking >= MOST_OF_ONE_MACHINE or len(self.room.open) >= self.room.most:
            self.room.refused += 1
            line.close()
            return
        try:
            answers = self.has_power()
        except Exception:  # as below
            LOG.exception("a machine could not catch up")
            answers = False
        if answers:
            Conversation(self, line)
        else:
            line.close()


class Conversation:
    """One connection to one machine; it lives in the room of its door until it is closed."""

    def __init__(self, door: Door, line: socket.socket) -> None:
        self._door = door
        self._line = line
        self._exchange: Exchange | None = door.begin()
        self._loop = asyncio.get_running_loop()
        self._unsent = b""
        self._thrown = 0
        self._pause: asyncio.TimerHandle | None = None
        self._deadline = self._loop.call_later(REQUEST_S, self._too_late)
        door.talking += 1
        door.room.open.add(self)
        line.setblocking(False)
        self._loop.add_reader(line, self._readable)

    def close(self) -> None:
        """Hang up; once is enough."""
        if self not in self._door.room.open:
            return
        self._door.room.open.discard(self)
        self._door.talking -= 1
        self._exchange = None
        self._deadline.cancel()
        self._stop_pause()
        self._loop.remove_reader(self._line)
        self._loop.remove_writer(self._line)
        self._line.close()

    def _readable(self) -> None:
        try:
            data = self._line.recv(PIECE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # the other end cut the line
            self.close()
            return
        if self._exchange is None:
            self._throw(data)
            return
        self._stop_pause()
        if not self._goes_on(lambda exchange: exchange.feed(data) if data else exchange.end()):
            return
        if data:
            self._pause = self._loop.call_later(PAUSE_S, self._goes_on, lambda exchange: exchange.pause())
        else:
            self.close()

    def _throw(self, data: bytes) -> None:
        """Look at nothing of what comes after the request; hang up when the other end does, or goes on and on."""
        self._thrown += len(data)
        if self._thrown > MOST_THROWN_BYTES:
            self.close()
        elif not data:
            self._loop.remove_reader(self._line)
            if not self._unsent:
                self.close()

    def _goes_on(self, step: Callable[[Exchange], bytes | None]) -> bool:
        """Let the exchange take a step, and send its reply if it has one; tell whether it still waits for its request."""
        if self._exchange is None:
            return False
        try:
            reply = step(self._exchange)
        except Exception:  # a defect here must not take the other machines along
            LOG.exception("a request could not be answered")
            self.close()
            return False
        if reply is None:
            return True
        self._exchange = None
        self._unsent = reply
        self._deadline.cancel()
        self._deadline = self._loop.call_later(REQUEST_S, self.close)
        self._send()
        return False

    def _send(self) -> None:
        try:
            sent = self._line.send(self._unsent)
            self._unsent = self._unsent[sent:]
            if not self._unsent:
                self._line.shutdown(socket.SHUT_WR)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self.close()
            return
        if self._unsent:
            self._loop.add_writer(self._line, self._send)
            return
        self._loop.remove_writer(self._line)
        self._deadline.cancel()
        self._deadline = self._loop.call_later(LINGER_S, self.close)

    def _too_late(self) -> None:
        if self._goes_on(lambda exchange: exchange.end()):  # nothing came, or nothing that can be answered
            self.close()

    def _stop_pause(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
