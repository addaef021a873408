"""The pool's part in a session without a wire: what it says, and what of the miner's answer matters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import pytest

from miner.header import Nonce
from miner.stratum import messages as m
from miner.stratum.client_session import ClientSession, Login
from miner.stratum.events import Event, Mine, Say
from miner.stratum.hashing import Share
from miner.target import NBits
from miner.work import Assignment, Job, Roll


class PoolSide:
    """What a test says as a pool, and reads of what the session then wants done."""

    JOB: ClassVar = Job(
        job_id="j1",
        previous=bytes(32),
        coinbase1=b"a",
        coinbase2=b"b",
        branch=(),
        version=0x20000000,
        nbits=NBits(0x1D00FFFF),
        time_s=1000,
    )
    AGREED: ClassVar = {"version-rolling": True, "version-rolling.mask": "1fffe000"}
    SUBSCRIBED: ClassVar = [[["mining.notify", "s1"]], "0a0b", 4]

    def said(self, events: list[Event], kind: type[m.Message]) -> Any:
        """Return the only message of this kind."""
        (only,) = (event.message for event in events if isinstance(event, Say) and isinstance(event.message, kind))
        return only

    def mined(self, events: list[Event]) -> Mine:
        """Return the only order to mine."""
        (only,) = (event for event in events if isinstance(event, Mine))
        return only

    def submits(self, events: list[Event]) -> list[m.Submit]:
        """Return the shares that are handed in."""
        return [event.message for event in events if isinstance(event, Say) and isinstance(event.message, m.Submit)]

    def log_in(self, session: ClientSession, *, agreed: object = AGREED, subscribed: object = SUBSCRIBED) -> list[Event]:
        """Play the pool's part up to the user being let in; return what the session wants done on the way."""
        opening = session.connected()
        events = opening + session.receive(m.Result(self.said(opening, m.Configure).id, agreed))
        answer = session.receive(m.Result(self.said(opening, m.Subscribe).id, subscribed))
        return events + answer + session.receive(m.Result(self.said(answer, m.Authorize).id, True))

    def ready(self, **login: Any) -> ClientSession:
        """Return a session whose user was let in."""
        session = ClientSession(Login(user="w.1", **login))
        self.log_in(session)
        return session

    def notify(self, session: ClientSession, *, clean: bool = True, **changes: Any) -> Assignment:
        """Tell of a job, with changes; return what is mined then."""
        return self.mined(session.receive(m.Notify(replace(self.JOB, **changes), clean))).assignment

    def share(self, assignment: Assignment, nonce: int = 7, version: int | None = None) -> Share:
        """Return a share of a job."""
        roll = Roll(bytes(4), assignment.job.version if version is None else version, assignment.job.time_s)
        return Share(assignment=assignment, roll=roll, nonce=Nonce(nonce), difficulty=2.0)


@pytest.fixture
def pool() -> PoolSide:
    """Return the pool's side of a session."""
    return PoolSide()
