"""The reader: whole messages whatever the chunks, one error for each line that is none, bounded memory."""

from __future__ import annotations

import pytest

from miner.errors import LineTooLongError, MessageError, SettingError, TlsHelloError
from miner.stratum import messages as m
from miner.stratum.building import line_of
from miner.stratum.reader import MessageReader

PING = line_of(m.Ping(1))


def test_a_line_too_long_is_one_error_and_the_next_line_is_read() -> None:
    reader = MessageReader(100)
    found = reader.feed(b"x" * 101)
    assert [type(item) for item in found] == [LineTooLongError]
    assert reader.feed(b"y" * 1000) == []
    assert reader.feed(b"\n" + PING) == [m.Ping(1)]


def test_a_line_of_the_greatest_length_is_read() -> None:
    line = PING[:-1].ljust(100)
    assert MessageReader(100).feed(line + b"\n") == [m.Ping(1)]
    assert [type(item) for item in MessageReader(99).feed(line + b"\n")] == [LineTooLongError]


def test_an_endless_line_is_not_held() -> None:
    reader = MessageReader(1000)
    for _ in range(1000):
        reader.feed(b"x" * 10_000)
    assert len(reader._held) == 0


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_tls_hello_is_one_error_and_nothing_after_it_is_looked_at(size: int) -> None:
    hello = b"\x16\x03\x01\x02\x00\x01\x00\n\xfc\n" + PING
    reader = MessageReader()
    found = [item for at in range(0, len(hello), size) for item in reader.feed(hello[at : at + size])]
    assert [type(item) for item in found] == [TlsHelloError]
    assert reader.end() == []


def test_only_the_start_of_a_stream_can_be_a_tls_hello() -> None:
    reader = MessageReader()
    assert reader.feed(PING) == [m.Ping(1)]
    assert [type(item) for item in reader.feed(b"\x16\x03\x01\n")] == [MessageError]


def test_half_a_line_at_the_end_is_told() -> None:
    reader = MessageReader()
    assert reader.feed(PING + PING[:5]) == [m.Ping(1)]
    assert [str(error) for error in reader.end()] == ["the stream ended within a line"]
    assert reader.end() == []


def test_empty_lines_are_nothing() -> None:
    assert MessageReader().feed(b"\n\r\n  \n" + PING) == [m.Ping(1)]


def test_a_reader_for_no_bytes_is_refused() -> None:
    with pytest.raises(SettingError, match="want 1 or more"):
        MessageReader(0)
