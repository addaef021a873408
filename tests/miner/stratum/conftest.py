"""A pool without its wire, and a miner at it, for several files of tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from miner.stratum import messages as m
from miner.stratum import pool_core
from miner.stratum.jobs import KnownJobs, SyntheticJobs
from miner.stratum.known_jobs import Split, known_block
from miner.stratum.miner_session import MinerSession
from miner.stratum.pool_core import PoolCore, PoolSettings

GENESIS_NONCE = 0x7C2BAC1D
EASY = 1 / (1 << 31)  # every other hash is a share

MakeCore = Callable[..., PoolCore]
MakeShare = Callable[..., m.Submit]
LogIn = Callable[..., MinerSession]
Said = Callable[[list[m.Message]], object]


def _genesis_core(split: Split = Split.PREVOUT, clock: Time | None = None, **changes: Any) -> PoolCore:
    settings = PoolSettings(**{"difficulty": 2536, **changes})
    return PoolCore(KnownJobs(known_block(0), split), settings, clock=clock or Time(), unix_clock=lambda: 1.7e9)


def _easy_core(clock: Time | None = None, **changes: Any) -> PoolCore:
    settings = PoolSettings(**{"difficulty": EASY, **changes})
    return PoolCore(SyntheticJobs(), settings, clock=clock or Time(), unix_clock=lambda: 1.7e9)


def _logged_in(core: PoolCore, *, mask: int | None = None) -> MinerSession:
    session = MinerSession(core)
    if mask is not None:
        session.receive(m.Configure(0, ("version-rolling",), version_mask=mask))
    session.receive(m.Subscribe(1))
    session.receive(m.Authorize(2, "w.1"))
    return session


def _genesis_share(core: PoolCore, **changes: Any) -> m.Submit:
    job = core.current.job
    return replace(m.Submit(9, "w.1", job.job_id, bytes(4), job.time_s, GENESIS_NONCE), **changes)


def _said(answer: list[m.Message]) -> object:
    (only,) = answer
    return only.value if isinstance(only, m.Result) else (only.code if isinstance(only, m.Failure) else only)


def _share(core: PoolCore, session: MinerSession, nonce: int, **changes: Any) -> m.Submit:
    job = core.current.job
    return replace(m.Submit(nonce, "w.1", job.job_id, bytes(4), job.time_s, nonce), **changes)


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def numbered_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pools name their sessions 00000000, 00000001 and so on, and not by chance."""
    numbers = count()
    monkeypatch.setattr(pool_core, "token_hex", lambda _size: f"{next(numbers):08x}")


@pytest.fixture
def time_class() -> type[Time]:
    return Time


@pytest.fixture
def genesis_core() -> MakeCore:
    """Return a function that makes a pool which serves block 0."""
    return _genesis_core


@pytest.fixture
def easy_core() -> MakeCore:
    """Return a function that makes a pool of synthetic jobs, for which every other hash is a share."""
    return _easy_core


@pytest.fixture
def logged_in() -> LogIn:
    """Return a function that lets the miner w.1 in."""
    return _logged_in


@pytest.fixture
def genesis_share() -> MakeShare:
    """Return a function that makes the genuine share of block 0, with changes."""
    return _genesis_share


@pytest.fixture
def share() -> MakeShare:
    """Return a function that makes a share of the current job from a nonce."""
    return _share


@pytest.fixture
def said() -> Said:
    """Return a function that gives the value, or the number of the failure, of an only answer."""
    return _said
