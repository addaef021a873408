"""What ends a command that goes on until it is stopped: each signal once, and what a nohup ignores stays ignored."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reports.cli.until_stopped import with_signals

PATIENCE_S = 0.3


@contextmanager
def hang_up_is(handler: signal.Handlers) -> Iterator[None]:
    """Let a hang-up be handled so meanwhile, whatever the shell said that the tests run in."""
    before = signal.signal(signal.SIGHUP, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def stopped_by(number: signal.Signals) -> tuple[bool, bool]:
    """Send a signal to this process while it works; return whether that ended the work, and whether it was Ctrl-C."""
    ended = False

    async def work(stopped: asyncio.Event) -> None:
        nonlocal ended
        os.kill(os.getpid(), number)
        try:
            await asyncio.wait_for(stopped.wait(), PATIENCE_S)
            ended = True
        except TimeoutError:
            pass

    interrupted = asyncio.run(with_signals(work))
    return ended, interrupted


@pytest.mark.parametrize(
    ("number", "interrupted"), [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGHUP, False)], ids=str
)
def test_each_of_three_signals_lets_the_work_end_by_itself(number: signal.Signals, *, interrupted: bool) -> None:
    with hang_up_is(signal.SIG_DFL):
        assert stopped_by(number) == (True, interrupted)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL


def test_under_nohup_a_hang_up_stays_ignored() -> None:
    with hang_up_is(signal.SIG_IGN):
        assert stopped_by(signal.SIGHUP) == (False, False)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
