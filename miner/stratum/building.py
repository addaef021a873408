"""Write a message as a line, the way the field's programs expect it to the letter."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from miner.stratum import messages as m
from miner.stratum.json_line import Json, encode
from miner.work import Job, swap_words


def line_of(message: m.Message) -> bytes:
    """Return `message` as a line with its end; `miner.stratum.parsing` reads it back as the same value."""
    if isinstance(message, m.Result):
        return encode({"id": message.id, "result": message.value, "error": None})
    if isinstance(message, m.Failure):
        return encode({"id": message.id, "result": None, "error": [int(message.code), message.text, None]})
    identity, method, params = _from_pool(message) or _from_miner(message)
    return encode({"id": identity, "method": method, "params": list(params)})


def short_number(difficulty: int | float | Fraction) -> int | float:
    """Return a difficulty as it is best written: whole numbers without a point, which some programs choke on."""
    return int(difficulty) if difficulty == int(difficulty) else float(difficulty)


_Call = tuple[m.Id, str, Sequence[Json]]


def _from_pool(message: m.Message) -> _Call | None:
    match message:
        case m.Notify(job, clean):
            return None, "mining.notify", [*_job(job), clean]
        case m.SetDifficulty(difficulty):
            return None, "mining.set_difficulty", [difficulty]
        case m.SetExtranonce(extranonce1, size):
            return None, "mining.set_extranonce", [extranonce1.hex(), size]
        case m.SetVersionMask(mask):
            return None, "mining.set_version_mask", [f"{mask:08x}"]
        case m.Reconnect(host, port, wait_s):
            return None, "client.reconnect", [] if (host, port, wait_s) == (None, None, 0) else [host, port, wait_s]
        case m.ShowMessage(text, identity):
            return identity, "client.show_message", [text]
        case m.GetVersion(identity):
            return identity, "client.get_version", []
        case _:
            return None


def _from_miner(message: m.Message) -> _Call:
    match message:
        case m.Configure():
            return message.id, "mining.configure", [list(message.extensions), _details(message)]
        case m.Subscribe(identity, agent, session_id):
            return identity, "mining.subscribe", [agent] if session_id is None else [agent, session_id]
        case m.Authorize(identity, user, password):
            return identity, "mining.authorize", [user, password]
        case m.Submit():
            return message.id, "mining.submit", _share(message)
        case m.SuggestDifficulty(identity, difficulty):
            return identity, "mining.suggest_difficulty", [difficulty]
        case m.SuggestTarget(identity, target):
            return identity, "mining.suggest_target", [f"{target:064x}"]
        case m.GetTransactions(identity, job_id):
            return identity, "mining.get_transactions", [job_id]
        case m.ExtranonceSubscribe(identity):
            return identity, "mining.extranonce.subscribe", []
        case m.Ping(identity):
            return identity, "mining.ping", []
        case m.Unknown(identity, method):
            return identity, method, []
        case _:
            raise TypeError(f"no message: {message!r}")


def _job(job: Job) -> list[Json]:
    return [
        job.job_id,
        swap_words(job.previous).hex(),
        job.coinbase1.hex(),
        job.coinbase2.hex(),
        [digest.hex() for digest in job.branch],
        f"{job.version:08x}",
        f"{job.nbits:08x}",
        f"{job.time_s:08x}",
    ]


def _share(share: m.Submit) -> list[Json]:
    values: list[Json] = [
        share.user,
        share.job_id,
        share.extranonce2.hex(),
        f"{share.time_s:08x}",
        f"{share.nonce:08x}",
    ]
    return values if share.version_bits is None else [*values, f"{share.version_bits:08x}"]


def _details(message: m.Configure) -> dict[str, Json]:
    details: dict[str, Json] = {}
    if message.version_mask is not None:
        details["version-rolling.mask"] = f"{message.version_mask:08x}"
    if message.min_bit_count is not None:
        details["version-rolling.min-bit-count"] = message.min_bit_count
    if message.minimum_difficulty is not None:
        details["minimum-difficulty.value"] = message.minimum_difficulty
    return details
