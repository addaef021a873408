"""The chain as the miners make it: discrete blocks for a hash rate that may change at any instant, and retargets.

A block arrives when the hazard collected since the last one, the integral of hash rate over hashes per block,
reaches an exponential number of mean 1. That is the same law as redrawing the waiting time at every change (the
exponential has no memory; a test holds the two together), and it lets two worlds that differ in one event share
the luck of every block.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gridsim.clock import ScenarioClock
from miner.retarget import EPOCH_BLOCKS, next_nbits
from miner.target import NBits, expected_hashes, target_from_nbits


@dataclass(frozen=True, slots=True)
class Epoch:
    """A complete epoch of 2016 blocks: heights, compact target, and header times of its first and last block."""

    first_height: int
    nbits: NBits
    first_unix_s: int
    last_unix_s: int

    @property
    def span_s(self) -> int:
        """Seconds between its first and its last header: 2015 intervals."""
        return self.last_unix_s - self.first_unix_s


@dataclass(slots=True)
class Network:
    """The chain from one known block on.

    `clock` turns simulation time into header time; `luck` gives the exponential numbers. The block at `height`
    stands at simulation time 0 and opens an epoch.
    """

    clock: ScenarioClock
    height: int
    end_height: int
    nbits: NBits
    luck: np.random.Generator
    times_s: list[float] = field(default_factory=lambda: [0.0])
    epochs: list[Epoch] = field(default_factory=list)
    _first_unix_s: int = 0
    _first_height: int = 0
    _left: float = 0.0
    _draws: list[float] = field(default_factory=list)
    _hashes_per_block: float = 0.0

    def __post_init__(self) -> None:
        self._first_unix_s = self.clock.start_unix_s
        self._first_height = self.height
        self._hashes_per_block = hashes_per_block(self.nbits)
        self._left = self._next_draw()

    @property
    def done(self) -> bool:
        """Whether the last block asked for has been found."""
        return self.height >= self.end_height

    @property
    def hashes_per_block(self) -> float:
        """Mean hashes for a block at the present target."""
        return self._hashes_per_block

    def advance(self, from_s: float, to_s: float, hashrate_hps: float) -> None:
        """Find the blocks of [`from_s`, `to_s`] at a constant `hashrate_hps`; stop at the end height."""
        now_s, left = from_s, self._left
        rate_hz = hashrate_hps / self._hashes_per_block
        while left <= (to_s - now_s) * rate_hz and not self.done:
            now_s += left / rate_hz
            left = self._draws.pop() if self._draws else self._next_draw()
            if self._found(now_s):
                rate_hz = hashrate_hps / self._hashes_per_block
        self._left = left - (to_s - now_s) * rate_hz

    def _found(self, time_s: float) -> bool:
        """Note a block at `time_s`; return whether it closed an epoch and so changed the target."""
        self.height += 1
        self.times_s.append(time_s)
        place = self.height % EPOCH_BLOCKS
        if place == EPOCH_BLOCKS - 1:
            self._retarget(self.clock.unix_s(time_s))
            return True
        if place == 0:
            self._first_height = self.height
            self._first_unix_s = self.clock.unix_s(time_s)
        return False

    def _retarget(self, last_unix_s: int) -> None:
        epoch = Epoch(self._first_height, self.nbits, self._first_unix_s, last_unix_s)
        self.epochs.append(epoch)
        self.nbits = next_nbits(self.nbits, epoch.span_s)
        self._hashes_per_block = hashes_per_block(self.nbits)

    def _next_draw(self) -> float:
        if not self._draws:
            self._draws = self.luck.standard_exponential(EPOCH_BLOCKS)[::-1].tolist()
        return self._draws.pop()


def hashes_per_block(nbits: NBits) -> float:
    """Return the mean number of hashes until one meets the target of `nbits`."""
    return expected_hashes(target_from_nbits(nbits))
