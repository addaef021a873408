"""What stands in the answers whose form depends on the question: to `Subscribe` and to `Configure`."""

from __future__ import annotations

from dataclasses import dataclass

from miner.errors import MessageError
from miner.stratum.fields import Fields
from miner.stratum.json_line import Json, told

VERSION_ROLLING = "version-rolling"
MINIMUM_DIFFICULTY = "minimum-difficulty"
SUBSCRIBE_EXTRANONCE = "subscribe-extranonce"


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a pool answers to `Subscribe`: the extranonces, and the name under which the session can be taken up again."""

    extranonce1: bytes
    extranonce2_bytes: int
    session_id: str | None = None

    def to_json(self) -> Json:
        """Return it as the field writes it: a list of subscriptions, extranonce1, size of the extranonce2."""
        name = self.session_id or ""
        subscriptions: list[Json] = [["mining.set_difficulty", name], ["mining.notify", name]]
        return [subscriptions, self.extranonce1.hex(), self.extranonce2_bytes]

    @classmethod
    def from_json(cls, value: Json) -> Subscription:
        """Read the answer; raise MessageError if it is none. Subscriptions in a form of their own give no session."""
        if not isinstance(value, list):
            raise MessageError(f"the answer to mining.subscribe must be a list; got {told(value)}")
        fields = Fields("answer to mining.subscribe", value)
        return cls(fields.extranonce(1), fields.extranonce2_bytes(2), _session_id(value[0]))


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a pool answers to `Configure`: the version bits that may be rolled, None without version rolling."""

    version_mask: int | None = None
    minimum_difficulty: bool = False
    subscribe_extranonce: bool = False

    def to_json(self, extensions: tuple[str, ...]) -> Json:
        """Return it with an entry for each of `extensions`, as BIP 310 wants; false for what is not known."""
        answer: dict[str, Json] = dict.fromkeys(extensions, False)
        if VERSION_ROLLING in answer and self.version_mask is not None:
            answer |= {VERSION_ROLLING: True, f"{VERSION_ROLLING}.mask": f"{self.version_mask:08x}"}
        if MINIMUM_DIFFICULTY in answer:
            answer[MINIMUM_DIFFICULTY] = self.minimum_difficulty
        if SUBSCRIBE_EXTRANONCE in answer:
            answer[SUBSCRIBE_EXTRANONCE] = self.subscribe_extranonce
        return answer

    @classmethod
    def from_json(cls, value: Json) -> Agreement:
        """Read the answer; raise MessageError if it is none. A sentence in place of true or false means false."""
        if not isinstance(value, dict):
            raise MessageError(f"the answer to mining.configure must be an object; got {told(value)}")
        mask = None
        if value.get(VERSION_ROLLING) is True:
            mask = Fields("answer to mining.configure, version-rolling.mask", [value.get(f"{VERSION_ROLLING}.mask")]).mask(0)
        return cls(mask, value.get(MINIMUM_DIFFICULTY) is True, value.get(SUBSCRIBE_EXTRANONCE) is True)


def _session_id(subscriptions: Json) -> str | None:
    for pair in subscriptions if isinstance(subscriptions, list) else []:
        match pair:
            case ["mining.notify", str(name)] if 0 < len(name) <= 128:
                return name
    return None
