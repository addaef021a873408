"""How many connections a process may hold open: each takes one of the files that the system lets it have."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

SPARE: Final = 48  # files that the program may still open itself, and connections on their way to being refused
_GUESS: Final = 32  # files open already, where that cannot be counted


def room_for(connections: int) -> int:
    """Return how many of so many connections there is room for, 1 at least; the soft limit is raised first, if it may be."""
    try:
        import resource
    except ImportError:  # Windows knows no such limit
        return connections
    used = _open_now() + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if soft != unlimited and soft < used + connections:
        wanted = used + connections if hard == unlimited else min(used + connections, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
            soft = max(soft, wanted)
    return connections if soft == unlimited else max(1, min(connections, soft - used))


def _open_now() -> int:
    try:
        return len(os.listdir("/dev/fd"))
    except OSError:
        return _GUESS
