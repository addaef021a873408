"""One connection at a pool: the session of its miner, and both ends of its stream."""

from __future__ import annotations

import asyncio
from typing import Final

from miner.stratum.building import line_of
from miner.stratum.messages import Message
from miner.stratum.miner_session import MinerSession

READ_BYTES: Final = 4096


class PoolMiner:
    """A miner as the pool's port sees it."""

    def __init__(self, session: MinerSession, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.session = session
        self._reader, self._writer = reader, writer
        self.leaving = False
        """Whether the connection is being closed."""

    @property
    def is_mining(self) -> bool:
        """Whether it has logged in, and is not about to leave."""
        return self.session.is_mining and not self.leaving

    @property
    def unread_bytes(self) -> int:
        """How much of what it was sent waits for it to read [bytes]."""
        return self._writer.transport.get_write_buffer_size()

    def send(self, messages: list[Message]) -> None:
        """Send `messages`, without waiting."""
        if messages and not self._writer.is_closing():
            self._writer.write(b"".join(map(line_of, messages)))

    async def read(self, left_s: float) -> bytes:
        """Return the next bytes, none at the end of the stream; raise TimeoutError after `left_s` [s].

        Where no time is left nothing is read, also if bytes are there: who floods a connection is not to keep it open by that.
        """
        if left_s <= 0:
            raise TimeoutError("it took too long")
        async with asyncio.timeout(left_s):
            return await self._reader.read(READ_BYTES)

    async def drain(self, limit_s: float) -> None:
        """Wait until it has read most of what it was sent; raise TimeoutError after `limit_s` [s]."""
        async with asyncio.timeout(limit_s):
            await self._writer.drain()

    async def hang_up(self, limit_s: float) -> None:
        """Close the connection: once everything is read, or else after `limit_s` [s], or at once if that is cancelled."""
        self.leaving = True
        self._writer.close()
        try:
            async with asyncio.timeout(limit_s):
                await self._writer.wait_closed()
        except OSError:
            pass  # gone already, or it does not read what it was sent
        finally:
            self.cut()

    def cut(self) -> None:
        """Close the connection at once, whatever is still to be sent."""
        self.leaving = True
        self._writer.transport.abort()
