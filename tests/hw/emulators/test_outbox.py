"""What is sent, when, and what is dropped because other work came."""

from __future__ import annotations

from hw.emulators.outbox import LATE_S, Outbox


def test_everything_comes_once_when_it_is_due_and_in_that_order() -> None:
    outbox = Outbox()
    assert (outbox.due_s(), outbox.take(99.0)) == (None, b"")
    outbox.report(b"c", 3.0, late=False)
    outbox.say(b"b", 2.0)
    outbox.say(b"a", 1.0)
    outbox.say(b"d", 9.0)
    assert outbox.due_s() == 1.0
    assert outbox.take(0.9) == b""
    assert outbox.take(3.0) == b"abc"
    assert outbox.due_s() == 9.0
    assert outbox.take(99.0) == b"d"
    assert outbox.take(99.0) == b""


def test_the_next_work_drops_what_the_one_before_would_have_given_and_nothing_else() -> None:
    outbox = Outbox()
    outbox.say(b"register", 1.0)
    outbox.report(b"nonce", 1.0, late=False)
    outbox.next_work(0.5)
    assert outbox.take(2.0) == b"register"


def test_what_was_out_before_the_next_work_is_sent() -> None:
    """Although nobody was there to carry it away at that moment."""
    outbox = Outbox()
    outbox.report(b"nonce", 1.0, late=False)
    outbox.next_work(1.0)
    assert outbox.take(1.5) == b"nonce"


def test_a_late_answer_comes_after_the_next_work_and_is_dropped_by_the_one_after_it() -> None:
    outbox = Outbox()
    outbox.report(b"late", 1.0, late=True)
    assert (outbox.due_s(), outbox.take(9.0)) == (None, b"")
    outbox.next_work(10.0)
    assert outbox.due_s() == 10.0 + LATE_S
    outbox.next_work(10.001)
    assert (outbox.due_s(), outbox.take(99.0)) == (None, b"")
