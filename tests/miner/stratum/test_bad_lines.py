"""Lines that nobody should send: each is one typed error with a short sentence, and the request is named where it can be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from miner.errors import MessageError
from miner.stratum.parsing import parse_message


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "no JSON"),
        (b'{"id": 1\x00}', "no JSON"),
        (b'{"id": 1, "method": "mining.subscribe", "params": ["\x00"]}', "no JSON"),
        (b"\xef\xbb\xbf{}", "no JSON"),
        (b"[" * 100_000, "nests deeper"),
        (b'{"a":' * 20_000, "nests deeper"),
        (b"[" * 30 + b"]" * 30, "no object"),
        (b'{"id": 1, "result": ' + b"[" * 30 + b"]" * 30 + b"}", "nests deeper"),
        (b'{"id": 1, "result": ' + b"[" * 900 + b"]" * 900 + b"}", "nests deeper"),
        (b"1" * 50_000, "a number of 50000 digits"),
        (b'{"id": ' + b"9" * 5000 + b"}", "digits"),
        (b'{"id": 1e400}', "too large"),
        (b'{"id": NaN}', "NaN is no JSON"),
        (b'{"id": 1, "method": "mining.set_difficulty", "params": [Infinity]}', "Infinity is no JSON"),
        (b'{"id": 1, "method": "mining.set_difficulty", "params": [-Infinity]}', "-Infinity is no JSON"),
        (b'{"id": 1, "id": 2, "result": true}', "stands twice"),
        (b'{"id": 1, "result": {"a": 1, "a": 2}}', "stands twice"),
        (b'{"id": 1, "method": "mining.authorize", "params": ["\\ud800", "x"]}', "surrogate"),
        (b'[{"id": 1}]', "no object"),
        (b"true", "no object"),
        (b'"mining.subscribe"', "no object"),
        (b"{}", "neither method nor result nor error"),
        (b'{"id": 1}', "neither method nor result nor error"),
        (b'{"id": true, "result": 1}', "the id must be"),
        (b'{"id": 1.5, "result": 1}', "the id must be"),
        (b'{"id": [1], "result": 1}', "the id must be"),
        (b'{"id": "' + b"x" * 129 + b'", "result": 1}', "the id must be"),
        (b'{"id": 1, "method": 5}', "the method must be a string"),
        (b'{"id": 1, "method": ["mining.subscribe"]}', "the method must be a string"),
        (b'{"id": 1, "method": "mining.subscribe", "params": {"a": 1}}', "parameters must be a list"),
        (b'{"id": 1, "method": "mining.subscribe", "params": "x"}', "parameters must be a list"),
    ],
)
def test_a_line_that_is_no_message(line: bytes, told: str) -> None:
    with pytest.raises(MessageError, match=told) as refused:
        parse_message(line)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("line", "identity"),
    [
        (b'{"id": 7, "method": "mining.authorize", "params": ["\\udcff", "x"]}', 7),
        (b'{"id": "auth", "method": "mining.authorize", "params": [[[[[[[[[[[[[[[[[[[["w"]]]]]]]]]]]]]]]]]]]]}', "auth"),
        (b'{"id": 7, "method": "mining.suggest_difficulty", "params": [NaN]}', 7),
        (b'{"id": 7, "method": "mining.suggest_difficulty", "params": [1e999]}', 7),
        (b'{"id": 7, "method": "mining.submit", "params": [' + b"9" * 30 + b"]}", 7),
        (b'{"id": 7, "method": "a", "method": "b"}', 7),
        (b'{"id": ' + b"9" * 30 + b"}", None),
        (b'{"id": NaN}', None),
        (b'{"id": "\\udcff"}', None),
        (b'{"id": "' + b"x" * 129 + b'", "method": "\\udcff"}', None),
        (b'{"id": true, "method": "\\udcff"}', None),
        (b'{"id": 7, "method": "mining.sub', None),
        (b'{"id": 7, "method": ' + b"[" * 9000 + b"]" * 9000 + b"}", None),
    ],
)
def test_whoever_sent_a_line_that_is_refused_is_named_where_an_id_can_be_found(line: bytes, identity: object) -> None:
    """Or a user whose name is no character would wait for an answer for ever."""
    with pytest.raises(MessageError) as refused:
        parse_message(line)
    assert refused.value.request_id == identity


NOTIFY: list[Any] = ["j", "00" * 32, "01", "02", ["11" * 32], "20000000", "1d00ffff", "495fab29", True]


def spoiled(at: int, value: object) -> list[Any]:
    return [*NOTIFY[:at], value, *NOTIFY[at + 1 :]]


@pytest.mark.parametrize(
    ("method", "params", "told"),
    [
        ("mining.notify", [], "parameter 5"),
        ("mining.notify", NOTIFY[:8], "parameter 9 must be true or false; there are only 8"),
        ("mining.notify", spoiled(0, 5), "parameter 1"),
        ("mining.notify", spoiled(0, "j" * 1025), "parameter 1"),
        ("mining.notify", spoiled(1, "00" * 31), "parameter 2 must be 64 hex digits"),
        ("mining.notify", spoiled(1, "0" * 63 + " "), "parameter 2"),
        ("mining.notify", spoiled(2, "0"), "parameter 3"),
        ("mining.notify", spoiled(3, "zz"), "parameter 4"),
        ("mining.notify", spoiled(4, "11" * 32), "parameter 5 must be a list"),
        ("mining.notify", spoiled(4, ["11" * 31]), "list in parameter 5: parameter 1"),
        ("mining.notify", spoiled(4, ["11" * 32] * 33), "at most 32"),
        ("mining.notify", spoiled(4, [None]), "list in parameter 5"),
        ("mining.notify", spoiled(5, 0x20000000), "parameter 6"),
        ("mining.notify", spoiled(6, "1d00fff"), "parameter 7"),
        ("mining.notify", spoiled(7, "-495fab2"), "parameter 8"),
        ("mining.notify", spoiled(8, 1), "parameter 9"),
        ("mining.notify", spoiled(8, None), "parameter 9"),
        ("mining.set_difficulty", [], "parameter 1 must be a number"),
        ("mining.set_difficulty", ["1"], "parameter 1 must be a number"),
        ("mining.set_difficulty", [True], "parameter 1 must be a number"),
        ("mining.set_difficulty", [None], "parameter 1 must be a number"),
        ("mining.set_extranonce", ["00"], "parameter 2"),
        ("mining.set_extranonce", ["00", 33], "from 0 to 32"),
        ("mining.set_extranonce", ["00", -1], "from 0 to 32"),
        ("mining.set_extranonce", ["00", 4.0], "from 0 to 32"),
        ("mining.set_extranonce", ["00" * 33, 4], "at most 64 hex digits"),
        ("mining.set_version_mask", ["1fffe0000"], "1 to 8 hex digits"),
        ("mining.set_version_mask", [""], "1 to 8 hex digits"),
        ("mining.set_version_mask", ["0x1fffe0"], "1 to 8 hex digits"),
        ("mining.submit", ["u", "j", "00", "495fab29"], "parameter 5"),
        ("mining.submit", ["u", "j", "00" * 33, "495fab29", "00000000"], "parameter 3"),
        ("mining.submit", ["u", "j", "00", 1, "00000000"], "parameter 4"),
        ("mining.submit", ["u", "j", "00", "495fab29", "000000000"], "parameter 5"),
        ("mining.submit", ["u", "j", "00", "495fab29", "00000000", "zz"], "parameter 6"),
        ("mining.submit", [None, "j", "00", "495fab29", "00000000"], "parameter 1"),
        ("mining.authorize", [], "parameter 1"),
        ("mining.authorize", [["u"]], "parameter 1"),
        ("mining.configure", [], "parameter 1"),
        ("mining.configure", ["version-rolling"], "parameter 1"),
        ("mining.configure", [[5]], "list in parameter 1"),
        ("mining.configure", [["a"] * 33], "at most 32"),
        ("mining.configure", [["version-rolling"], []], "parameter 2 must be an object"),
        ("mining.configure", [["version-rolling"], {"version-rolling.mask": 5}], "version-rolling.mask"),
        ("mining.configure", [["version-rolling"], {"version-rolling.min-bit-count": 33}], "min-bit-count"),
        ("mining.configure", [["minimum-difficulty"], {"minimum-difficulty.value": "1"}], "minimum-difficulty.value"),
        ("mining.suggest_target", ["00"], "parameter 1 must be 64 hex digits"),
        ("mining.suggest_difficulty", [{}], "parameter 1"),
        ("mining.get_transactions", [5], "parameter 1"),
        ("client.reconnect", [5, 3333], "parameter 1"),
        ("client.reconnect", ["pool", 0], "a port"),
        ("client.reconnect", ["pool", "65536"], "a port"),
        ("client.reconnect", ["pool", "33x"], "a port"),
        ("client.reconnect", ["pool", True], "a port"),
        ("client.reconnect", ["pool", 3333, -1], "parameter 3"),
        ("client.reconnect", ["pool", 3333, 10**9], "parameter 3"),
        ("client.show_message", [], "parameter 1"),
    ],
)
def test_parameters_of_a_wrong_type_or_range(method: str, params: list[Any], told: str) -> None:
    line = json.dumps({"id": "q", "method": method, "params": params}).encode()
    with pytest.raises(MessageError, match=told) as refused:
        parse_message(line)
    assert str(refused.value).startswith(f"{method}")
    assert refused.value.request_id == "q"
