"""Talks recorded on a loopback wire between other people's programs and ours, replayed byte for byte.

The files in `talks` hold what was said, a line each: `>` by the miner, `<` by the pool. Shares in them are real.
"""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import pytest

from miner.header import Nonce, double_sha256, hash_value
from miner.stratum.building import line_of
from miner.stratum.client_session import ClientSession, Login
from miner.stratum.events import Event, Judged, Mine, Say
from miner.stratum.hashing import Share
from miner.stratum.jobs import SyntheticJobs
from miner.stratum.miner_session import MinerSession
from miner.stratum.parsing import parse_message
from miner.stratum.pool_core import PoolCore, PoolSettings
from miner.stratum.reader import MessageReader
from miner.work import Assignment, Roll

Turn = tuple[bool, list[bytes]]


def turns(name: str) -> list[Turn]:
    """Return who spoke in turn, whether the miner, and the lines that were said."""
    text = (Path(__file__).parent / "talks" / f"{name}.txt").read_bytes()
    said = [(line[:2] == b"> ", line[2:] + b"\n") for line in text.splitlines() if not line.startswith(b"#")]
    return [(miner, [line for _, line in lines]) for miner, lines in groupby(said, key=lambda line: line[0])]


@pytest.mark.usefixtures("numbered_sessions")
@pytest.mark.parametrize(
    ("name", "seed", "difficulty"),
    [
        ("apoclypsebm", 1094, 1),
        ("stratum-client", 7, 2e-5),
        ("stratum", 7, 2e-5),
        ("aiostratum-proxy-up", 7, 0.002),
    ],
)
def test_other_peoples_miners_at_our_pool(name: str, seed: int, difficulty: float) -> None:
    core = PoolCore(
        SyntheticJobs(seed), PoolSettings(difficulty=difficulty), clock=lambda: 0.0, unix_clock=lambda: 1_700_000_000.0
    )
    session, reader, handed_in = MinerSession(core), MessageReader(), 0
    answers: list[bytes] = []
    for miner, lines in turns(name):
        if miner:
            handed_in += sum(b"mining.submit" in line for line in lines)
            answers = [line_of(told) for item in reader.feed(b"".join(lines)) for told in session.receive(item)]
        else:
            assert answers == lines
    assert core.snapshot().accepted == handed_in > 0
    assert core.snapshot().rejected == 0


@pytest.mark.parametrize("name", ["stratum-pool-sha256", "aiostratum-proxy-down"])
def test_our_miner_at_other_peoples_pools(name: str) -> None:
    """It says what it said then, and every share that it hands in is one by its own reckoning."""
    session, reader = ClientSession(Login(user="w.1", agent="hashwatt/0.1.0")), MessageReader()
    events = session.connected()
    jobs: dict[str, Assignment] = {}
    judged: list[Event] = []
    for miner, lines in turns(name):
        if miner:
            for line in lines:
                if b"mining.submit" in line:
                    events += session.found(share(line, jobs))
            assert [line_of(event.message) for event in events if isinstance(event, Say)] == lines
        else:
            events = [event for item in reader.feed(b"".join(lines)) for event in session.receive(item)]
            jobs |= {event.assignment.job.job_id: event.assignment for event in events if isinstance(event, Mine)}
            judged += [event for event in events if isinstance(event, Judged)]
    assert session.book.accepted == len(judged) >= 5
    assert (session.book.found, session.book.open, session.odd) == (len(judged), 0, 0)


def share(line: bytes, jobs: dict[str, Assignment]) -> Share:
    """Return what was handed in with `line`, after a look at its hash."""
    _, job_id, extranonce2, time_s, nonce = json.loads(line)["params"]
    given = jobs[job_id]
    roll = Roll(bytes.fromhex(extranonce2), given.job.version, int(time_s, 16))
    found = Nonce(int(nonce, 16))
    assert hash_value(double_sha256(given.header(roll, found))) <= given.target
    return Share(assignment=given, roll=roll, nonce=found, difficulty=1.0)


def test_p2pool_lets_everybody_in_with_null() -> None:
    """As its source has it: one flat subscription, an empty extranonce1, and no word to a user but the lack of an error."""
    session = ClientSession(Login(user="w"))
    session.connected()
    for line in (
        b'{"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "Method not found"}}',
        b'{"jsonrpc": "2.0", "id": 2, "result": [["mining.notify", "ae6812eb4cd7735a302a8a9dd95cf71f"], "", 8], "error": null}',
        b'{"jsonrpc": "2.0", "id": 3, "result": null, "error": null}',
    ):
        session.receive(parse_message(line))
    assert (session.ready, session.odd) == (True, 0)
