"""Blocks and retargets: exact in distribution, exact in arithmetic, indifferent to how time is cut."""

from __future__ import annotations

from datetime import UTC, datetime
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridsim.clock import ScenarioClock
from gridsim.network import Network, hashes_per_block
from miner.retarget import EPOCH_BLOCKS, next_nbits
from miner.target import NBits, difficulty, target_from_nbits

CLOCK = ScenarioClock(datetime(2021, 5, 13, 8, 58, 58, tzinfo=UTC))
NBITS = NBits(0x170B3CE9)
BALANCED_HPS = hashes_per_block(NBITS) / 600


def network(seed: int = 1, epochs: int = 2) -> Network:
    start = 2016 * 339
    return Network(CLOCK, start, start + epochs * EPOCH_BLOCKS, NBITS, np.random.default_rng(seed))


def test_hashes_per_block_is_difficulty_times_2_to_the_32() -> None:
    assert hashes_per_block(NBITS) == pytest.approx(difficulty(target_from_nbits(NBITS)) * 2**32, rel=2e-5)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(1.0, 2e6), min_size=1, max_size=30))
def test_blocks_do_not_depend_on_where_time_is_cut(cuts: list[float]) -> None:
    whole, pieces = network(), network()
    end_s = max(cuts)
    whole.advance(0.0, end_s, BALANCED_HPS)
    at_s = 0.0
    for cut_s in sorted(cuts):
        pieces.advance(at_s, cut_s, BALANCED_HPS)
        at_s = cut_s
    once, often = whole.times_s(), pieces.times_s()
    count = min(len(once), len(often))
    assert abs(len(once) - len(often)) <= 1  # a block exactly on a cut may round to either side
    assert np.allclose(once[:count], often[:count], rtol=0, atol=1e-4)


def test_every_retarget_is_the_consensus_rule_on_its_own_header_times() -> None:
    chain = network(epochs=4)
    chain.advance(0.0, 1e8, BALANCED_HPS * 0.7)
    assert chain.done
    assert len(chain.epochs) == 4
    for number, (epoch, following) in enumerate(zip(chain.epochs, chain.epochs[1:], strict=False)):
        times = chain.times_s()[number * EPOCH_BLOCKS : (number + 1) * EPOCH_BLOCKS].tolist()
        first, last = (CLOCK.unix_s(times[0]), CLOCK.unix_s(times[-1]))
        assert (epoch.first_unix_s, epoch.last_unix_s) == (first, last)
        assert following.nbits == next_nbits(epoch.nbits, last - first)
        assert following.first_height == epoch.first_height + EPOCH_BLOCKS


def redrawn_waits(changes: list[tuple[float, float]], rng: np.random.Generator, count: int) -> list[float]:
    """The slow twin: from each change of rate on, throw the waiting time away and draw it anew."""
    waits = []
    for _ in range(count):
        at_s, place = 0.0, 0
        while True:
            rate_hz = changes[place][1] / hashes_per_block(NBITS)
            wait_s = rng.exponential(1 / rate_hz)
            until_s = changes[place + 1][0] if place + 1 < len(changes) else np.inf
            if at_s + wait_s <= until_s:
                waits.append(at_s + wait_s)
                break
            at_s, place = until_s, place + 1
    return waits


def test_spending_the_hazard_is_the_same_law_as_redrawing_at_every_change() -> None:
    """First-block times under a rate that changes twice, 4,000 of each: two-sample Kolmogorov-Smirnov at 1 in 1,000."""
    changes = [(0.0, BALANCED_HPS), (300.0, BALANCED_HPS * 0.2), (1500.0, BALANCED_HPS * 3)]
    count = 4_000
    slow = redrawn_waits(changes, np.random.default_rng(2), count)
    fast = []
    for seed in range(count):
        chain = network(seed=seed)
        for place, (at_s, hashrate_hps) in enumerate(changes):
            chain.advance(at_s, changes[place + 1][0] if place + 1 < len(changes) else 1e5, hashrate_hps)
        fast.append(chain.times_s()[1])
    both = np.sort(np.concatenate([slow, fast]))
    distance = (
        np.max(np.abs(np.searchsorted(np.sort(slow), both, "right") - np.searchsorted(np.sort(fast), both, "right"))) / count
    )
    assert distance < 1.95 * sqrt(2 / count)
    constant = [network(seed=seed) for seed in range(count)]
    for chain in constant:
        chain.advance(0.0, 1e5, BALANCED_HPS)
    unlike = np.sort([chain.times_s()[1] for chain in constant])
    apart = np.max(np.abs(np.searchsorted(np.sort(slow), both, "right") - np.searchsorted(unlike, both, "right"))) / count
    assert apart > 3 * 1.95 * sqrt(2 / count), "the test would not notice a chain that ignores the changes"


def test_without_hash_rate_no_block_is_found() -> None:
    chain = network()
    chain.advance(0.0, 1e9, 0.0)
    assert chain.times_s().tolist() == [0.0]
    chain.advance(1e9, 1e9 + 1e7, BALANCED_HPS)
    assert len(chain.times_s()) > 1
