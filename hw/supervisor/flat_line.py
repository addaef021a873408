"""The watch for a device that hashes by its own account, and finds nothing for far too long."""

from __future__ import annotations

from typing import Final

from hw.device import Telemetry
from hw.drivers.errors import FlatLineError
from miner.header import NONCE_SPACE

FLAT_NONCES: Final = 12.0  # expected and none there: chance does that to an honest device once in 160,000 times
FLAT_S: Final = 600.0  # and so long at least: an emulated device counts more hashes than this machine delivers


class FlatLine:
    """Adds up hashes and time [s] in vain since the last nonce; while a device is curtailed neither counts.

    It has flat-lined once `most_s` [s] went by in which it should, by its own account, have found `most_nonces`.
    """

    def __init__(self, most_nonces: float, most_s: float) -> None:
        self._most_nonces, self._most_s = most_nonces, most_s
        self._hashes, self._nonces, self._at_s = 0.0, 0, 0.0  # when it was last looked at
        self._vain_hashes = self._vain_s = 0.0

    def begin(self, told: Telemetry, now_s: float) -> None:
        """Begin anew with a device that was opened or has found a nonce."""
        self._hashes, self._nonces, self._at_s = told.hashes, told.nonces, now_s
        self._vain_hashes = self._vain_s = 0.0

    def look(self, told: Telemetry, now_s: float, *, curtailed: bool) -> bool:
        """Return whether it found a nonce since the last look.

        Raises
        ------
        FlatLineError
            If it has flat-lined.
        """
        if told.nonces != self._nonces:
            self.begin(told, now_s)
            return True
        if not curtailed:
            self._vain_hashes += told.hashes - self._hashes
            self._vain_s += now_s - self._at_s
        self._hashes, self._at_s = told.hashes, now_s
        if self._vain_hashes / NONCE_SPACE > self._most_nonces and self._vain_s > self._most_s:
            raise FlatLineError(
                f"flat-lined: {self._vain_hashes / 1e9:,.0f} billion hashes by its own account, and no nonce among them"
            )
        return False
