"""What a miner's session wants done: say something, search something, leave."""

from __future__ import annotations

from dataclasses import dataclass

from miner.stratum.hashing import Share
from miner.stratum.messages import Message
from miner.work import Assignment


@dataclass(frozen=True, slots=True)
class Say:
    """Send this to the pool."""

    message: Message


@dataclass(frozen=True, slots=True)
class Mine:
    """Search this; what was searched before is void if `abandon`."""

    assignment: Assignment
    abandon: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """The pool accepted a share, or rejected it with a number and a sentence."""

    share: Share
    reject: int | None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Leave:
    """Close the connection and come back: to `host` and `port` if the pool says so, else where it was."""

    reason: str
    host: str | None = None
    port: int | None = None
    wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The pool does not want this user."""

    reason: str


Event = Say | Mine | Judged | Leave | GiveUp
