"""Random numbers by purpose: one seed, one replicate, one named stream a purpose.

A stream depends on the seed, the replicate's index and the purpose's name, on nothing else. So replicate i
is the same whatever follows it, and two worlds that differ in one event share every other random number.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import numpy as np


@dataclass(frozen=True, slots=True)
class Streams:
    """The random streams of one replicate."""

    seed: int
    replicate: int

    def stream(self, purpose: str) -> np.random.Generator:
        """Return a fresh generator for `purpose`; the same purpose always starts anew."""
        words = np.frombuffer(sha256(purpose.encode()).digest()[:16], dtype=">u4")
        key = (self.replicate, *(int(word) for word in words))
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=key)))
