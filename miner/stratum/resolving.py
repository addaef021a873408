"""Where a host is, by its name; whoever asks can stop waiting at any moment, and so can the program.

The resolver of the C library blocks for as long as it likes. asyncio asks it in threads that are waited for at the end of the
program, so that Ctrl-C would wait, too; here each question has a thread of its own that nobody waits for.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

_Places = Sequence[tuple[int, str]]


async def places_of(host: str, port: int, *, limit_s: float, passive: bool = False) -> _Places:
    """Return the address families and IP addresses of `host`, those to listen on if `passive`.

    Raises
    ------
    TimeoutError
        If the name is not known within `limit_s` [s].
    OSError, UnicodeError
        As `socket.getaddrinfo` does.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_Places] = loop.create_future()

    def settle(found: _Places | Exception) -> None:
        if answer.done():
            return
        if isinstance(found, Exception):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def ask() -> None:
        found: _Places | Exception
        try:
            flags = socket.AI_PASSIVE if passive else 0
            known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
            found = [(int(family), str(place[0])) for family, *_, place in known]
        except Exception as error:
            found = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, found)

    threading.Thread(target=ask, name="asking-for-a-host", daemon=True).start()
    try:
        async with asyncio.timeout(limit_s):
            return await answer
    except TimeoutError:
        raise TimeoutError(f"no answer within {limit_s:g} s") from None
