"""A connection to a pool: opened to a checked address, written to without waiting, closed for certain."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Final, Self

from miner.errors import PoolUnreachableError
from miner.stratum.address import PoolAddress, near_addresses

READ_BYTES: Final = 1 << 14
MOST_UNREAD_BYTES: Final = 1 << 20
CLOSE_S: Final = 0.2  # only a pool that does not read what it was sent takes any time at all
_LOG = logging.getLogger(__name__)


class Wire:
    """Both ends of one TCP connection."""

    def __init__(self, address: PoolAddress, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.address = address
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, address: PoolAddress, *, allow_public: bool, connect_s: float) -> Self:
        """Connect to the first of a pool's IP addresses that answers within `connect_s` [s], once all of them are checked.

        Finding them may take as long again.

        Raises
        ------
        AddressError
            If one of them is not near, unless `allow_public`.
        PoolUnreachableError
            If none answers.
        """
        reason = "it has no address"
        for number in await near_addresses(address, allow_public=allow_public, limit_s=connect_s):
            try:
                async with asyncio.timeout(connect_s):
                    return cls(address, *await asyncio.open_connection(number, address.port))
            except OSError as error:
                reason = os.strerror(error.errno) if error.errno else f"no answer within {connect_s:g} s"
        raise PoolUnreachableError(f"pool {address} does not answer: {reason}")

    async def read(self, left_s: float) -> bytes:
        """Return the next bytes, none at the end of the stream; raise TimeoutError once `left_s` [s] are over.

        Where no time is left nothing is read, also if bytes are there: a pool that never stops talking is not spared a limit.
        """
        if left_s <= 0:
            raise TimeoutError("it took too long")
        async with asyncio.timeout(left_s):
            return await self._reader.read(READ_BYTES)

    def write(self, line: bytes) -> None:
        """Send `line`; cut the connection if the pool has not read for long."""
        if self._writer.is_closing():
            return
        self._writer.write(line)
        if self._writer.transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
            _LOG.warning("pool %s does not read what it is sent", self.address)
            self._writer.transport.abort()

    async def close(self) -> None:
        """Close the connection, at the latest after `CLOSE_S`."""
        self._writer.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._writer.wait_closed()
        except OSError:
            self._writer.transport.abort()
