"""The watch for a device that finds nothing for far too long, though it hashes by its own account, or answers a lot."""

from __future__ import annotations

from typing import Final

from hw.device import Telemetry
from hw.drivers.errors import FlatLineError, GarbageError
from miner.header import NONCE_SPACE

FLAT_NONCES: Final = 12.0  # expected and none there: chance does that to an honest device once in 160,000 times
GARBAGE: Final = 32  # errors without a nonce: one that errs at every second answer does that once in 4 billion
FLAT_S: Final = 600.0  # and so long at least: an emulated device counts more hashes than this machine delivers


class FlatLine:
    """Adds up hashes, time [s] and errors in vain since the last nonce; while a device is curtailed none of them counts.

    It has flat-lined once `most_s` [s] went by in which it should, by its own account, have found `most_nonces`.
    """

    def __init__(self, most_nonces: float, most_s: float) -> None:
        self._most_nonces, self._most_s = most_nonces, most_s
        self._hashes, self._nonces, self._at_s = 0.0, 0, 0.0  # when it was last looked at
        self._vain_hashes = self._vain_s = 0.0
        self._errors = self._vain_errors = 0

    def begin(self, told: Telemetry, now_s: float) -> None:
        """Begin anew with a device that was opened or has found a nonce."""
        self._hashes, self._nonces, self._at_s = told.hashes, told.nonces, now_s
        self._vain_hashes = self._vain_s = 0.0
        self._errors, self._vain_errors = told.hardware_errors, 0

    def look(self, told: Telemetry, now_s: float, *, curtailed: bool) -> bool:
        """Return whether it found a nonce since the last look.

        Raises
        ------
        FlatLineError
            If it has flat-lined.
        GarbageError
            If it answers a lot meanwhile, and never with a nonce.
        """
        if told.nonces != self._nonces:
            self.begin(told, now_s)
            return True
        if not curtailed:
            self._vain_hashes += told.hashes - self._hashes
            self._vain_s += now_s - self._at_s
            self._vain_errors += told.hardware_errors - self._errors
        self._hashes, self._at_s, self._errors = told.hashes, now_s, told.hardware_errors
        if self._vain_errors >= GARBAGE:
            raise GarbageError(
                f"nothing but garbage: {self._vain_errors} hardware errors and no nonce since the last; "
                "is the line good, and is this the right device?"
            )
        if self._vain_hashes / NONCE_SPACE > self._most_nonces and self._vain_s > self._most_s:
            raise FlatLineError(
                f"flat-lined: {self._vain_hashes / 1e9:,.0f} billion hashes by its own account, and no nonce among them"
            )
        return False
