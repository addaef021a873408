"""Read a line as a message: strict in types and ranges, lenient where the field's programs differ.

Leniencies, each seen in use: parameters may be missing or null where there are none, hex may be of either case, a port may be
a string, and more parameters than known are ignored. An error may have any form, since whoever asked must learn of it: what is
empty or false is none, a list, an object, a number or a sentence is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from miner.errors import JobError, MessageError
from miner.stratum import messages as m
from miner.stratum.fields import MOST_TEXT, Fields
from miner.stratum.json_line import MOST_ID, Json, decode, told
from miner.target import NBits
from miner.work import Job, swap_words

MOST_BRANCH: Final = 32  # hashes: a block with 2^32 transactions
MOST_EXTENSIONS: Final = 32
MOST_CODE: Final = 11  # characters of a refusal's number: 32 bits with a sign
LONGEST_WAIT_S: Final = 86_400


def parse_message(line: bytes) -> m.Message:
    """Return the message that `line` (with or without its end) holds.

    Raises
    ------
    MessageError
        If it holds none; `request_id` tells whom to answer, where that could be read.
    """
    found = decode(line)
    identity = _id(found.get("id"))
    method = found.get("method")
    if method is None:
        return _answer(found, identity)
    if not isinstance(method, str):
        raise MessageError(f"the method must be a string; got {told(method)}", identity)
    values = found.get("params")
    if values is None:
        values = []
    if not isinstance(values, list):
        raise MessageError(f"{told(method)}: the parameters must be a list; got {told(values)}", identity)
    reader = _READERS.get(method)
    return m.Unknown(identity, method) if reader is None else reader(Fields(method, values, identity))


def _id(value: Json) -> m.Id:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, str) and len(value) <= MOST_ID:
        return value
    raise MessageError(f"the id must be a whole number, a short string or null; got {told(value)}")


def _answer(found: Mapping[str, Json], identity: m.Id) -> m.Result | m.Failure:
    if "result" not in found and "error" not in found:
        raise MessageError("the line has neither method nor result nor error", identity)
    if error := found.get("error"):
        return _failure(error, identity)
    return m.Result(identity, found.get("result"))


def _failure(error: Json, identity: m.Id) -> m.Failure:
    """Return a refusal in whatever form it came: its number where one can be read, and what else it says, cut."""
    number, sentence = error, error
    if isinstance(error, dict):
        number, sentence = error.get("code"), error.get("message")
    elif isinstance(error, list):
        number, sentence = error[0], error[1] if len(error) > 1 else error[0]
    code = _code(number)
    if not isinstance(sentence, str):
        alone = code is not None and sentence in (None, number)
        sentence = "" if alone else told(error)
    return m.Failure(identity, m.Reject.OTHER if code is None else code, sentence[:MOST_TEXT])


def _code(value: Json) -> int | None:
    """Return the whole number that `value` is or spells, None for anything else and for more than 32 bits."""
    if isinstance(value, str) and len(value) <= MOST_CODE and value.removeprefix("-").isdecimal() and value.isascii():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        return None
    return int(value) if -(1 << 31) <= value < 1 << 31 else None


def _configure(fields: Fields) -> m.Configure:
    names = fields.each(0)
    if len(names.values) > MOST_EXTENSIONS:
        raise fields.refusal(0, f"a list of at most {MOST_EXTENSIONS} extensions")
    details: Json = fields.values[1] if fields.has(1) else {}
    if not isinstance(details, dict):
        raise fields.refusal(1, "an object")
    named = {
        key: Fields(f"{fields.about}, {key:.40}", [value], fields.id) for key, value in details.items() if value is not None
    }
    mask = named.get("version-rolling.mask")
    bits = named.get("version-rolling.min-bit-count")
    lowest = named.get("minimum-difficulty.value")
    return m.Configure(
        fields.id,
        tuple(names.text(at) for at in range(len(names.values))),
        version_mask=None if mask is None else mask.mask(0),
        min_bit_count=None if bits is None else bits.whole(0, 0, 32),
        minimum_difficulty=None if lowest is None else lowest.number(0),
    )


def _subscribe(fields: Fields) -> m.Subscribe:
    return m.Subscribe(fields.id, fields.text(0) if fields.has(0) else "", fields.text(1) if fields.has(1) else None)


def _authorize(fields: Fields) -> m.Authorize:
    return m.Authorize(fields.id, fields.text(0), fields.text(1) if fields.has(1) else "")


def _submit(fields: Fields) -> m.Submit:
    return m.Submit(
        fields.id,
        fields.text(0),
        fields.text(1),
        fields.extranonce(2),
        fields.word(3),
        fields.word(4),
        fields.mask(5) if fields.has(5) else None,
    )


def _suggest_target(fields: Fields) -> m.SuggestTarget:
    return m.SuggestTarget(fields.id, int.from_bytes(fields.octets(0, 32), "big"))


def _notify(fields: Fields) -> m.Notify:
    branch = fields.each(4)
    if len(branch.values) > MOST_BRANCH:
        raise fields.refusal(4, f"a list of at most {MOST_BRANCH} hashes")
    try:
        job = Job(
            job_id=fields.text(0),
            previous=swap_words(fields.octets(1, 32)),
            coinbase1=fields.octets(2),
            coinbase2=fields.octets(3),
            branch=tuple(branch.octets(at, 32) for at in range(len(branch.values))),
            version=fields.word(5),
            nbits=NBits(fields.word(6)),
            time_s=fields.word(7),
        )
    except JobError as error:
        raise MessageError(f"{fields.about}: {error}", fields.id) from None
    return m.Notify(job, fields.flag(8))


def _reconnect(fields: Fields) -> m.Reconnect:
    return m.Reconnect(
        (fields.text(0) or None) if fields.has(0) else None,
        fields.port(1) if fields.has(1) else None,
        fields.whole(2, 0, LONGEST_WAIT_S) if fields.has(2) else 0,
    )


_READERS: Final[Mapping[str, Callable[[Fields], m.Message]]] = {
    "mining.configure": _configure,
    "mining.subscribe": _subscribe,
    "mining.authorize": _authorize,
    "mining.extranonce.subscribe": lambda fields: m.ExtranonceSubscribe(fields.id),
    "mining.suggest_difficulty": lambda fields: m.SuggestDifficulty(fields.id, fields.number(0)),
    "mining.suggest_target": _suggest_target,
    "mining.get_transactions": lambda fields: m.GetTransactions(fields.id, fields.text(0)),
    "mining.submit": _submit,
    "mining.set_difficulty": lambda fields: m.SetDifficulty(fields.number(0)),
    "mining.set_extranonce": lambda fields: m.SetExtranonce(fields.extranonce(0), fields.extranonce2_bytes(1)),
    "mining.set_version_mask": lambda fields: m.SetVersionMask(fields.mask(0)),
    "mining.notify": _notify,
    "mining.ping": lambda fields: m.Ping(fields.id),
    "client.reconnect": _reconnect,
    "client.show_message": lambda fields: m.ShowMessage(fields.text(0), fields.id),
    "client.get_version": lambda fields: m.GetVersion(fields.id),
}
