"""What chips say to a host: ``AA 55``, payload, and a last byte with the type in bits 7-5 and a CRC5 in bits 4-0.

There is no length: an answer has 9 bytes, or 11 from a chip that rolls versions (from BM1362 on, once register A4 says so). The
CRC5 is over everything after the preamble up to its own 5 bits, the type included, so that over all of it it is 0.
Source: REFERENCE.md beside this file; the tests recompute every example there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Final

from hw.drivers.bm13xx.crc import crc5
from hw.drivers.errors import FrameError
from miner.header import Nonce

PREAMBLE: Final = b"\xaa\x55"
REGISTER: Final = 0  # types, bits 7-5 of the last byte; no other was ever seen
NONCE: Final = 4
_WORD_AND_TWO: Final = Struct(">2xIBB")
_NONCE_AND_TWO: Final = Struct("<2xIBB")


class Form(IntEnum):
    """How many bytes an answer has, preamble included."""

    SHORT = 9
    LONG = 11


@dataclass(frozen=True, slots=True)
class RegisterResponse:
    """The 32 bits of a register of the chip with that address; `extra`, of unknown use and 0 where seen, in the long form."""

    value: int
    chip: int
    register: int
    extra: int | None = None

    def to_bytes(self) -> bytes:
        """Return the frame of 9 bytes, or of 11 if there is an `extra`; raise FrameError if a field does not fit."""
        return _frame(REGISTER, _WORD_AND_TWO, (self.value, self.chip, self.register), self.extra)


@dataclass(frozen=True, slots=True)
class NonceResponse:
    """A nonce as it stands in a header, and what the chip says of it; `hw.drivers.bm13xx.nonces` tells what it means.

    `excess` is how far the hash is beyond the ticket mask, in half bits; `version`, the rolled bits, is in the long form only.
    """

    nonce: Nonce
    excess: int
    result_id: int
    version: int | None = None

    def to_bytes(self) -> bytes:
        """Return the frame of 9 bytes, or of 11 if there is a `version`; raise FrameError if a field does not fit."""
        return _frame(NONCE, _NONCE_AND_TWO, (self.nonce, self.excess, self.result_id), self.version)


Response = RegisterResponse | NonceResponse


def response_from_bytes(raw: bytes) -> Response:
    """Read one whole frame of either form.

    Raises
    ------
    FrameError
        If `raw` is not exactly one frame with the right check sum and a known type.
    """
    if len(raw) not in (Form.SHORT, Form.LONG) or not raw.startswith(PREAMBLE):
        raise FrameError(f"{raw[:12].hex(' ')} is no frame from a chip; want 9 or 11 bytes that begin aa 55")
    if not response_is_intact(raw):
        raise FrameError(f"{raw.hex(' ')} does not end in its check sum")
    response = read_response(raw)
    if response is None:
        raise FrameError(f"{raw.hex(' ')} is of type {raw[-1] >> 5}; want 0, a register, or 4, a nonce")
    return response


def response_is_intact(raw: bytes) -> bool:
    """Tell whether a frame of 9 or 11 bytes ends in its check sum."""
    return crc5(raw[2:]) == 0


def read_response(raw: bytes) -> Response | None:
    """Read one whole frame whose size and check sum are right; None if its type is unknown."""
    kind = raw[-1] >> 5
    more = raw[8] << 8 | raw[9] if len(raw) == Form.LONG else None
    if kind == NONCE:
        nonce, excess, result_id = _NONCE_AND_TWO.unpack_from(raw)
        return NonceResponse(nonce, excess, result_id, more)
    if kind == REGISTER:
        value, chip, register = _WORD_AND_TWO.unpack_from(raw)
        return RegisterResponse(value, chip, register, more)
    return None


def _frame(kind: int, layout: Struct, fields: tuple[int, int, int], more: int | None) -> bytes:
    for value, bits in zip((*fields, more or 0), (32, 8, 8, 16), strict=True):
        if not 0 <= value < 1 << bits:
            raise FrameError(f"a field of {value:#x} does not fit {bits} bits")
    body = layout.pack(*fields)[2:] + (b"" if more is None else more.to_bytes(2))
    last = kind << 5
    return PREAMBLE + body + bytes([last | crc5(body + bytes([last]), 8 * len(body) + 3)])
