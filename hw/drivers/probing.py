"""What is attached to a serial port: asked so that a device is left as it was found.

Two questions, the harmless one first. Known work, whose nonce every Icarus and its kin finds at once: chips of the BM13xx
family see no preamble in it and stay silent. Then a read of register 00, which every chip of a chain answers with its kind:
nothing is written to a chip, no clock is set, no address given. What answers the first question is not asked the second.

A chain that was brought up before speaks faster than 115,200 baud until its power is cut, so it does not answer here.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hw.drivers.bm13xx.chips import CHIPS, Chip
from hw.drivers.bm13xx.commands import ReadRegister
from hw.drivers.bm13xx.decoder import ResponseDecoder
from hw.drivers.bm13xx.registers import Register
from hw.drivers.bm13xx.responses import Form, RegisterResponse
from hw.drivers.errors import ProbeError, SettingError
from hw.drivers.icarus.family import PROFILES, IcarusProfile
from hw.drivers.icarus.frames import BAUD, encode_nonce
from hw.drivers.icarus.probes import GOLDEN, GOLDEN_NONCE
from hw.drivers.port import Port

ATTEMPTS: Final = 2  # at a chain that says nothing: a busy host may have missed its moment
FIRST_S: Final = 0.4  # within which the first byte of an answer has come; devices take 0.1 s, loaded hosts somewhat more
QUIET_S: Final = 0.1  # after which no more will
LONGEST_S: Final = 2.0  # for a line that never falls silent; 128 chips answer within 0.2 s
TOLD_BYTES: Final = 16  # of an answer, in messages

GOLDEN_ANSWER: Final = encode_nonce(GOLDEN_NONCE)
READ_CHIP_ID: Final = ReadRegister(Register.CHIP_ID).to_bytes()
KINDS: Final = (*PROFILES, *(name.lower() for name in CHIPS))
"""The names of drivers of serial devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """What answered.

    Attributes
    ----------
    drivers : tuple of str
        Names of the drivers that speak with it; several where devices answer alike.
    title : str
        What it is, or may be.
    chips : int or None
        Chips that answered; None where the wire does not tell.
    answer : bytes
        What it said; of a chain, the first chip's answer.
    """

    drivers: tuple[str, ...]
    title: str
    chips: int | None
    answer: bytes


@dataclass(frozen=True, slots=True)
class Candidates:
    """Which devices are looked for."""

    profiles: tuple[IcarusProfile, ...]
    chips: tuple[Chip, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of their drivers."""
        return (*(profile.name for profile in self.profiles), *(chip.name.lower() for chip in self.chips))


def candidates(kind: str | None = None) -> Candidates:
    """Return the devices of one driver, or all that are known.

    Raises
    ------
    SettingError
        If there is no serial device of that name.
    """
    if kind is not None and kind not in KINDS:
        raise SettingError(f"no serial device {kind!r}; known: {', '.join(KINDS)}")
    return Candidates(
        tuple(profile for name, profile in PROFILES.items() if kind in {None, name}),
        tuple(chip for name, chip in CHIPS.items() if kind in {None, name.lower()}),
    )


def identify(port: Port, wanted: Candidates, clock: Callable[[], float] = time.monotonic) -> Attached:
    """Return what is attached to `port`, open at 115,200 baud, which is not closed here; this takes up to 4 s.

    Raises
    ------
    ProbeError
        If nothing answers, or something that is none of `wanted`; the message says what came.
    PortError
        If the port goes away.
    """
    heard = []
    if wanted.profiles:
        heard.append(_ask(port, GOLDEN, clock))
        alike = [one for one in wanted.profiles if len(heard[0]) == one.answer_bytes and heard[0][:4] == GOLDEN_ANSWER]
        if alike:
            return _icarus(alike, heard[0])
    for _ in range(ATTEMPTS if wanted.chips else 0):
        heard.append(_ask(port, READ_CHIP_ID, clock))
        chain = _chain(port.name, wanted, heard[-1])
        if chain is not None:
            return chain
        if heard[-1]:
            break
    raise ProbeError(f"{port.name}: {_looks_like(heard, wanted)}")


def _icarus(alike: list[IcarusProfile], answer: bytes) -> Attached:
    return Attached(
        drivers=tuple(one.name for one in alike), title=" or ".join(one.title for one in alike), chips=None, answer=answer
    )


def _chain(port: str, wanted: Candidates, data: bytes) -> Attached | None:
    """Return the chain of chips whose answers are in `data`, None if there is none in it; nonces of old jobs do not count."""
    decoder = ResponseDecoder(Form.SHORT)
    told = [
        one
        for one in [*decoder.feed(data), *decoder.silence()]
        if isinstance(one, RegisterResponse) and one.register == Register.CHIP_ID
    ]
    if not told:
        return None
    counts = Counter(one.value >> 16 for one in told)
    chip = next((one for one in wanted.chips if counts.keys() == {one.chip_id}), None)
    if chip is None:
        found = ", ".join(f"{count} x {_chip_name(number)}" for number, count in counts.items())
        raise ProbeError(f"{port}: {found} answered; want nothing but {_either([one.name for one in wanted.chips])}")
    return Attached(drivers=(chip.name.lower(),), title=chip.name, chips=len(told), answer=told[0].to_bytes())


def _ask(port: Port, question: bytes, clock: Callable[[], float]) -> bytes:
    """Return what comes after `question`, until nothing more does."""
    port.discard_input()
    port.write(question)
    began_s, answer = clock(), b""
    until_s = began_s + FIRST_S
    while (left_s := until_s - clock()) > 0:
        data = port.read(left_s)
        answer += data
        if data:
            until_s = min(clock() + QUIET_S, began_s + LONGEST_S)
    return answer


def _looks_like(heard: list[bytes], wanted: Candidates) -> str:
    """Say what the answers look like, for who is to find the mistake."""
    looked_for = f"looked for {_either(wanted.names)} at {BAUD:,} baud"
    if not any(heard):
        faster = "; a chain that runs already speaks faster, until its power is cut" if wanted.chips else ""
        return f"nothing answered; {looked_for}{faster}"
    if all(answer == question for answer, question in zip(heard, _questions(wanted), strict=True)):
        return "it sends back whatever it is sent: an echo, no miner"
    said = next(answer for answer in heard if answer)
    told = said[:TOLD_BYTES].hex(" ") + (" ..." if len(said) > TOLD_BYTES else "")
    if said[: len(GOLDEN_ANSWER)] == GOLDEN_ANSWER:
        rest = {0: "alone, as an Icarus sends it", 1: "with a byte of status, as an Antminer U1 or U2 sends it"}
        after = len(said) - len(GOLDEN_ANSWER)
        return f"it answered {told}: the right nonce {rest.get(after, f'and {after} bytes after it')}; {looked_for}"
    if any(b"\xaa\x55" in answer for answer in heard):
        return f"it answered {told}: like a BM13xx chip, with wrong check sums; {looked_for}"
    return f"it answered {told}, which no driver here understands; {looked_for}"


def _questions(wanted: Candidates) -> list[bytes]:
    return [GOLDEN] * bool(wanted.profiles) + [READ_CHIP_ID] * bool(wanted.chips)


def _chip_name(number: int) -> str:
    return next((chip.name for chip in CHIPS.values() if chip.chip_id == number), f"chip {number:04x}")


def _either(names: tuple[str, ...] | list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
