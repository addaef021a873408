"""The part of `hashwatt mine` that mines at a pool: by threads of this machine, or on devices whose metrics may be served."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from reports.cli.early_signals import EarlySignals
from reports.cli.energy_told import energy_sentences, energy_told
from reports.cli.errors import UsageProblem
from reports.cli.mining_devices import MiningDevices
from reports.cli.serve import serve_metrics
from reports.cli.until_stopped import check_seconds, first_of, told_on_stderr, with_signals
from reports.machine import distribution_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hw.meters.efficiency import Spent
    from miner.stratum.client import StratumClient
    from miner.stratum.client_settings import ClientSettings, ClientSnapshot

FAREWELL_S: Final = 0.15  # a near pool has answered by then, and --seconds are to be kept


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolVisit:
    """What `hashwatt mine` was told about a pool."""

    url: str
    user: str | None
    password: str
    backend: str
    threads: int
    seconds: float | None
    shares: int | None
    midstates: int
    allow_public: bool
    devices: tuple[str, ...]
    metrics: int | None
    as_json: bool


def mine_at_pool(visit: PoolVisit, early: EarlySignals) -> None:
    """Mine at a pool until stopped, for so many seconds, or for so many accepted shares; print what came of it.

    What goes wrong once the pool was reached is raised after that, so that shares which it accepted are told of.

    Raises
    ------
    PoolUnreachableError
        If the seconds are over and there was no job.
    """
    from miner.backends.registry import load

    check_seconds(visit.seconds)
    devices = MiningDevices(visit.devices) if visit.devices else None
    client = _client(visit, devices)
    if devices is None:
        for together in (
            one for one in (1, 2, 4) if one <= max(visit.midstates, 1)
        ):  # a pool's mask may allow fewer than wished
            load(visit.backend, together)  # which may have to be compiled first; the seconds count from then on
    with ExitStack() as stack, told_on_stderr():
        if devices is not None and visit.metrics is not None:
            serve_metrics(devices.collector(), visit.metrics, stack)
        interrupted, wrong = _mined(client, devices, visit.seconds, early)
    if devices is not None and (trouble := devices.trouble()) is not None:
        raise UsageProblem(trouble)
    did = _Did(client.snapshot(), *(([], {}) if devices is None else (devices.rows(), devices.spent())))
    print(_json(visit, did) if visit.as_json else _text(visit, did), flush=True)
    if interrupted or early.interrupted:
        raise KeyboardInterrupt
    if wrong is not None:
        raise wrong
    _insist_on_work(visit, did.snapshot)


def _mined(
    client: StratumClient, devices: MiningDevices | None, seconds: float | None, early: EarlySignals
) -> tuple[bool, Exception | None]:
    """Mine; return whether Ctrl-C ended it, and what went wrong once the pool was reached. Before, that is raised."""
    try:
        return asyncio.run(with_signals(lambda stopped: _mine(client, devices, stopped, seconds), early)), None
    except Exception as error:
        if not client.snapshot().connections:
            raise
        return False, error


def _insist_on_work(visit: PoolVisit, snapshot: ClientSnapshot) -> None:
    """Raise PoolUnreachableError if all the seconds went by without a job."""
    from miner.errors import PoolUnreachableError

    if visit.seconds is not None and snapshot.elapsed_s >= visit.seconds and not snapshot.jobs:
        raise PoolUnreachableError(f"pool {visit.url} gave no work in {visit.seconds:g} s; is it a Stratum pool?")


async def _mine(client: StratumClient, devices: MiningDevices | None, stopped: asyncio.Event, seconds: float | None) -> None:
    running = asyncio.create_task(client.run())
    watching = asyncio.create_task(devices.watch(stopped)) if devices is not None else None
    await first_of(running, stopped, seconds)
    client.stop()
    if watching is not None:
        watching.cancel()
    await running


def _client(visit: PoolVisit, devices: MiningDevices | None) -> StratumClient:
    from miner.stratum.address import PoolAddress
    from miner.stratum.client import StratumClient
    from miner.stratum.client_session import Login

    address = PoolAddress.parse(visit.url)
    if not visit.user:
        raise UsageProblem("--pool needs a user: give one with -u, such as -u worker.1")
    for option, text in (("--user", visit.user), ("--password", visit.password)):
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise UsageProblem(f"{option} {ascii(text)[:60]}: not in UTF-8, as words to a pool are; give other letters")
    login = Login(user=visit.user, password=visit.password, agent=f"hashwatt/{distribution_version('hashwatt') or '0'}")
    return StratumClient(address, login, _settings(visit, devices))


def _settings(visit: PoolVisit, devices: MiningDevices | None) -> ClientSettings:
    from miner.stratum.client_settings import ClientSettings

    return ClientSettings(
        threads=visit.threads,
        backend=visit.backend,
        midstates=visit.midstates,
        allow_public=visit.allow_public,
        patient=False,
        stop_after=visit.shares,
        farewell_s=FAREWELL_S,
        hasher=devices.hasher if devices is not None else None,
    )


class _Did(NamedTuple):
    """What came of a visit: at the pool, and of each device, with what those that have a meter drew."""

    snapshot: ClientSnapshot
    rows: list[dict[str, Any]]
    spent: Mapping[str, Spent]


def _json(visit: PoolVisit, did: _Did) -> str:
    snapshot = did.snapshot
    rejected = {str(code): count for code, count in snapshot.rejected}
    told = {"pool": visit.url, "threads": visit.threads, "devices": visit.devices, **asdict(snapshot), "rejected": rejected}
    if visit.devices:
        told |= {"threads": None, "device_states": did.rows, "energy": energy_told(did.spent)}
    return json.dumps(told, indent=2)


def _text(visit: PoolVisit, did: _Did) -> str:
    from miner.units import HASHES_PER_MH

    snapshot = did.snapshot
    rejected = sum(count for _, count in snapshot.rejected)
    others = {"stale": snapshot.stale, "lost": snapshot.lost, "repeated": snapshot.repeated, "unanswered": snapshot.open}
    told = "".join(f", {count:,} {what}" for what, count in others.items() if count)
    threads = "thread" if visit.threads == 1 else "threads"
    by_code = ", ".join(f"{count:,} with code {code}" for code, count in snapshot.rejected)
    return (
        f"{snapshot.accepted:,} accepted, {rejected:,} rejected{f' ({by_code})' if by_code else ''}{told}\n"
        f"{snapshot.hash_rate_hps / HASHES_PER_MH:,.2f} MH/s{' declared' * bool(visit.devices)}: {snapshot.hashes:,} hashes in "
        f"{snapshot.hashing_s:.1f} s ({snapshot.backend}{'' if visit.devices else f', {visit.threads} {threads}'})"
        + "".join(f"\n{sentence}" for sentence in (*map(_device_sentence, did.rows), *energy_sentences(did.spent)))
    )


def _device_sentence(row: dict[str, Any]) -> str:
    trouble = f"; last trouble: {row['trouble']}" if row["trouble"] else ""
    return (
        f"{row['device']}: {row['health']}, {row['nonces']:,} nonces of {row['expected_nonces']:,.1f} expected by its own "
        f"account, {row['shares']:,} shares, "
        f"{row['hardware_errors']:,} hardware errors, {row['restarts']:,} restarts{trouble}"
    )
