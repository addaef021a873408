"""Block 0 of 2009-01-03, which every backend is asked for before it is used: it proves itself."""

from __future__ import annotations

from typing import Final

from miner.header import Nonce
from miner.share import Hit

GENESIS_HEADER: Final = bytes.fromhex(
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9f"
    "b8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"
)
GENESIS_NONCE: Final = Nonce(0x7C2BAC1D)
GENESIS_HASH: Final = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
GENESIS_HIT: Final = Hit(GENESIS_NONCE, GENESIS_HASH)
