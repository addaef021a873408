"""How a client mines, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass, field

from miner.errors import SettingError
from miner.stratum.hashing import MakeHasher
from miner.template import GROUPS
from miner.work import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """How a client mines and how patient it is; times in seconds.

    `space` says which nonces are searched and how far a job's time may be moved on. After `stop_after` accepted shares (None:
    never) it stops. `patient` keeps on trying even if the pool was never reached. `silence_s` is how long a pool may be silent,
    `farewell_s` how long its word on the last shares is waited for. `midstates` versions of a header are searched together, as
    far as the pool lets them be rolled. `hasher` makes what mines, if not threads on the backend.
    """

    threads: int = 1
    backend: str = "auto"
    midstates: int = 1
    hasher: MakeHasher | None = None
    space: Space = field(default_factory=lambda: Space(time_roll_s=600))
    allow_public: bool = False
    patient: bool = True
    stop_after: int | None = None
    connect_s: float = 10.0
    login_s: float = 20.0
    silence_s: float = 300.0
    farewell_s: float = 5.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0

    def __post_init__(self) -> None:
        if self.stop_after is not None and self.stop_after < 1:
            raise SettingError(f"stop after {self.stop_after} shares; want 1 or more")
        if self.midstates not in GROUPS:
            raise SettingError(f"{self.midstates} midstates; want 1, 2 or 4")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSnapshot:
    """How a client stands: what became of its shares, and its hash rate [H/s] over the time in which it hashed.

    `elapsed_s` counts from the first attempt to connect, `hashing_s` only what threads spent searching, on average over them.
    `rejected` has the count by the pool's number, `jobs_dropped` those let go of though no clean job had come. See
    `miner.stratum.share_book` for the others.
    """

    elapsed_s: float
    hashing_s: float
    backend: str
    connected: bool
    connections: int
    jobs: int
    jobs_dropped: int
    hashes: int
    hash_rate_hps: float
    found: int
    accepted: int
    rejected: tuple[tuple[int, int], ...]
    stale: int
    repeated: int
    lost: int
    open: int
    odd: int
    accepted_hashes: float
    best_difficulty: float
