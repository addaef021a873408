"""Ours against ours over real sockets: known nonces are found and accepted, and no share is lost or counted twice."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from miner.stratum.address import PoolAddress
from miner.stratum.client import StratumClient
from miner.stratum.client_session import Login
from miner.stratum.client_settings import ClientSettings, ClientSnapshot
from miner.stratum.jobs import JobSource, KnownJobs, SyntheticJobs
from miner.stratum.known_jobs import Split, known_block
from miner.stratum.messages import Failure, Result, Submit
from miner.stratum.miner_session import MinerSession
from miner.stratum.pool import StratumPool
from miner.stratum.pool_core import PoolCore, PoolSettings, PoolSnapshot
from miner.work import Space, spread_bits

EASY = 1 / (1 << 12)  # a share in a million hashes

Act = Callable[[StratumPool, StratumClient, int], Awaitable[None]]


def near(nonce: int) -> Space:
    """Return a space of which all but the neighbourhood of `nonce` is left out, so that a test takes no minute."""
    return Space(nonces=range(nonce - 3_000_000, nonce + 1_000_000))


async def leave_alone(pool: StratumPool, client: StratumClient, port: int) -> None:
    """Let the client stop by itself."""


def mine(
    source: JobSource, act: Act = leave_alone, *, client: dict[str, Any] | None = None, login: dict[str, Any] | None = None,
    by_way_of: Callable[[int], Awaitable[asyncio.Server]] | None = None, **pool: Any,
) -> tuple[ClientSnapshot, PoolSnapshot]:  # fmt: skip
    """Mine at our pool with our client while `act` plays with both; return how both stand when the client has stopped."""
    settings = ClientSettings(**{"threads": 2, "first_wait_s": 0.02, "longest_wait_s": 0.05, **(client or {})})

    async def play() -> tuple[ClientSnapshot, PoolSnapshot]:
        core = PoolCore(source, PoolSettings(**pool), clock=time.monotonic, unix_clock=time.time)
        async with asyncio.timeout(25), StratumPool(core) as running:
            _, port = await running.listen("127.0.0.1", 0)
            doors = [] if by_way_of is None else [await by_way_of(port)]
            door = doors[0].sockets[0].getsockname()[1] if doors else port
            miner = StratumClient(
                PoolAddress("127.0.0.1", door), Login(**{"user": "w.1", **(login or {})}), settings, random=Random(5)
            )
            mining = asyncio.create_task(miner.run())
            await act(running, miner, port)
            await mining
            for server in doors:
                server.close()
            return miner.snapshot(), running.snapshot()

    return asyncio.run(play())


@pytest.mark.parametrize("split", list(Split))
def test_the_nonce_of_block_0_is_found_and_accepted(split: Split) -> None:
    """Difficulty 2536: nothing but the genuine header will do, whichever extranonce2 leads to it."""
    block = known_block(0)
    space = near(block.header.nonce) if split is not Split.VALUE else Space(nonces=near(block.header.nonce).nonces)
    client, pool = mine(
        KnownJobs(block, split),
        client={"stop_after": 1, "space": space},
        login={"version_mask": 0},
        difficulty=2536,
        interval_s=60,
    )
    assert (client.accepted, client.found, client.rejected, client.lost) == (1, 1, (), 0)
    assert int(client.best_difficulty) == int(pool.best_difficulty) == 2536
    assert (pool.accepted, pool.rejected, pool.blocks) == (1, 0, 1)


def test_the_nonce_of_block_125552_is_found_and_accepted() -> None:
    """Four transactions, so the branch counts; its difficulty is the real one of May 2011 times 147,000."""
    block = known_block(125552)
    client, pool = mine(
        KnownJobs(block),
        client={"stop_after": 1, "space": near(block.header.nonce)},
        difficulty=block.difficulty,
        interval_s=60,
    )
    assert (client.accepted, pool.accepted, pool.blocks, pool.rejected) == (1, 1, 1, 0)
    assert int(pool.best_difficulty) == 35_987_218_905


def test_synthetic_jobs_with_everything_changing() -> None:
    """A job every 50 ms, every fourth of a new block: what is stale was never sent or is refused as such, nothing else is."""

    async def act(pool: StratumPool, client: StratumClient, port: int) -> None:
        await asyncio.sleep(1.0)
        client.stop()

    client, pool = mine(SyntheticJobs(1), act, difficulty=EASY, interval_s=0.05, jobs_per_block=4)
    assert pool.jobs > 6
    assert client.jobs > 6
    assert pool.accepted == client.accepted > 10
    assert pool.rejected == pool.stale == sum(count for _, count in client.rejected)
    assert [code for code, _ in client.rejected] in ([], [21])
    assert (client.lost, client.open, client.repeated, client.odd) == (0, 0, 0, 0)
    assert client.found == client.accepted + client.stale + pool.stale
    assert client.accepted_hashes == pytest.approx(pool.hashes)
    assert pool.hashes < 3 * client.hashes


def test_difficulty_masks_and_versions_may_change_on_the_way() -> None:
    """The pool's wish holds from the next job on; rolled versions are taken as long as they are within the mask."""

    async def act(pool: StratumPool, client: StratumClient, port: int) -> None:
        for mask in (0x1FFFE000, 0x2000, 0x1F000000, 0):
            pool.tell_all(lambda session, mask=mask: MinerSession.allow_versions(session, mask))  # type: ignore[misc]
            pool.renew(new_block=False)
            await asyncio.sleep(0.25)
        client.stop()

    small = Space(nonces=range(1 << 16))  # so that versions are rolled all the time
    client, pool = mine(SyntheticJobs(2), act, client={"space": small}, difficulty=EASY / 16, interval_s=60)
    assert pool.accepted > 50
    assert pool.accepted == client.accepted
    assert pool.rejected == 0
    assert (client.lost, client.odd) == (0, 0)


@pytest.mark.parametrize(("midstates", "mask"), [(2, 0x2000), (4, 0x1FFFE000), (4, 0x6000)])
def test_versions_searched_together_are_shares_of_their_own(midstates: int, mask: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool builds each header anew with the version that was handed in, and refuses what leaves its mask or came before."""
    judged: list[int] = []
    submit = MinerSession._submit

    def watching(self: MinerSession, share: Submit) -> Result | Failure:
        answer = submit(self, share)
        judged.append(-1 if isinstance(answer, Failure) or share.version_bits is None else share.version_bits)
        return answer

    monkeypatch.setattr(MinerSession, "_submit", watching)
    client, pool = mine(
        SyntheticJobs(6),
        client={"midstates": midstates, "stop_after": 80, "space": Space(nonces=range(1 << 20), time_roll_s=600)},
        difficulty=EASY / 16,
        interval_s=60,
        version_mask=mask,
    )
    assert client.accepted == pool.accepted >= 80
    assert (pool.rejected, client.rejected, client.repeated, client.lost) == (0, (), 0, 0)
    counts = Counter(judged)
    assert set(counts) >= {spread_bits(version, mask) for version in range(midstates)}
    assert all(bits & ~mask == 0 for bits in counts)
    assert min(counts[spread_bits(version, mask)] for version in range(midstates)) >= 3


class Cutting:
    """A door in front of a pool that breaks connections off, in the middle of whatever is under way."""

    def __init__(self, seed: int) -> None:
        self.cuts = 0
        self.on = True
        self._random = Random(seed)

    async def open(self, port: int) -> asyncio.Server:
        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            bytes_left = self._random.randint(1_500, 6_000)
            pumps = [
                asyncio.create_task(self._pump(reader, inner_writer, bytes_left)),
                asyncio.create_task(self._pump(inner_reader, writer, bytes_left)),
            ]
            ended, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            self.cuts += any(pump.result() for pump in ended)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            inner_writer.transport.abort()
            writer.transport.abort()

        return await asyncio.start_server(pass_on, "127.0.0.1", 0)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, bytes_left: int) -> bool:
        """Pass on what comes; return whether that ended with a cut."""
        with suppress(OSError):
            while data := await reader.read(512):
                bytes_left -= len(data) if self.on else 0
                if bytes_left < 0:
                    writer.write(data[: len(data) // 2])
                    await asyncio.sleep(0)
                    return True
                writer.write(data)
                await writer.drain()
        return False


@pytest.mark.parametrize("seed", [1, 2])
def test_no_share_is_lost_or_counted_twice_over_broken_connections(seed: int) -> None:
    """What the pool accepted is what the client knows to be accepted, share for share; it is never told of one twice."""
    door = Cutting(seed)

    async def act(pool: StratumPool, client: StratumClient, port: int) -> None:
        while door.cuts < 6:
            await asyncio.sleep(0.02)
        door.on = False
        before = client.snapshot().accepted
        while client.snapshot().accepted < before + 5:
            await asyncio.sleep(0.02)
        client.stop()

    client, pool = mine(SyntheticJobs(seed), act, by_way_of=door.open, difficulty=EASY / 4, interval_s=60)
    assert client.connections > 6
    assert client.accepted == pool.accepted > 20
    assert client.found == client.accepted + client.stale
    assert (client.lost, client.open, client.rejected) == (0, 0, ())
    assert pool.rejected == pool.duplicate + pool.malformed  # half a line at a cut is no message
    assert pool.connections_total == client.connections


def test_two_clients_search_different_headers() -> None:
    async def play() -> tuple[int, int]:
        core = PoolCore(SyntheticJobs(), PoolSettings(difficulty=EASY), clock=time.monotonic, unix_clock=time.time)
        async with asyncio.timeout(20), StratumPool(core) as pool:
            _, port = await pool.listen("127.0.0.1", 0)
            clients = [
                StratumClient(PoolAddress("127.0.0.1", port), Login(user=name), ClientSettings(stop_after=10))
                for name in ("a", "b")
            ]
            await asyncio.gather(*(client.run() for client in clients))
            return pool.snapshot().accepted, pool.snapshot().duplicate

    accepted, duplicates = asyncio.run(play())
    assert accepted >= 20
    assert duplicates == 0


def test_the_pools_hash_rate_is_the_clients() -> None:
    """Implied by shares against counted by kernels, within 4 standard deviations of the number of shares."""

    async def act(pool: StratumPool, client: StratumClient, port: int) -> None:
        await asyncio.sleep(1.2)
        client.stop()

    client, pool = mine(SyntheticJobs(9), act, difficulty=EASY / 8, interval_s=60)
    expected = client.hashes / (pool.hashes / pool.accepted)
    assert pool.accepted > 100
    assert abs(pool.accepted - expected) < 4 * expected**0.5
    assert pool.hash_rate_hps == pytest.approx(pool.hashes / pool.elapsed_s, rel=0.05)


def test_a_job_that_is_sent_again_under_other_terms_is_not_searched_again() -> None:
    """The pool tells the same job anew twenty times, each time with another version mask; no share is found twice."""

    async def act(pool: StratumPool, client: StratumClient, port: int) -> None:
        for turn in range(20):
            mask = (0x1FFFE000, 0x2000)[turn % 2]
            pool.tell_all(lambda session, mask=mask: MinerSession.allow_versions(session, mask))  # type: ignore[misc]
            await asyncio.sleep(0.1)
        client.stop()

    client, pool = mine(SyntheticJobs(3), act, difficulty=EASY / 16, interval_s=60)
    assert client.accepted > 20
    assert (client.repeated, client.lost, client.odd) == (0, 0, 0)
    assert pool.accepted == client.accepted


def test_a_known_block_that_is_served_again_is_found_again() -> None:
    """The pool gives the same header under a new name, so that its nonce counts once more."""
    block = known_block(0)

    async def act(pool: StratumPool, client: StratumClient, port: int) -> None:
        while client.snapshot().accepted < 1:
            await asyncio.sleep(0.05)
        pool.renew(new_block=True)

    client, pool = mine(
        KnownJobs(block),
        act,
        client={"stop_after": 2, "space": near(block.header.nonce)},
        login={"version_mask": 0},
        difficulty=2536,
        interval_s=60,
    )
    assert (client.accepted, pool.accepted, pool.rejected) == (2, 2, 0)
