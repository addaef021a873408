"""The messages of Stratum v1, as values: what miners ask, what pools tell, and what either answers.

Numbers that go as hex on the wire are numbers here, hashes and extranonces are bytes. `id` is the JSON-RPC id; a request
whose id is None wants no answer. `miner.stratum.parsing` reads them from lines, `miner.stratum.building` writes them.

Sources: https://en.bitcoin.it/wiki/Stratum_mining_protocol; BIP 310 for `Configure`, `SetVersionMask` and version bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from miner.stratum.json_line import Json
from miner.work import Job

Id = int | str | None


class Reject(IntEnum):
    """Why a pool refuses, as the field numbers it."""

    OTHER = 20
    JOB_NOT_FOUND = 21
    DUPLICATE = 22
    LOW_DIFFICULTY = 23
    UNAUTHORIZED = 24
    NOT_SUBSCRIBED = 25


# What miners ask


@dataclass(frozen=True, slots=True)
class Configure:
    """Negotiate extensions by name (BIP 310); None where the miner says nothing."""

    id: Id
    extensions: tuple[str, ...]
    version_mask: int | None = None
    min_bit_count: int | None = None
    minimum_difficulty: int | float | None = None


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Begin a session, or take up `session_id` again."""

    id: Id
    agent: str = ""
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class Authorize:
    """Let `user`, often an address with a worker's name behind a point, mine on this connection."""

    id: Id
    user: str
    password: str = ""


@dataclass(frozen=True, slots=True)
class ExtranonceSubscribe:
    """Say that `SetExtranonce` is understood."""

    id: Id


@dataclass(frozen=True, slots=True)
class SuggestDifficulty:
    """Ask for another share difficulty."""

    id: Id
    difficulty: int | float


@dataclass(frozen=True, slots=True)
class SuggestTarget:
    """Ask for another share difficulty, said as a target of 256 bits."""

    id: Id
    target: int


@dataclass(frozen=True, slots=True)
class GetTransactions:
    """Ask for the transactions of a job, to look into the pool's work."""

    id: Id
    job_id: str


@dataclass(frozen=True, slots=True)
class Submit:
    """Hand in a share; `version_bits` is None where version rolling was not agreed upon."""

    id: Id
    user: str
    job_id: str
    extranonce2: bytes
    time_s: int
    nonce: int
    version_bits: int | None = None


# What pools tell


@dataclass(frozen=True, slots=True)
class SetDifficulty:
    """The share difficulty from the next job on."""

    difficulty: int | float


@dataclass(frozen=True, slots=True)
class SetExtranonce:
    """The extranonce1 and the size of the extranonce2 from the next job on."""

    extranonce1: bytes
    extranonce2_bytes: int


@dataclass(frozen=True, slots=True)
class SetVersionMask:
    """The version bits that may be rolled from now on."""

    mask: int


@dataclass(frozen=True, slots=True)
class Notify:
    """A job; `clean` makes all earlier ones void."""

    job: Job
    clean: bool


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Leave and come back after `wait_s` [s]; None for the host or port that it has already."""

    host: str | None = None
    port: int | None = None
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ShowMessage:
    """A sentence for the person who mines."""

    text: str
    id: Id = None


@dataclass(frozen=True, slots=True)
class GetVersion:
    """The pool asks which program mines."""

    id: Id


# What either says


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask for a sign of life, which is the word pong."""

    id: Id


@dataclass(frozen=True, slots=True)
class Result:
    """An answer that is no failure."""

    id: Id
    value: Json


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that says why not: a number (see `Reject`) and a sentence."""

    id: Id
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A well-formed request for something that is not known here."""

    id: Id
    method: str


Message = (
    Configure
    | Subscribe
    | Authorize
    | ExtranonceSubscribe
    | SuggestDifficulty
    | SuggestTarget
    | GetTransactions
    | Submit
    | SetDifficulty
    | SetExtranonce
    | SetVersionMask
    | Notify
    | Reconnect
    | ShowMessage
    | GetVersion
    | Ping
    | Result
    | Failure
    | Unknown
)
