"""Work with known answers, by which hosts recognise a device: a real block, and a header with a nonce in every eighth.

Source: the vectors that bfgminer and cgminer send (``driver-icarus.c``); each answer's hash ends on 32 zero bits, which the
tests check.
"""

from __future__ import annotations

from typing import Final

from hw.drivers.icarus.frames import decode_nonce
from miner.header import Nonce

GOLDEN: Final = bytes.fromhex(
    "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a"
    "000000000000000000000000000000000000000087320b1a1426674f2fa722ce"
)
"""Block 171874. A device answers within 0.1 s."""
GOLDEN_NONCE: Final = decode_nonce(bytes.fromhex("000187a2"))

DIVISION: Final = bytes.fromhex(
    "2e4c8f91fd595d2d7ea20aaacb64a2a04382860277cf26b6a1ee04c56a5b504a"
    "00000000000000000000000000000000000000006461011ac906a951fb9b3c73"
)
"""Which nonce comes first tells how many parts of a device share the range."""
DIVISION_NONCES: Final[dict[int, Nonce]] = {
    workers: decode_nonce(bytes.fromhex(answer))
    for workers, answer in ((1, "04c0fdb4"), (2, "82540e46"), (4, "417c0f36"), (8, "60c994d5"))
}
