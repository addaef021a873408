"""`hashwatt pool`: a Stratum pool on this machine."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict
from errno import EACCES, EADDRINUSE
from typing import TYPE_CHECKING, Annotated, Final

import typer

from reports.cli.early_signals import EarlySignals
from reports.cli.errors import UsageProblem
from reports.cli.serve import HIGHEST_PORT, is_loopback
from reports.cli.until_stopped import check_seconds, first_of, told_on_stderr, with_signals

if TYPE_CHECKING:
    from miner.stratum.jobs import JobSource
    from miner.stratum.pool_core import PoolCore, PoolSnapshot

GENESIS: Final = "genesis"
SYNTHETIC: Final = "synthetic"
SYNTHETIC_DIFFICULTY: Final = 1 / 64  # one share in 67 million hashes: about one a second and thread
SYNTHETIC_INTERVAL_S: Final = 30.0
KNOWN_INTERVAL_S: Final = 600.0  # a known nonce must be found from 0 within it, also by one thread


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
    with EarlySignals() as early:
        place = _listen_address(listen)
        check_seconds(seconds)
        core, difficulty = _core((job, split, seed), difficulty, interval)
        about = f"job {job}, difficulty {difficulty:g}"
        interrupted = asyncio.run(_serve(core, place, seconds, about, early))
        snapshot = core.snapshot()
        print(json.dumps(_pool_json(snapshot), indent=2) if as_json else _pool_text(snapshot), flush=True)
    if interrupted or early.interrupted:
        raise KeyboardInterrupt


def _core(work: tuple[str, str, int], difficulty: float | None, interval: float | None) -> tuple[PoolCore, float]:
    """Return a pool for `work`, a job, a split and a seed, and the difficulty of its shares."""
    from miner.stratum.pool_core import PoolCore, PoolSettings

    source, own_difficulty, own_interval_s = _source(*work)
    settings = PoolSettings(
        difficulty=own_difficulty if difficulty is None else difficulty,
        interval_s=own_interval_s if interval is None else interval,
    )
    core = PoolCore(source, settings, clock=time.monotonic, unix_clock=time.time)
    return core, float(settings.difficulty)


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


async def _serve(core: PoolCore, place: tuple[str, int], seconds: float | None, about: str, early: EarlySignals) -> bool:
    """Serve until told to stop; return whether that was Ctrl-C."""
    from miner.stratum.address import PoolAddress
    from miner.stratum.pool import PoolLimits, StratumPool

    host, port = place
    limits = PoolLimits()

    async def serve(stopped: asyncio.Event) -> None:
        async with StratumPool(core, limits) as running:
            try:
                bound = PoolAddress(*await running.listen(host, port))
            except OSError as error:
                raise UsageProblem(_why_not_bound(error, host, port)) from None
            if not is_loopback(bound.host):
                typer.echo(f"hashwatt: {bound.host} can be reached from other machines, without encryption", err=True)
            typer.echo(f"hashwatt: pool at {bound} ({about}; stop with Ctrl-C)", err=True)
            if running.room < limits.most_connections:
                typer.echo(
                    f"hashwatt: room for {running.room} of {limits.most_connections} connections, for the system lets this "
                    "process open no more files; see ulimit -n",
                    err=True,
                )
            await first_of(None, stopped, seconds)

    with told_on_stderr():
        return await with_signals(serve, early)


def _listen_address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > HIGHEST_PORT:
        raise UsageProblem(f"--listen {text!r}: want HOST:PORT, such as 127.0.0.1:3333; port 0 picks a free one")
    return host, int(port)


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
    others = {"logins refused": snapshot.logins_refused, "cut to make room": snapshot.connections_evicted}
    besides = "".join(f", {count:,} {what}" for what, count in others.items() if count)
    return (
        f"{snapshot.accepted:,} shares accepted, {snapshot.blocks:,} of them whole blocks; "
        f"{snapshot.rejected:,} rejected{f': {told}' if told else ''}\n"
        f"accepted shares imply {rate_hps / HASHES_PER_MH:,.2f} MH/s over {snapshot.elapsed_s:.1f} s "
        f"({snapshot.connections_total:,} connections{besides})"
    )
