"""The chain as the miners make it: discrete blocks for a hash rate that may change at any instant, and retargets.

A block arrives when the hazard collected since the last one, the integral of hash rate over hashes per block,
reaches an exponential number of mean 1. That is the same law as redrawing the waiting time at every change (the
exponential has no memory; a test holds the two together), and it lets two worlds that differ in one event share
the luck of every block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridsim.clock import ScenarioClock
from miner.retarget import EPOCH_BLOCKS, next_nbits
from miner.target import NBits, expected_hashes, target_from_nbits

Floats = NDArray[np.float64]


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


class Network:
    """The chain from one known block on.

    `clock` turns simulation time into header time; `luck` gives the exponential numbers. The block at `start_height`
    stands at simulation time 0 and opens an epoch.
    """

    def __init__(
        self, clock: ScenarioClock, start_height: int, end_height: int, nbits: NBits, luck: np.random.Generator
    ) -> None:
        self.nbits = nbits
        self.hashes_per_block = hashes_per_block(nbits)
        self.epochs: list[Epoch] = []
        self._clock = clock
        self._luck = luck
        self._start_height = start_height
        self._wanted = end_height - start_height  # blocks to find
        self._found = 0
        self._times_s: list[Floats] = [np.zeros(1)]
        self._first_unix_s = clock.start_unix_s
        self._due: Floats  # hazards at which the blocks of the present target are due
        self._hazard: float  # hazard collected since the last retarget
        self._next: int  # place in `_due` of the next block
        self._draw(EPOCH_BLOCKS - 1)

    @property
    def height(self) -> int:
        """Height of the last block found."""
        return self._start_height + self._found

    @property
    def done(self) -> bool:
        """Whether the last block asked for has been found."""
        return self._found >= self._wanted

    def times_s(self) -> Floats:
        """Return the simulation times [s] of all blocks, the first one included, float64[block]."""
        return np.concatenate(self._times_s)

    def last_time_s(self) -> float:
        """Return the simulation time [s] of the last block."""
        return float(self._times_s[-1][-1])

    def advance(self, from_s: float, to_s: float, hashrate_hps: float) -> None:
        """Find the blocks of [`from_s`, `to_s`] at a constant `hashrate_hps`; stop at the end height."""
        if hashrate_hps <= 0:
            return
        while not self.done:
            rate_hz = hashrate_hps / self.hashes_per_block
            hazard = self._hazard + (to_s - from_s) * rate_hz
            upto = int(self._due.searchsorted(hazard, side="right"))
            if upto > self._next:
                upto = min(upto, self._next + self._wanted - self._found)
                self._note(from_s + (self._due[self._next : upto] - self._hazard) / rate_hz)
                self._next = upto
            if upto < len(self._due):
                self._hazard = hazard
                return
            from_s = self.last_time_s()
            self._retarget(self._clock.unix_s(from_s))

    def _note(self, times_s: Floats) -> None:
        """Keep the times of new blocks; the first after a retarget opens its epoch."""
        if self._next == 0 and self.epochs:
            self._first_unix_s = self._clock.unix_s(float(times_s[0]))
        self._times_s.append(times_s)
        self._found += len(times_s)

    def _retarget(self, last_unix_s: int) -> None:
        """Close the epoch whose last block was just found, and draw the luck of the next one."""
        first_height = self.height - EPOCH_BLOCKS + 1
        epoch = Epoch(first_height, self.nbits, self._first_unix_s, last_unix_s)
        self.epochs.append(epoch)
        self.nbits = next_nbits(self.nbits, epoch.span_s)
        self.hashes_per_block = hashes_per_block(self.nbits)
        self._draw(EPOCH_BLOCKS)

    def _draw(self, blocks: int) -> None:
        """Draw the hazards at which the next `blocks` blocks, all those of one target, are due."""
        self._due = np.cumsum(self._luck.standard_exponential(blocks))
        self._hazard = 0.0
        self._next = 0


def hashes_per_block(nbits: NBits) -> float:
    """Return the mean number of hashes until one meets the target of `nbits`."""
    return expected_hashes(target_from_nbits(nbits))
