"""The Icarus wire: no framing, no checksum, no request; 64 bytes of work go in, and a nonce comes out if one is found.

    bytes 0 to 31   midstate: its eight words, the last first, each big-endian
    bytes 32 to 51  not looked at
    bytes 52 to 63  nBits, time and end of the merkle root: the header's bytes 64 to 75, the last word first

The answer is the four bytes of the nonce as they lie in the header; some devices add a byte of status. Devices count the
nonce's word as SHA-256 reads it, big-endian, from 0 up, and stop at the first whose hash ends on 32 zero bits.

Source: bfgminer ``driver-icarus.c``, ``driver-erupter.c``; the probes below prove themselves.
"""

from __future__ import annotations

from struct import pack, unpack
from typing import Final

from hw.drivers.errors import FrameError
from miner.header import NONCE_SPACE, Nonce, message_word
from miner.template import MidstateTemplate, Template

WORK_BYTES: Final = 64
NONCE_BYTES: Final = 4
BAUD: Final = 115_200
FILLER: Final = bytes(20)

_TAIL_AT: Final = 52
_STATE_BYTES: Final = 32


def encode_work(template: Template) -> bytes:
    """Return the 64 bytes that set a device to work on `template`."""
    return pack(">8I", *reversed(template.midstate)) + FILLER + pack(">3I", *reversed(template.tail))


def decode_work(frame: bytes) -> MidstateTemplate:
    """Return what 64 bytes of work ask to be searched.

    Raises
    ------
    FrameError
        If there are not 64 of them.
    """
    if len(frame) != WORK_BYTES:
        raise FrameError(f"work of {len(frame)} bytes; Icarus takes {WORK_BYTES}")
    state, tail = unpack(">8I", frame[:_STATE_BYTES]), unpack(">3I", frame[_TAIL_AT:])
    return MidstateTemplate(midstate=state[::-1], tail=tail[::-1])


def encode_nonce(nonce: Nonce, status: bytes = b"") -> bytes:
    """Return a device's answer; `status` follows the nonce on devices that have one."""
    return pack("<I", nonce) + status


def decode_nonce(answer: bytes) -> Nonce:
    """Return the nonce of an answer, whose status is not looked at.

    Raises
    ------
    FrameError
        If there are fewer than 4 bytes.
    """
    if len(answer) < NONCE_BYTES:
        raise FrameError(f"an answer of {len(answer)} bytes; a nonce has {NONCE_BYTES}")
    return Nonce(unpack("<I", answer[:NONCE_BYTES])[0])


def place_in_sweep(nonce: Nonce, parts: int = 1) -> int:
    """Return how many nonces a device has tried before this one, whose `parts` count the message's word up at the same time.

    Each from the beginning of its own part of the sweep: an Icarus's second FPGA from 0x80000000 on.
    """
    return message_word(nonce) % (NONCE_SPACE // parts) * parts
