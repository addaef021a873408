"""Many blocks, counted: waits are exponential, an epoch measures hash rate to what theory says, growth and all."""

from __future__ import annotations

from datetime import UTC, datetime
from math import exp, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray

from gridsim.clock import ScenarioClock
from gridsim.network import Network, hashes_per_block
from miner.retarget import EPOCH_BLOCKS
from miner.target import NBits
from reports.observed import epoch_hashrate_hps

pytestmark = pytest.mark.slow

CLOCK = ScenarioClock(datetime(2021, 5, 13, 8, 58, 58, tzinfo=UTC))
NBITS = NBits(0x170B3CE9)
BALANCED_HPS = hashes_per_block(NBITS) / 600
ONE_IN_A_THOUSAND = 1.95  # Kolmogorov's limit, times 1/sqrt(n)


def chain(seed: int, epochs: int) -> Network:
    start = EPOCH_BLOCKS * 339
    return Network(CLOCK, start, start + epochs * EPOCH_BLOCKS, NBITS, np.random.default_rng(seed))


def distance_from_exponential(waits: NDArray[np.float64]) -> float:
    """Return Kolmogorov's distance between the waits, in units of their expected mean, and the exponential of mean 1."""
    ordered = np.sort(waits)
    theory = 1 - np.exp(-ordered)
    steps = np.arange(len(ordered) + 1) / len(ordered)
    return float(max(np.max(steps[1:] - theory), np.max(theory - steps[:-1])))


def test_waits_are_exponential_at_a_constant_hash_rate() -> None:
    blocks = chain(11, 60)
    blocks.advance(0.0, 1e9, BALANCED_HPS)
    targets = np.repeat([hashes_per_block(epoch.nbits) for epoch in blocks.epochs], EPOCH_BLOCKS)[: len(blocks.times_s()) - 1]
    waits = np.diff(blocks.times_s()) * BALANCED_HPS / np.concatenate([targets[1:], targets[-1:]])
    assert len(waits) > 100_000
    assert distance_from_exponential(waits) < ONE_IN_A_THOUSAND / sqrt(len(waits))
    assert distance_from_exponential(waits * 1.02) > ONE_IN_A_THOUSAND / sqrt(len(waits)), "2 % off would not be noticed"


def test_waits_are_exponential_in_hashes_while_the_hash_rate_changes_every_hour() -> None:
    """Time is stretched back by the hash rate that held (time rescaling): what is left must be exponential of mean 1."""
    blocks, rates = chain(12, 40), np.random.default_rng(5).uniform(0.3, 2.0, 20_000) * BALANCED_HPS
    for hour, hashrate_hps in enumerate(rates):
        blocks.advance(hour * 3600.0, (hour + 1) * 3600.0, hashrate_hps)
        if blocks.done:
            break
    edges_s = np.arange(len(rates) + 1) * 3600.0
    hashes = np.interp(blocks.times_s(), edges_s, np.concatenate([[0.0], np.cumsum(rates * 3600.0)]))
    targets = np.concatenate([
        np.full(EPOCH_BLOCKS - 1 if number == 0 else EPOCH_BLOCKS, hashes_per_block(epoch.nbits))
        for number, epoch in enumerate(blocks.epochs)
    ])
    waits = np.diff(hashes)[: len(targets)] / targets[: len(hashes) - 1]
    assert len(waits) > 70_000
    assert distance_from_exponential(waits) < ONE_IN_A_THOUSAND / sqrt(len(waits))


def test_an_epoch_measures_hash_rate_to_two_percent() -> None:
    """The estimator's spread is 1/sqrt(2015) of it; its mean is biased up by 1/2014, as that of any inverse gamma."""
    blocks = chain(13, 4_000)
    blocks.advance(0.0, 1e12, BALANCED_HPS)
    estimates = np.array([epoch_hashrate_hps(epoch.nbits, epoch.span_s) for epoch in blocks.epochs]) / BALANCED_HPS
    assert len(estimates) == 4_000
    assert estimates.std() == pytest.approx(1 / sqrt(2015), rel=0.04)  # the spread of 4,000 is known to 1.1 %
    assert estimates.mean() == pytest.approx(1 + 1 / 2014, abs=4 / sqrt(2015 * 4_000))


def test_difficulty_follows_steady_growth() -> None:
    """At 1 % growth an epoch's time, blocks come early by just that growth once retargets have settled."""
    blocks, growth_per_s = chain(14, 300), 0.01 / (EPOCH_BLOCKS * 600)
    for day in range(10_000):
        blocks.advance(day * 86_400.0, (day + 1) * 86_400.0, BALANCED_HPS * exp(growth_per_s * day * 86_400.0))
        if blocks.done:
            break
    intervals_s = np.array([epoch.span_s / 2015 for epoch in blocks.epochs[20:]])
    expected_s = 600 * 2015 / 2016 * (1 - 0.01)  # half an epoch's growth within it, half within the one before; off by one
    assert intervals_s.mean() == pytest.approx(expected_s, abs=3 * 600 / sqrt(2015 * len(intervals_s)))
