"""A pool without its wire: settings, jobs, sessions and what came of the shares. `miner.stratum.pool` adds the sockets."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from secrets import token_hex
from typing import Final

from miner.errors import SettingError
from miner.stratum.jobs import JobSource, ServedJob
from miner.stratum.share_check import MOST_JOBS, JobBook
from miner.stratum.tally import Outcome, Tally
from miner.work import VERSION_ROLLING_MASK, Assignment, Difficulty, target_from_difficulty

MOST_SEATS: Final = 1024
MOST_JOBS_PER_BLOCK: Final = 1000  # all of them may be handed in until the next block, and are held till then
NAME_BYTES: Final = 8  # of a session: whoever guesses it takes it over once its miner is away

Clock = Callable[[], float]
Authorizer = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """What a pool asks of its miners, and what it grants them.

    `difficulty` is that of a share at first; wishes and `shares_per_minute` (None: none aimed at) may move it between
    `lowest_difficulty` and `highest_difficulty`, which are `difficulty` itself where None.

    Raises
    ------
    TargetError
        If a difficulty is none.
    SettingError
        If another number is out of range.
    """

    difficulty: Difficulty = 1
    lowest_difficulty: Difficulty | None = None
    highest_difficulty: Difficulty | None = None
    shares_per_minute: float | None = None
    version_mask: int = VERSION_ROLLING_MASK
    interval_s: float = 30.0
    jobs_per_block: int = 20
    time_window_s: int = 7_000

    def __post_init__(self) -> None:
        for difficulty in (self.difficulty, self.lowest, self.highest):
            target_from_difficulty(difficulty)
        if not self.lowest <= self.difficulty <= self.highest:
            raise SettingError(f"difficulty {self.difficulty} is not between {self.lowest} and {self.highest}")
        if not (isfinite(self.interval_s) and self.interval_s > 0):
            raise SettingError(f"a job every {self.interval_s:g} s; want a number above 0")
        if self.shares_per_minute is not None and not (isfinite(self.shares_per_minute) and self.shares_per_minute > 0):
            raise SettingError(f"{self.shares_per_minute:g} shares a minute; want a number above 0")
        if not 1 <= self.jobs_per_block <= MOST_JOBS_PER_BLOCK or self.time_window_s < 0:
            told = f"{self.jobs_per_block} jobs a block, {self.time_window_s} s"
            raise SettingError(f"{told}; want 1 to {MOST_JOBS_PER_BLOCK}, and 0 or more")
        if not 0 <= self.version_mask < 1 << 32:
            raise SettingError(f"version mask {self.version_mask:#x} does not fit 32 bits")

    @property
    def lowest(self) -> Difficulty:
        """The lowest difficulty that a miner may get."""
        return self.difficulty if self.lowest_difficulty is None else self.lowest_difficulty

    @property
    def highest(self) -> Difficulty:
        """The highest difficulty that a miner may get."""
        return self.difficulty if self.highest_difficulty is None else self.highest_difficulty


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSnapshot:
    """How a pool stands: sums since its start, the job of the moment, and the hash rate that accepted shares imply.

    `hash_rate_hps` [H/s] is over the last ten minutes; `hashes` is what all accepted shares prove; `malformed` counts
    lines as well as shares; `lost_slow` are connections cut because they did not read what they were sent, `evicted` those cut
    without having logged in, to make room; `logins_refused` counts users who were not let in, which are no shares.
    """

    elapsed_s: float
    job_id: str
    jobs: int
    connections: int
    connections_total: int
    connections_refused: int
    connections_evicted: int
    logins_refused: int
    lost_slow: int
    accepted: int
    stale: int
    duplicate: int
    low_difficulty: int
    malformed: int
    out_of_range: int
    unauthorized: int
    not_subscribed: int
    blocks: int
    best_difficulty: float
    hashes: float
    hash_rate_hps: float

    @property
    def rejected(self) -> int:
        """How many shares and lines were refused."""
        counts = self.stale, self.duplicate, self.low_difficulty, self.malformed, self.out_of_range
        return sum(counts) + self.unauthorized + self.not_subscribed


@dataclass(slots=True)
class Seat:
    """What outlives a connection, so that a miner can take up its session: extranonce1 and the terms of its jobs."""

    session_id: str
    extranonce1: bytes
    terms: dict[str, Assignment] = field(default_factory=dict)


@dataclass(slots=True)
class Connections:
    """How many miners are and were connected, and what became of the others."""

    now: int = 0
    total: int = 0
    refused: int = 0
    evicted: int = 0
    logins_refused: int = 0
    lost_slow: int = 0


class PoolCore:
    """What all sessions of a pool share. `clock` [s] goes forward only, `unix_clock` [s] is that of headers."""

    def __init__(
        self,
        source: JobSource,
        settings: PoolSettings,
        *,
        clock: Clock,
        unix_clock: Clock,
        authorizer: Authorizer | None = None,
    ) -> None:
        self.source, self.settings, self.clock = source, settings, clock
        self.authorizer: Authorizer = authorizer or (lambda _user, _password: True)
        self.book = JobBook(settings.time_window_s, max(MOST_JOBS, settings.jobs_per_block))
        self.tally = Tally(clock())
        self.connections = Connections()
        self.wants_new_block = False
        self._unix_clock = unix_clock
        self._began_s = clock()
        self._jobs = 0
        self._seats = 0
        self._empty_seats: OrderedDict[str, Seat] = OrderedDict()
        self.current = self.renew(new_block=True)

    def renew(self, *, new_block: bool) -> ServedJob:
        """Make the next job, of a new block if asked for or due, and let it be the current one."""
        new_block = new_block or self.wants_new_block or self._jobs % self.settings.jobs_per_block == 0
        self.wants_new_block = False
        self._jobs += 1
        self.current = self.source.next_job(f"{self._jobs:x}", self._unix_clock(), new_block=new_block)
        self.book.add(self.current)
        return self.current

    def take_seat(self, session_id: str | None) -> Seat:
        """Return the seat of a session that ended, if it is asked for by name, or else a new one."""
        if session_id is not None and (left := self._empty_seats.pop(session_id, None)):
            return left
        number, self._seats = self._seats, self._seats + 1
        return Seat(token_hex(NAME_BYTES), self.source.extranonce1(number))

    def leave_seat(self, seat: Seat) -> None:
        """Keep the seat of a session that ended for its miner; the oldest are forgotten when there are too many."""
        self._empty_seats[seat.session_id] = seat
        while len(self._empty_seats) > MOST_SEATS:
            self._empty_seats.popitem(last=False)

    def snapshot(self) -> PoolSnapshot:
        """Return how the pool stands now."""
        now_s, count = self.clock(), self.tally.count
        return PoolSnapshot(
            elapsed_s=now_s - self._began_s,
            job_id=self.current.job.job_id,
            jobs=self._jobs,
            connections=self.connections.now,
            connections_total=self.connections.total,
            connections_refused=self.connections.refused,
            connections_evicted=self.connections.evicted,
            logins_refused=self.connections.logins_refused,
            lost_slow=self.connections.lost_slow,
            accepted=count(Outcome.ACCEPTED),
            stale=count(Outcome.STALE),
            duplicate=count(Outcome.DUPLICATE),
            low_difficulty=count(Outcome.LOW_DIFFICULTY),
            malformed=count(Outcome.MALFORMED),
            out_of_range=count(Outcome.OUT_OF_RANGE),
            unauthorized=count(Outcome.UNAUTHORIZED),
            not_subscribed=count(Outcome.NOT_SUBSCRIBED),
            blocks=self.tally.blocks,
            best_difficulty=self.tally.best_difficulty,
            hashes=self.tally.hashes,
            hash_rate_hps=self.tally.hash_rate_hps(now_s),
        )
