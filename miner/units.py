"""Units of the mining floor: hashes, always double SHA-256, and how many of them."""

from __future__ import annotations

from typing import Final

HASHES_PER_MH: Final = 10**6  # exact, SI prefix
HASHES_PER_GH: Final = 10**9  # exact, SI prefix
HASHES_PER_TH: Final = 10**12  # exact, SI prefix
HASHES_PER_EH: Final = 10**18  # exact, SI prefix
