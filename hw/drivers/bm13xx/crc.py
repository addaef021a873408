"""The two check sums of the BM13xx wire: 5 bits over commands and answers, 16 bits over jobs.

CRC5 has the polynomial x^5 + x^2 + 1 (0x05) and starts from 0x1F; CRC16 is CCITT-FALSE: polynomial 0x1021 from 0xFFFF. Neither
is reflected or inverted at the end, and both take the highest bit of each byte first. Since nothing is inverted, the check
sum of a message with its own check sum appended is 0: so answers are checked, whose last byte holds 3 bits of type above it.

Antminer U1 and U2 have a CRC5 over the first 27 bits of their commands (bfgminer ``util.c``, ``crc5usb``). Source of the rest:
REFERENCE.md beside this file; the tests recompute every example there.
"""

from __future__ import annotations

from binascii import crc_hqx
from typing import Final

CRC5_POLYNOMIAL: Final = 0x05  # x^5 is implied; skot/BM1397 protocol.md
CRC5_START: Final = 0x1F  # skot/BM1397 protocol.md
CRC16_START: Final = 0xFFFF  # skot/ESP-Miner bm1397_protocol.md
_TOP: Final = CRC5_START << 3  # the 5 bits of state are kept at the top of a byte, where the next bits come in


def _after_bits(state: int, bits: int) -> int:
    """Return the state, at the top of a byte, after `bits` zeros; the message's bits are in it already."""
    for _ in range(bits):
        state = (state << 1) ^ (CRC5_POLYNOMIAL << 3 if state & 0x80 else 0)
    return state & 0xFF


_TABLE: Final = bytes(_after_bits(value, 8) for value in range(256))


def crc5(data: bytes, bits: int | None = None) -> int:
    """Return the CRC5 of `data`: of all of it, or of its first `bits` bits, the highest of each byte first.

    Raises
    ------
    ValueError
        If `data` has fewer than `bits` bits.
    """
    state = _TOP
    if bits is None:
        for byte in data:
            state = _TABLE[state ^ byte]
        return state >> 3
    whole, rest = divmod(bits, 8)
    if not 0 <= bits <= 8 * len(data):
        raise ValueError(f"a check sum over {bits} bits of {8 * len(data)}")
    for byte in data[:whole]:
        state = _TABLE[state ^ byte]
    if rest:
        state = _after_bits(state ^ (data[whole] & 0xFF00 >> rest), rest)
    return state >> 3


def crc16(data: bytes) -> int:
    """Return the CRC16 of `data`; the standard library has the table, in C."""
    return crc_hqx(data, CRC16_START)
