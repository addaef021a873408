"""Messages: what programs of the field send is understood, what we write is read back, and nothing else gets through."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miner.errors import MessageError
from miner.stratum import messages as m
from miner.stratum.answers import Agreement, Subscription
from miner.stratum.building import line_of, short_number
from miner.stratum.parsing import parse_message
from miner.stratum.reader import MessageReader
from miner.target import NBits
from miner.work import Job

WORDS = st.integers(0, (1 << 32) - 1)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
IDS = st.none() | st.integers(-(1 << 62), 1 << 62) | st.text(st.characters(codec="utf-8"), max_size=20)
NUMBERS = st.integers(0, 1 << 60) | st.floats(allow_nan=False, allow_infinity=False)
EXTRANONCES = st.binary(max_size=32)
JOBS = st.builds(
    Job,
    job_id=TEXTS,
    previous=st.binary(min_size=32, max_size=32),
    coinbase1=st.binary(max_size=80),
    coinbase2=st.binary(max_size=80),
    branch=st.lists(st.binary(min_size=32, max_size=32), max_size=6).map(tuple),
    version=WORDS,
    nbits=WORDS.map(NBits),
    time_s=WORDS,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 40), 1 << 40) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)
MESSAGES = st.one_of(
    st.builds(
        m.Configure,
        IDS,
        st.lists(TEXTS, max_size=4).map(tuple),
        version_mask=st.none() | WORDS,
        min_bit_count=st.none() | st.integers(0, 32),
        minimum_difficulty=st.none() | NUMBERS,
    ),
    st.builds(m.Subscribe, IDS, TEXTS, st.none() | TEXTS),
    st.builds(m.Authorize, IDS, TEXTS, TEXTS),
    st.builds(m.ExtranonceSubscribe, IDS),
    st.builds(m.SuggestDifficulty, IDS, NUMBERS),
    st.builds(m.SuggestTarget, IDS, st.integers(0, (1 << 256) - 1)),
    st.builds(m.GetTransactions, IDS, TEXTS),
    st.builds(m.Submit, IDS, TEXTS, TEXTS, EXTRANONCES, WORDS, WORDS, st.none() | WORDS),
    st.builds(m.SetDifficulty, NUMBERS),
    st.builds(m.SetExtranonce, EXTRANONCES, st.integers(0, 32)),
    st.builds(m.SetVersionMask, WORDS),
    st.builds(m.Notify, JOBS, st.booleans()),
    st.builds(m.Reconnect, st.none() | TEXTS.filter(bool), st.none() | st.integers(1, 65535), st.integers(0, 86400)),
    st.builds(m.ShowMessage, TEXTS, IDS),
    st.builds(m.GetVersion, IDS),
    st.builds(m.Ping, IDS),
    st.builds(m.Result, IDS, JSON.filter(lambda value: depth(value) < 12)),
    st.builds(m.Failure, IDS, st.integers(-(1 << 31), (1 << 31) - 1), TEXTS),
    st.builds(m.Unknown, IDS, TEXTS.map("x.{}".format)),
)


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inner), default=0)


@given(MESSAGES)
def test_what_is_written_is_read_back(message: m.Message) -> None:
    line = line_of(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert parse_message(line) == message


@given(st.lists(MESSAGES, max_size=6), st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_any_chunking_gives_the_same_messages(messages: list[m.Message], sizes: list[int]) -> None:
    stream = b"".join(map(line_of, messages))
    reader = MessageReader()
    found, at = [], 0
    for number in range(len(stream) + 1):
        size = sizes[number % len(sizes)]
        found += reader.feed(stream[at : at + size])
        at += size
    assert found == messages
    assert reader.end() == []


# What others send, to the letter


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": 0, "method": "mining.subscribe", "params": ["bfgminer/5.5.0"]}', m.Subscribe(0, "bfgminer/5.5.0")),
        ('{"id": 0, "method": "mining.subscribe", "params": []}', m.Subscribe(0)),
        ('{"id": 1, "method": "mining.subscribe", "params": ["cgminer/4.9", "81af"]}', m.Subscribe(1, "cgminer/4.9", "81af")),
        ('{"id": 1, "method": "mining.subscribe", "params": ["a/1", null, "host", 3333]}', m.Subscribe(1, "a/1")),
        ('{"id": "auth", "method": "mining.authorize", "params": ["w.1", "x"]}', m.Authorize("auth", "w.1", "x")),
        ('{"id": "auth", "method": "mining.authorize", "params": ["w.1"]}', m.Authorize("auth", "w.1", "")),
        ('{"id": "xnsub", "method": "mining.extranonce.subscribe", "params": []}', m.ExtranonceSubscribe("xnsub")),
        ('{"id": null, "method": "mining.suggest_target", "params": ["00000000ffff' + "0" * 52 + '"]}',
         m.SuggestTarget(None, 0xFFFF << 208)),
        ('{"id":null,"method":"mining.capabilities","params":[{"notify":[],"set_difficulty":{}}]}',
         m.Unknown(None, "mining.capabilities")),
        ('{"params": ["w.1", "j1", "01000000", "495fab29", "7c2bac1d"], "id": 5, "method": "mining.submit"}',
         m.Submit(5, "w.1", "j1", bytes.fromhex("01000000"), 0x495FAB29, 0x7C2BAC1D)),
        ('{"id": 4, "method": "mining.submit", "params": ["w", "j", "", "495FAB29", "7C2BAC1D", "00000000"]}',
         m.Submit(4, "w", "j", b"", 0x495FAB29, 0x7C2BAC1D, 0)),
        ('{"params": ["j1"], "id": "txlistj1", "method": "mining.get_transactions"}', m.GetTransactions("txlistj1", "j1")),
        ('{"id": 4, "method": "mining.suggest_difficulty", "params": [512]}', m.SuggestDifficulty(4, 512)),
        ('{"method": "mining.configure", "id": 1, "params": [["minimum-difficulty", "version-rolling"], {'
         '"minimum-difficulty.value": 2048, "version-rolling.mask": "1fffe000", "version-rolling.min-bit-count": 2}]}',
         m.Configure(1, ("minimum-difficulty", "version-rolling"), 0x1FFFE000, 2, 2048)),
        ('{"method": "mining.configure", "id": 1, "params": [["version-rolling"]]}', m.Configure(1, ("version-rolling",))),
        ('{"params":["00003000"], "id":null, "method": "mining.set_version_mask"}', m.SetVersionMask(0x3000)),
        ('{"id": null, "method": "mining.set_difficulty", "params": [0.001]}', m.SetDifficulty(0.001)),
        ('{"method": "mining.set_extranonce", "params": ["08000002", 4], "id": null}', m.SetExtranonce(b"\x08\0\0\2", 4)),
        ('{"id": null, "method": "client.reconnect", "params": []}', m.Reconnect()),
        ('{"id": null, "method": "client.reconnect"}', m.Reconnect()),
        ('{"id": null, "method": "client.reconnect", "params": ["pool", "3334", 10]}', m.Reconnect("pool", 3334, 10)),
        ('{"id": null, "method": "client.reconnect", "params": ["", 3334]}', m.Reconnect(None, 3334, 0)),
        ('{"id": 7, "method": "client.get_version", "params": []}', m.GetVersion(7)),
        ('{"id": null, "method": "client.show_message", "params": ["hello"]}', m.ShowMessage("hello")),
        ('{"id": 3, "method": "mining.ping", "params": []}', m.Ping(3)),
        ('{"error": null, "id": 4, "result": true}', m.Result(4, True)),
        ('{"error": null, "id": 4, "result": true, "method": null}', m.Result(4, True)),
        ('{"error": [21, "Job not found", null], "id": 4, "result": null}', m.Failure(4, 21, "Job not found")),
        ('{"error": [20, "x"], "id": 4}', m.Failure(4, 20, "x")),
        ('{"error": {"code": -32601, "message": "nope"}, "id": 4}', m.Failure(4, -32601, "nope")),
        ('{"error": "no", "id": 4, "result": false}', m.Failure(4, 20, "no")),
        ('{"id": 4, "result": null}\r', m.Result(4, None)),
    ],
)  # fmt: skip
def test_lines_of_the_field(line: str, message: m.Message) -> None:
    assert parse_message(line.encode()) == message


def test_a_name_in_the_letters_of_an_older_console_is_read_letter_by_letter() -> None:
    """Miners print the user's name into the line as it is; in UTF-8 it is the same name."""
    wanted = m.Authorize(2, "jürgen.1", "x")
    line = '{"id": 2, "method": "mining.authorize", "params": ["jürgen.1", "x"]}'
    assert [parse_message(line.encode(coding)) for coding in ("latin-1", "utf-8")] == [wanted, wanted]


def test_the_notify_of_the_wiki() -> None:
    """The example at en.bitcoin.it/wiki/Stratum_mining_protocol; its previous hash has the words swapped."""
    line = (
        '{"params": ["bf", "4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000", '
        '"01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff20020862062f503253482f04b8864e5008",'
        ' "072f736c7573682f000000000100f2052a010000001976a914d23fcdf86f7e756a64a7a9688ef9903327048ed988ac00000000", [], '
        '"00000002", "1c2ac4af", "504e86b9", false], "id": null, "method": "mining.notify"}'
    )
    found = parse_message(line.encode())
    assert isinstance(found, m.Notify)
    assert found.job.previous.hex() == "f8b6164d19e2f65a2aae448f787fe66d61e57a48c0c6771b1e920b4400000000"
    assert (found.job.version, found.job.nbits, found.job.time_s, found.clean) == (2, 0x1C2AC4AF, 0x504E86B9, False)
    assert json.loads(line_of(found))["params"] == json.loads(line)["params"]


@given(st.binary(max_size=300))
def test_bytes_give_messages_or_message_errors_and_nothing_else(noise: bytes) -> None:
    for item in MessageReader().feed(noise + b"\n"):
        assert isinstance(item, m.Message | MessageError)


@given(
    st.sampled_from(["mining.notify", "mining.submit", "mining.configure", "mining.subscribe", "client.reconnect", "x"]),
    st.lists(JSON, max_size=9) | JSON,
    JSON,
)
def test_any_json_in_any_place_gives_messages_or_message_errors(method: str, params: Any, identity: Any) -> None:
    line = json.dumps({"id": identity, "method": method, "params": params}).encode()
    (found,) = MessageReader(1 << 20).feed(line + b"\n")
    assert isinstance(found, m.Message | MessageError)


@given(MESSAGES, st.data())
def test_a_spoiled_line_gives_a_message_or_a_message_error(message: m.Message, data: st.DataObject) -> None:
    line = bytearray(line_of(message)[:-1])
    for _ in range(data.draw(st.integers(1, 3))):
        line[data.draw(st.integers(0, len(line) - 1))] = data.draw(st.integers(0, 255))
    for item in MessageReader().feed(bytes(line) + b"\n"):
        assert isinstance(item, m.Message | MessageError)


def parts(stream: bytes, size: int, most: int) -> list[str]:
    reader = MessageReader(most)
    found = [item for at in range(0, len(stream), size) for item in reader.feed(stream[at : at + size])]
    return [f"{type(item).__name__}: {item}" for item in found + reader.end()]


@given(st.lists(st.binary(max_size=30) | MESSAGES.map(line_of), max_size=8).map(b"".join), st.integers(1, 50))
def test_noise_gives_the_same_whatever_its_chunks(stream: bytes, size: int) -> None:
    assert parts(stream, size, 40) == parts(stream, len(stream) + 1, 40)


# Answers


@given(
    st.builds(Subscription, EXTRANONCES, st.integers(0, 32), st.none() | st.text("0123456789abcdef", min_size=1, max_size=32))
)
def test_a_subscription_is_read_back(subscription: Subscription) -> None:
    assert Subscription.from_json(subscription.to_json()) == subscription


@given(st.builds(Agreement, st.none() | WORDS, st.booleans(), st.booleans()))
def test_an_agreement_is_read_back(agreement: Agreement) -> None:
    everything = ("version-rolling", "minimum-difficulty", "subscribe-extranonce", "info")
    answer = agreement.to_json(everything)
    assert Agreement.from_json(answer) == agreement
    assert isinstance(answer, dict)
    assert set(answer) >= set(everything)
    assert answer["info"] is False


def test_the_answers_of_bip_310_and_the_wiki() -> None:
    answer = {"version-rolling": True, "version-rolling.mask": "18000000", "minimum-difficulty": True}
    assert Agreement.from_json(answer) == Agreement(0x18000000, True)
    assert Agreement.from_json({"version-rolling": False}) == Agreement()
    assert Agreement.from_json({"version-rolling": "not today", "version-rolling.mask": "1"}) == Agreement()
    pairs = [
        ["mining.set_difficulty", "b4b6693b72a50c7116db18d6497cac52"],
        ["mining.notify", "ae6812eb4cd7735a302a8a9dd95cf71f"],
    ]
    assert Subscription.from_json([pairs, "08000002", 4]) == Subscription(b"\x08\0\0\2", 4, "ae6812eb4cd7735a302a8a9dd95cf71f")
    assert Subscription.from_json([[], "08000002", 4]) == Subscription(b"\x08\0\0\2", 4)
    assert Subscription.from_json(["mining.notify", "08000002", 4]) == Subscription(b"\x08\0\0\2", 4)


@pytest.mark.parametrize(
    "value", [None, True, {}, [], [[], "zz", 4], [[], "00", "4"], [[], "00", 33], [[], "00" * 40, 4], [[]]]
)
def test_what_is_no_subscription_is_refused(value: Any) -> None:
    with pytest.raises(MessageError, match="answer to mining"):
        Subscription.from_json(value)


@pytest.mark.parametrize(
    "value", [None, True, [], {"version-rolling": True}, {"version-rolling": True, "version-rolling.mask": 5}]
)
def test_what_is_no_agreement_is_refused(value: Any) -> None:
    with pytest.raises(MessageError, match="answer to mining"):
        Agreement.from_json(value)


def test_whole_difficulties_are_written_without_a_point() -> None:
    """piaxe-miner and others read them as whole numbers."""
    assert line_of(m.SetDifficulty(short_number(2536.0))).endswith(b'"params": [2536]}\n')
    assert short_number(0.5) == 0.5
