"""`hashwatt mine`: search a header's nonces, a real block's or one of yours, or mine at a pool."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from reports.cli.early_signals import EarlySignals
from reports.cli.errors import UsageProblem

if TYPE_CHECKING:
    from miner.header import BlockHeader
    from miner.search import Work
    from miner.target import Target


def mine(
    header: Annotated[str | None, typer.Option(help="A block header: 160 hex digits; its own nonce is ignored.")] = None,
    block: Annotated[int | None, typer.Option(min=0, help="The real header of this block, if it ships.")] = None,
    start: Annotated[str, typer.Option(help="First nonce; decimal, or hex with 0x.")] = "0",
    count: Annotated[str | None, typer.Option(help="How many nonces; to the end of the range if left out.")] = None,
    target: Annotated[str | None, typer.Option(help="Target as 64 hex digits; the header's own if left out.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All hits of the range, not only the first.")] = False,
    backend: Annotated[str, typer.Option(help="auto, or a backend's name.")] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, max=1024, help="As many as the backend can use here if left out.")
    ] = None,
    pool: Annotated[str | None, typer.Option(help="Mine at this pool, such as stratum+tcp://127.0.0.1:3333.")] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(help="At the pool: mine on this device, such as u1:/dev/ttyUSB0, or DEVICE@METER; may be given again."),
    ] = None,
    user: Annotated[str | None, typer.Option("--user", "-u", help="At the pool: who mines.")] = None,
    password: Annotated[str | None, typer.Option("--password", "-p", help="At the pool; x if left out.")] = None,
    seconds: Annotated[float | None, typer.Option(help="At the pool: stop so long after beginning to connect.")] = None,
    shares: Annotated[int | None, typer.Option(min=1, help="At the pool: stop after so many accepted shares.")] = None,
    midstates: Annotated[
        int | None,
        typer.Option(help="At the pool: 1, 2 or 4 versions of a header searched together, if it lets versions be rolled."),
    ] = None,
    metrics: Annotated[int | None, typer.Option(help="With --device: serve metrics on this port; 0 picks a free one.")] = None,
    allow_public: Annotated[bool, typer.Option("--allow-public", help="Pools outside private networks, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Search a range of nonces, or mine at a pool; every hit is checked against all 256 bits of the target."""
    if metrics is not None and not device:
        raise UsageProblem("--metrics serves what devices at a pool tell; name them with --device, such as --device compute")
    if pool is None:
        _refuse_words_for_a_pool(user, password, seconds, shares, midstates, device, allow_public or None)
        work = _work(header, block, start, count, target)
        _search_and_tell(work, backend=backend, every=every, threads=_threads(threads, backend), as_json=as_json)
        return
    if any(option is not None for option in (header, block, count, target)) or every or start != "0":
        raise UsageProblem("--pool brings its own headers and targets; leave --header, --block and what goes with them out")
    if device and (backend != "auto" or threads is not None or midstates is not None):
        raise UsageProblem("--device mines on devices; leave --backend, --threads and --midstates out, or give compute:BACKEND")
    with EarlySignals() as early:
        from reports.cli.pool_visit import PoolVisit, mine_at_pool

        visit = PoolVisit(
            url=pool,
            user=user,
            password="x" if password is None else password,
            backend=backend,
            threads=1 if device else _threads(threads, backend),
            seconds=seconds,
            shares=shares,
            midstates=1 if midstates is None else midstates,
            allow_public=allow_public,
            devices=tuple(device or ()),
            metrics=metrics,
            as_json=as_json,
        )
        mine_at_pool(visit, early)


def _threads(threads: int | None, backend: str) -> int:
    """Return how many threads are to search: as many as told, with a word if they must take turns, or as many as can."""
    from reports.cli.bench_setup import tell_turns

    if threads is not None:
        tell_turns(threads)
        return threads
    from miner.backends.registry import load
    from miner.chunks import fitting_threads

    return fitting_threads(load(backend))


def _refuse_words_for_a_pool(*options: object) -> None:
    if any(option is not None for option in options):
        raise UsageProblem(
            "--user, --password, --seconds, --shares, --midstates, --device and --allow-public are for a pool; "
            "give its address with --pool"
        )


def _work(header: str | None, block: int | None, start: str, count: str | None, target: str | None) -> Work:
    from miner.header import NONCE_SPACE
    from miner.search import Work
    from miner.target import target_from_nbits
    from miner.template import HeaderTemplate

    chosen = _header(header, block)
    first = _number("--start", start)
    return Work(
        template=HeaderTemplate(chosen.to_bytes()),
        target=target_from_nbits(chosen.nbits) if target is None else _target(target),
        start=first,
        count=NONCE_SPACE - first if count is None else _number("--count", count),
    )


def _search_and_tell(work: Work, *, backend: str, every: bool, threads: int, as_json: bool) -> None:
    from miner.search import search

    started_s = time.perf_counter()
    found = search(work, backend=backend, first_only=not every, threads=threads)
    wall_s = time.perf_counter() - started_s
    if as_json:
        result = {
            "hits": [{"nonce": hit.nonce, "hash": hit.hash} for hit in found.hits],
            "range": {"start": work.start, "count": work.count, "scanned": found.scanned},
            "target": f"{work.target:064x}",
            "backend": found.backend,
            "wall_s": wall_s,
        }
        print(json.dumps(result, indent=2))
        return
    for hit in found.hits:
        print(f"{hit.nonce:>10}  {hit.hash}")
    hits = "1 hit" if len(found.hits) == 1 else f"{len(found.hits):,} hits"
    print(f"{hits} in {found.scanned:,} nonces from {work.start:,} on ({found.backend}, {wall_s:.2f} s)")


def _header(text: str | None, block: int | None) -> BlockHeader:
    from miner.header import BlockHeader
    from miner.vectors import header_at

    if (text is None) == (block is None):
        raise UsageProblem("give either --header with 160 hex digits or --block with the height of a shipped block")
    return header_at(block) if block is not None else BlockHeader.from_hex(text or "")


def _number(option: str, text: str) -> int:
    from miner.header import NONCE_SPACE

    try:
        number = int(text, 0)
    except ValueError:
        raise UsageProblem(
            f"{option} {text!r} is not a whole number; want 0 to {NONCE_SPACE}, or hex such as 0x7c2bac1d"
        ) from None
    if not 0 <= number <= NONCE_SPACE:
        raise UsageProblem(f"{option} {text} is out of range; want 0 to {NONCE_SPACE}")
    return number


def _target(text: str) -> Target:
    from miner.target import Target

    digits = text.removeprefix("0x")
    if len(digits) != 64 or not set(digits.lower()) <= set("0123456789abcdef"):
        raise UsageProblem(
            f"--target has {len(digits)} characters of hex or other; want exactly 64 hex digits, the highest first"
        )
    number = int(digits, 16)
    if number == 0:
        raise UsageProblem("--target is 0, which no hash meets; want a number from 1 on")
    return Target(number)
