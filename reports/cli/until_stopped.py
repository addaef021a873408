"""What commands share that work until they are stopped: signals, a limit of time, and what lower floors say meanwhile."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from math import isfinite

from reports.cli.early_signals import EarlySignals
from reports.cli.errors import UsageProblem


async def first_of(task: asyncio.Task[None] | None, stopped: asyncio.Event, seconds: float | None) -> None:
    """Return when `task` has ended, when told to stop, or after `seconds` [s], whatever comes first."""
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait({stopping, task} if task else {stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()


async def with_signals(work: Callable[[asyncio.Event], Awaitable[None]], early: EarlySignals | None = None) -> bool:
    """Let Ctrl-C, SIGTERM and SIGHUP end `work` by setting its event, a second Ctrl-C at once; return whether it was Ctrl-C.

    What `early` took and could not act upon ends it at once; what comes afterwards, while the command sums up, `early` notes.
    A SIGHUP that is ignored already, as under nohup, stays so.
    """
    stopped, loop, own = asyncio.Event(), asyncio.get_running_loop(), asyncio.current_task()
    interrupts = 0

    def interrupt() -> None:
        nonlocal interrupts
        interrupts += 1
        stopped.set()
        if interrupts > 1 and own is not None:
            own.cancel()

    before = {number: signal.getsignal(number) for number in endings()}
    for number in before:
        loop.add_signal_handler(number, interrupt if number == signal.SIGINT else stopped.set)
    if early is not None:
        early.hand_over()
    if early is not None and early.interrupted:
        interrupt()
    elif early is not None and early.terminated:
        stopped.set()
    try:
        await work(stopped)
    except asyncio.CancelledError:
        if interrupts < 2:
            raise
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
    return interrupts > 0


def endings() -> tuple[signal.Signals, ...]:
    """Return the signals that end what goes on until stopped: Ctrl-C, SIGTERM, and the hang-up of a terminal if not ignored."""
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return (signal.SIGINT, signal.SIGTERM) if ignored else (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def told_on_stderr() -> Iterator[None]:
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


def check_seconds(seconds: float | None) -> None:
    """Refuse a limit of time [s] that is none; raise UsageProblem."""
    if seconds is not None and not (isfinite(seconds) and seconds > 0):
        raise UsageProblem(f"--seconds {seconds:g}: want a number above 0")
