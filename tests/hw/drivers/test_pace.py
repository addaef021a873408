"""A busy line is read in turns, a quiet one at once, and nothing waits for longer than it may."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from hw.drivers.errors import PortLostError
from hw.drivers.pace import REST_S, STRETCH_S, Pace
from hw.drivers.port import READ_BYTES, SerialPort
from hw.emulators.pty_line import PtyLine


class Line:
    """A port, and a clock that moves only while somebody sleeps or waits; `coming` is when bytes come [s], and which."""

    name = "line"

    def __init__(self, *coming: tuple[float, bytes]) -> None:
        self.now_s, self.slept_s, self.reads = 0.0, 0.0, 0
        self._coming = list(coming)
        self.pace = Pace(lambda: self.now_s, self._sleep)

    def _sleep(self, for_s: float) -> None:
        assert for_s > 0
        self.now_s += for_s
        self.slept_s += for_s

    def read(self, timeout_s: float) -> bytes:
        assert timeout_s >= 0
        self.reads += 1
        if self._coming and self._coming[0][0] <= self.now_s + timeout_s:
            self.now_s = max(self.now_s, self._coming[0][0])
        elif timeout_s:
            self.now_s += timeout_s
        there = [data for at_s, data in self._coming if at_s <= self.now_s]
        del self._coming[: len(there)]
        return b"".join(there)

    def take(self, timeout_s: float = 0.05, *, at_once: bool = False, then_busy: bool = False) -> bytes:
        return self.pace.read(self, timeout_s, at_once=at_once, then_busy=then_busy)  # type: ignore[arg-type]


def test_a_lone_answer_does_not_wait() -> None:
    line = Line((0.03, b"a"), (0.2, b"b"))
    assert (line.take(), line.now_s) == (b"a", 0.03)
    assert line.take(0.02) == b""
    assert (line.take(0.5), line.now_s) == (b"b", 0.2)
    assert line.slept_s == pytest.approx(REST_S)  # right after the first, while nothing came


def test_answers_that_come_one_upon_the_other_are_read_together_in_their_order() -> None:
    line = Line(*((REST_S / 20 * number, bytes([number])) for number in range(100)))
    heard: list[tuple[float, int]] = []
    while len(heard) < 100:
        heard += [(line.now_s, number) for number in line.take()]
    assert [number for _, number in heard] == list(range(100))
    assert max(at_s - REST_S / 20 * number for at_s, number in heard) <= REST_S + 1e-9
    assert line.reads == 6  # at first the first, then 20 at a time


def test_the_end_of_something_begun_is_not_waited_for() -> None:
    line = Line((0.0, b"a"), (0.001, b"b"))
    line.take()
    assert (line.take(at_once=True), line.now_s) == (b"b", 0.001)
    assert line.slept_s == 0.0


def test_a_line_that_fills_a_read_is_read_on_at_once() -> None:
    line = Line((0.0, bytes(READ_BYTES)), (0.001, b"b"))
    line.take()
    assert (line.take(), line.now_s) == (b"b", 0.001)


@pytest.mark.parametrize("timeout_s", [0.0, 0.005, 0.05])
def test_the_rest_is_part_of_the_time_that_a_read_may_take(timeout_s: float) -> None:
    line = Line((0.0, b"a"))
    line.take()
    assert line.take(timeout_s) == b""
    assert line.now_s == pytest.approx(timeout_s)


def test_a_host_that_is_to_give_work_soon_after_the_rest_wakes_up_once() -> None:
    line = Line((0.0, b"a"), (0.01, b"b"), (REST_S + 0.5 * STRETCH_S, b"c"))
    line.take()
    assert line.take(REST_S + STRETCH_S, then_busy=True) == b"bc"
    assert (line.now_s, line.reads) == (REST_S + STRETCH_S, 2)


@pytest.mark.parametrize(("longer_s", "busy"), [(STRETCH_S + 0.001, True), (STRETCH_S, False)])
def test_the_rest_is_not_stretched_for_longer_or_for_nothing(longer_s: float, busy: bool) -> None:
    line = Line((0.0, b"a"), (0.01, b"b"))
    line.take()
    assert line.take(REST_S + longer_s, then_busy=busy) == b"b"
    assert line.now_s == REST_S


@pytest.fixture
def line() -> Iterator[PtyLine]:
    line = PtyLine()
    yield line
    line.close()


def test_on_a_real_line_unplugging_is_noticed_after_the_rest(line: PtyLine) -> None:
    port, pace = SerialPort(line.path, 115200), Pace(time.monotonic, time.sleep)
    line.write(b"a")
    assert pace.read(port, 1.0) == b"a"
    line.write(b"b")
    line.write(b"c")
    assert pace.read(port, 1.0) == b"bc"
    line.close()
    began_s = time.monotonic()
    with pytest.raises(PortLostError, match="lost"):
        pace.read(port, 5.0)
    assert time.monotonic() - began_s < 1.0
    port.close()
