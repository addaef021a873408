"""A miner's session through any life: shares found, jobs, verdicts and lost connections in any order."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from miner.stratum import messages as m
from miner.stratum.events import Event, Mine

if TYPE_CHECKING:
    from tests.miner.stratum.session.conftest import PoolSide

LIVES = settings(max_examples=60, stateful_step_count=30, deadline=None)


class Life(RuleBasedStateMachine):
    """Anything may happen at any time: each share found ends in one place, and none is sent twice in one connection."""

    def __init__(self, pool: PoolSide) -> None:
        super().__init__()
        self.pool = pool
        self.session = self.pool.ready()
        self.assignments = [self.pool.notify(self.session)]
        self.unjudged: list[m.Submit] = []
        self.sent_now: set[tuple[object, ...]] = set()
        self.connected = True
        self.extranonces = 0

    def look(self, events: list[Event]) -> None:
        for submit in self.pool.submits(events):
            key = submit.job_id, submit.extranonce2, submit.time_s, submit.nonce, submit.version_bits
            assert self.connected
            assert key not in self.sent_now
            self.sent_now.add(key)
            self.unjudged.append(submit)
        self.assignments += [event.assignment for event in events if isinstance(event, Mine)]

    @rule(data=st.data(), nonce=st.integers(0, 5))
    def find(self, data: st.DataObject, nonce: int) -> None:
        self.look(self.session.found(self.pool.share(data.draw(st.sampled_from(self.assignments)), nonce)))

    @precondition(lambda self: self.connected)
    @rule(clean=st.booleans(), job_id=st.sampled_from(["j1", "j2", "j3"]), time_s=st.integers(1000, 1001))
    def hear_of_a_job(self, clean: bool, job_id: str, time_s: int) -> None:
        if clean:
            self.sent_now.clear()  # a name may come back with a new job
        self.look(self.session.receive(m.Notify(replace(self.pool.JOB, job_id=job_id, time_s=time_s), clean)))

    @precondition(lambda self: self.connected and self.unjudged)
    @rule(data=st.data(), code=st.sampled_from([None, 21, 22, 23]))
    def judge(self, data: st.DataObject, code: int | None) -> None:
        submit = self.unjudged.pop(data.draw(st.integers(0, len(self.unjudged) - 1)))
        self.look(self.session.receive(m.Result(submit.id, True) if code is None else m.Failure(submit.id, code, "no")))

    @precondition(lambda self: self.connected)
    @rule()
    def lose(self) -> None:
        self.session.disconnected()
        self.connected = False

    @precondition(lambda self: not self.connected)
    @rule(goes_on=st.booleans())
    def come_back(self, goes_on: bool) -> None:
        self.connected = True
        self.unjudged.clear()
        self.sent_now.clear()
        self.extranonces += not goes_on
        self.look(self.pool.log_in(self.session, subscribed=[[["mining.notify", "s"]], f"{self.extranonces:04x}", 4]))

    @invariant()
    def each_share_is_in_one_place(self) -> None:
        book = self.session.book
        ended = book.accepted + book.rejected.total() + book.stale + book.repeated + book.lost
        assert book.found == ended + book.open


def test_each_share_found_ends_in_one_place(pool: PoolSide) -> None:
    run_state_machine_as_test(partial(Life, pool), settings=LIVES)
