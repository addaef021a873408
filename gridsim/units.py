"""Units of the simulation floor: time, carbon, and the money that pays for both.

Conversions are exact and stand once. Hash units live in `miner.units`, electrical ones in `hw.units`.
"""

from __future__ import annotations

from typing import Final

S_PER_HOUR: Final = 3_600  # exact
S_PER_DAY: Final = 86_400  # exact; UTC days, leap seconds ignored as Unix time does
S_PER_MONTH: Final = 365.25 * S_PER_DAY / 12  # the mean Julian month, as CBECI's year of 365.25 days
SATOSHI_PER_BTC: Final = 100_000_000  # exact, by consensus
SUBSIDY_BTC: Final = 6.25  # block subsidy from height 630,000 to 839,999 (consensus: halves every 210,000 blocks)
