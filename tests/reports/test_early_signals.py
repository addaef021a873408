"""Signals before a command takes them itself, and after: none is lost, and none takes the summary along."""

from __future__ import annotations

import os
import signal

import pytest

from reports.cli.early_signals import EarlySignals


def test_an_early_signal_ends_it_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), EarlySignals() as early:
        os.kill(os.getpid(), signal.SIGINT)
    assert early.interrupted
    with pytest.raises(SystemExit) as end, EarlySignals() as early:
        os.kill(os.getpid(), signal.SIGTERM)
    assert (end.value.code, early.terminated) == (143, True)


def wrapped(number: int) -> None:
    """Do with a signal what Python 3.11 does with whatever is raised in `__set_name__`."""
    try:
        os.kill(os.getpid(), number)
    except BaseException as error:
        raise RuntimeError("Error calling __set_name__") from error


@pytest.mark.parametrize(("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_one_that_an_import_made_another_error_is_still_that_signal(number: int, raised: type[BaseException]) -> None:
    with pytest.raises(raised), EarlySignals():
        wrapped(number)


def test_an_error_without_a_signal_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="so"), EarlySignals():
        raise RuntimeError("so")


def test_once_handed_over_signals_are_noted_only() -> None:
    """So that a command can sum up; it asks afterwards."""
    summed_up = False
    with EarlySignals() as early:
        early.hand_over()
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        summed_up = True
    assert (summed_up, early.interrupted, early.terminated) == (True, True, True)


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with EarlySignals():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
