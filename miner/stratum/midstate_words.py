"""What is said when a pool's mask lets fewer versions of a header be searched together than the user wished."""

from __future__ import annotations

from miner.stratum.address import PoolAddress


class MidstateWords:
    """Remembers how many versions the last mask allowed: a sentence comes when there are fewer, and not with every job."""

    def __init__(self, wanted: int) -> None:
        self._wanted = self._width = wanted

    def about(self, address: PoolAddress, mask: int) -> str | None:
        """Return what is to be said of `mask` and the pool that granted it, None if there is nothing new."""
        bits = mask.bit_count()
        width, before = min(self._wanted, 1 << bits), self._width
        self._width = width
        if width >= before:
            return None
        granted = "only one bit of the version to be rolled" if bits else "no version rolling"
        fewer = "two midstates are" if bits else "one midstate is"
        return f"pool {address} grants {granted}, so {fewer} searched at a time instead of {self._wanted}"
