"""`hashwatt pool`: a Stratum pool on this machine; and the part of `hashwatt mine` that mines at one."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from errno import EACCES, EADDRINUSE
from importlib.metadata import PackageNotFoundError, version
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Final

import typer

from reports.cli.errors import UsageProblem
from reports.cli.mining_devices import MiningDevices
from reports.cli.serve import HIGHEST_PORT, is_loopback

if TYPE_CHECKING:
    from miner.stratum.client_settings import ClientSnapshot
    from miner.stratum.jobs import JobSource
    from miner.stratum.pool_core import PoolCore, PoolSnapshot

GENESIS: Final = "genesis"
SYNTHETIC: Final = "synthetic"
SYNTHETIC_DIFFICULTY: Final = 1 / 64  # one share in 67 million hashes: about one a second and thread
SYNTHETIC_INTERVAL_S: Final = 30.0
KNOWN_INTERVAL_S: Final = 600.0  # a known nonce must be found from 0 within it, also by one thread
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
    as_json: bool


def pool(
    listen: Annotated[str, typer.Option(help="HOST:PORT to listen on; port 0 picks a free one.")] = "127.0.0.1:3333",
    job: Annotated[str, typer.Option(help="genesis, synthetic, or the height of a known block.")] = GENESIS,
    split: Annotated[
        str,
        typer.Option(help="Where a known block's extranonces lie: prevout, value (for bfgminer, cgminer) or fixed (piaxe)."),
    ] = "prevout",
    difficulty: Annotated[
        float | None,
        typer.Option(help="Of every miner's shares: 1 takes 2^32 hashes each. The known block's own, or 1/64 if left out."),
    ] = None,
    interval: Annotated[float | None, typer.Option(help="Seconds between jobs; 30, or 600 for known blocks.")] = None,
    seed: Annotated[int, typer.Option(help="Of synthetic jobs.")] = 0,
    seconds: Annotated[float | None, typer.Option(help="Stop after so many seconds; never if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Serve Stratum work to miners until stopped, and check every share they hand in.

    A known block is real work with a known answer: whoever searches rightly finds its miner's nonce.
    """
    from miner.stratum.pool_core import PoolCore, PoolSettings

    host, port = _listen_address(listen)
    _check_seconds(seconds)
    source, own_difficulty, own_interval_s = _source(job, split, seed)
    settings = PoolSettings(
        difficulty=own_difficulty if difficulty is None else difficulty,
        interval_s=own_interval_s if interval is None else interval,
    )
    core = PoolCore(source, settings, clock=time.monotonic, unix_clock=time.time)
    interrupted = asyncio.run(_serve(core, (host, port), seconds, f"job {job}, difficulty {settings.difficulty:g}"))
    snapshot = core.snapshot()
    print(json.dumps(_pool_json(snapshot), indent=2) if as_json else _pool_text(snapshot), flush=True)
    if interrupted:
        raise KeyboardInterrupt


def mine_at_pool(visit: PoolVisit) -> None:
    """Mine at a pool until stopped, for so many seconds, or for so many accepted shares; print what came of it."""
    from miner.backends.registry import load
    from miner.stratum.address import PoolAddress
    from miner.stratum.client import StratumClient
    from miner.stratum.client_session import Login
    from miner.stratum.client_settings import ClientSettings

    address = PoolAddress.parse(visit.url)
    if not visit.user:
        raise UsageProblem("--pool needs a user: give one with -u, such as -u worker.1")
    _check_seconds(visit.seconds)
    devices = MiningDevices(visit.devices) if visit.devices else None
    settings = ClientSettings(
        threads=visit.threads,
        backend=visit.backend,
        midstates=visit.midstates,
        allow_public=visit.allow_public,
        patient=False,
        stop_after=visit.shares,
        farewell_s=FAREWELL_S,
        hasher=devices.hasher if devices is not None else None,
    )
    login = Login(user=visit.user, password=visit.password, agent=f"hashwatt/{_own_version()}")
    client = StratumClient(address, login, settings)

    if devices is None:
        load(visit.backend, visit.midstates)  # which may have to be compiled first; the seconds count from then on

    async def work(stopped: asyncio.Event) -> None:
        running = asyncio.create_task(client.run())
        watching = asyncio.create_task(devices.watch(stopped)) if devices is not None else None
        await _first_of(running, stopped, visit.seconds)
        client.stop()
        if watching is not None:
            watching.cancel()
        await running

    with _told_on_stderr():
        interrupted = asyncio.run(_with_signals(work))
    if devices is not None and (trouble := devices.trouble()) is not None:
        raise UsageProblem(trouble)
    print(_mined_json(visit, client.snapshot()) if visit.as_json else _mined_text(client.snapshot(), visit), flush=True)
    if interrupted:
        raise KeyboardInterrupt


def _source(job: str, split: str, seed: int) -> tuple[JobSource, float, float]:
    """Return where jobs come from, and the difficulty and the interval [s] that suit them."""
    from miner.stratum.jobs import KnownJobs, SyntheticJobs
    from miner.stratum.known_jobs import Split, known_block

    if split not in (known := [one.value for one in Split]):
        raise UsageProblem(f"--split {split!r}: want one of {', '.join(known)}")
    if job == SYNTHETIC:
        return SyntheticJobs(seed), SYNTHETIC_DIFFICULTY, SYNTHETIC_INTERVAL_S
    if job != GENESIS and not (job.isascii() and job.isdigit() and len(job) < 10):
        raise UsageProblem(f"--job {job!r}: want genesis, synthetic, or the height of a known block")
    block = known_block(0 if job == GENESIS else int(job))
    return KnownJobs(block, Split(split)), block.difficulty, KNOWN_INTERVAL_S


async def _serve(core: PoolCore, place: tuple[str, int], seconds: float | None, about: str) -> bool:
    """Serve until told to stop; return whether that was Ctrl-C."""
    from miner.stratum.address import PoolAddress
    from miner.stratum.pool import StratumPool

    host, port = place

    async def serve(stopped: asyncio.Event) -> None:
        async with StratumPool(core) as running:
            try:
                bound = PoolAddress(*await running.listen(host, port))
            except OSError as error:
                raise UsageProblem(_why_not_bound(error, host, port)) from None
            if not is_loopback(bound.host):
                typer.echo(f"hashwatt: {bound.host} can be reached from other machines, without encryption", err=True)
            typer.echo(f"hashwatt: pool at {bound} ({about}; stop with Ctrl-C)", err=True)
            await _first_of(None, stopped, seconds)

    return await _with_signals(serve)


async def _first_of(task: asyncio.Task[None] | None, stopped: asyncio.Event, seconds: float | None) -> None:
    """Return when `task` has ended, when told to stop, or after `seconds` [s], whatever comes first."""
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait({stopping, task} if task else {stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()


async def _with_signals(work: Callable[[asyncio.Event], Awaitable[None]]) -> bool:
    """Let Ctrl-C and SIGTERM end `work` by setting its event, a second Ctrl-C at once; return whether it was Ctrl-C."""
    stopped, loop, own = asyncio.Event(), asyncio.get_running_loop(), asyncio.current_task()
    interrupts = 0

    def interrupt() -> None:
        nonlocal interrupts
        interrupts += 1
        stopped.set()
        if interrupts > 1 and own is not None:
            own.cancel()

    loop.add_signal_handler(signal.SIGINT, interrupt)
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    try:
        await work(stopped)
    except asyncio.CancelledError:
        if interrupts < 2:
            raise
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)
    return interrupts > 0


@contextmanager
def _told_on_stderr() -> Iterator[None]:
    """Let what the lower floors log be read, in the form of this program's other sentences."""
    loggers, handler = [logging.getLogger(floor) for floor in ("miner", "hw")], logging.StreamHandler()
    handler.setFormatter(logging.Formatter("hashwatt: %(message)s"))
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)


def _own_version() -> str:
    try:
        return version("hashwatt")
    except PackageNotFoundError:
        return "0"


def _listen_address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > HIGHEST_PORT:
        raise UsageProblem(f"--listen {text!r}: want HOST:PORT, such as 127.0.0.1:3333; port 0 picks a free one")
    return host, int(port)


def _check_seconds(seconds: float | None) -> None:
    if seconds is not None and not (isfinite(seconds) and seconds > 0):
        raise UsageProblem(f"--seconds {seconds:g}: want a number above 0")


def _why_not_bound(error: OSError, host: str, port: int) -> str:
    if error.errno == EADDRINUSE:
        return f"--listen {host}:{port}: taken; stop what listens there, or give another port (0 picks a free one)"
    if error.errno == EACCES:
        return f"--listen {host}:{port}: not permitted; give a port above 1023"
    why = error.strerror or error
    return f"--listen {host}:{port}: cannot listen there ({why}); want an address of this machine, such as 127.0.0.1:3333"


def _pool_json(snapshot: PoolSnapshot) -> dict[str, object]:
    rate_hps = snapshot.hashes / snapshot.elapsed_s if snapshot.elapsed_s > 0 else 0.0
    return {**asdict(snapshot), "rejected": snapshot.rejected, "mean_hash_rate_hps": rate_hps}


def _pool_text(snapshot: PoolSnapshot) -> str:
    from miner.units import HASHES_PER_MH

    rate_hps = snapshot.hashes / snapshot.elapsed_s if snapshot.elapsed_s > 0 else 0.0
    reasons = {
        "stale": snapshot.stale,
        "duplicate": snapshot.duplicate,
        "of too low difficulty": snapshot.low_difficulty,
        "malformed": snapshot.malformed,
        "out of range": snapshot.out_of_range,
        "unauthorized": snapshot.unauthorized,
        "not subscribed": snapshot.not_subscribed,
    }
    told = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items() if count)
    return (
        f"{snapshot.accepted:,} shares accepted, {snapshot.blocks:,} of them whole blocks; "
        f"{snapshot.rejected:,} rejected{f': {told}' if told else ''}\n"
        f"accepted shares imply {rate_hps / HASHES_PER_MH:,.2f} MH/s over {snapshot.elapsed_s:.1f} s "
        f"({snapshot.connections_total:,} connections)"
    )


def _mined_json(visit: PoolVisit, snapshot: ClientSnapshot) -> str:
    rejected = {str(code): count for code, count in snapshot.rejected}
    return json.dumps(
        {"pool": visit.url, "threads": visit.threads, "devices": visit.devices, **asdict(snapshot), "rejected": rejected},
        indent=2,
    )


def _mined_text(snapshot: ClientSnapshot, visit: PoolVisit) -> str:
    from miner.units import HASHES_PER_MH

    rejected = sum(count for _, count in snapshot.rejected)
    others = {"stale": snapshot.stale, "lost": snapshot.lost, "repeated": snapshot.repeated, "unanswered": snapshot.open}
    told = "".join(f", {count:,} {what}" for what, count in others.items() if count)
    threads = "thread" if visit.threads == 1 else "threads"
    by_code = ", ".join(f"{count:,} with code {code}" for code, count in snapshot.rejected)
    return (
        f"{snapshot.accepted:,} accepted, {rejected:,} rejected{f' ({by_code})' if by_code else ''}{told}\n"
        f"{snapshot.hash_rate_hps / HASHES_PER_MH:,.2f} MH/s: {snapshot.hashes:,} hashes in {snapshot.hashing_s:.1f} s "
        f"({snapshot.backend}{'' if visit.devices else f', {visit.threads} {threads}'})"
    )
