"""Modbus RTU frames without a port: an address, a function, data, and a check sum of 16 bits, its low byte first.

Source: Modbus Organization, "MODBUS over Serial Line, Specification and Implementation Guide V1.02", 2.5.1.2 and appendix B.
"""

from __future__ import annotations

from struct import pack, unpack
from typing import Final

READ_INPUT: Final = 0x04  # function: read input registers
REQUEST_BYTES: Final = 8  # of a request to read
MOST_REGISTERS: Final = 125  # of one request
REFUSED: Final = 0x80  # added to the function of an answer that refuses

REFUSALS: Final = {
    1: "illegal function",
    2: "illegal register",
    3: "illegal number of registers",
    4: "device failure",
    6: "device busy",
}
"""What the codes of a refusal mean (Modbus Organization, "MODBUS Application Protocol Specification V1.1b3", 7)."""


def crc16(data: bytes) -> int:
    """Return the check sum of `data`: polynomial 0x8005, bits reversed, from 0xFFFF on."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def sealed(payload: bytes) -> bytes:
    """Return `payload`, from its address on, with its check sum."""
    return payload + pack("<H", crc16(payload))


def intact(frame: bytes) -> bool:
    """Return whether a frame's check sum is right."""
    return len(frame) >= 4 and unpack("<H", frame[-2:])[0] == crc16(frame[:-2])
