"""Replicates of one scenario: a pure function of (scenario, seed, indices), ready for any pool of workers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import numpy as np

from gridsim.errors import ScenarioError
from gridsim.network import Network
from gridsim.recorder import Recorder, Series
from gridsim.result import CutEffect, Floats, Replicate, Trace
from gridsim.scenario import Question, Scenario
from gridsim.streams import Streams
from gridsim.units import S_PER_HOUR
from gridsim.world import World
from miner.retarget import EPOCH_BLOCKS


def run_batch(scenario: Scenario, seed: int, indices: Iterable[int], *, trace: Iterable[int] = (0,)) -> list[Replicate]:
    """Run the replicates of `indices` and return their results in that order.

    Replicate i depends on (scenario, seed, i) alone, so batches may be cut in any way. Those in `trace` bring their
    whole story along, the others only what bands need.
    """
    traced = set(trace)
    return [run_replicate(scenario, seed, index, keep_trace=index in traced) for index in indices]


def run_replicate(scenario: Scenario, seed: int, index: int, *, keep_trace: bool) -> Replicate:
    """Run one replicate, and once more without the cut that the scenario asks about."""
    world, series = _run(scenario, Streams(seed, index), without=())
    question = scenario.question
    cut, without_hps = None, None
    if question is not None:
        spared, spared_series = _run(scenario, Streams(seed, index), without=question.events)
        cut = _effect(scenario, question, series, spared_series)
        without_hps = _hourly(spared_series, spared.end_s)
    return Replicate(
        index=index,
        draws=dict(world.draws),
        epochs=tuple(world.network.epochs),
        network_hps=_hourly(series, world.end_s),
        without_cut_hps=without_hps,
        cut=cut,
        trace=_trace(world, series) if keep_trace else None,
        end_s=world.end_s,
        end_height=world.network.height,
        reached_end=world.network.done,
    )


def _run(scenario: Scenario, streams: Streams, without: tuple[str, ...]) -> tuple[World, Series]:
    recorder = Recorder()
    world = World(scenario, streams, recorder, without=without)
    world.run()
    return world, recorder.series()


def _hourly(series: Series, end_s: float) -> Floats:
    edges_s = series.hour_edges_s(end_s)
    return series.mean(series.hashrate_hps.sum(axis=1), edges_s)


def _effect(scenario: Scenario, question: Question, real: Series, spared: Series) -> CutEffect:
    """Compare the world with the cut and the world without it.

    Raises
    ------
    ScenarioError
        If the chain of one of them ends before the last moment that the question asks about.
    """
    asked = max(question.horizon_end, question.after_end, question.at + timedelta(hours=question.settled_h))
    ended_s = min(real.edges_s[-1], spared.edges_s[-1])
    if scenario.clock.seconds(asked) > ended_s:
        raise ScenarioError(
            f"question: asks about {asked.isoformat()}, but a chain ended at {scenario.clock.moment(ended_s).isoformat()}; "
            "want earlier moments, or a higher network.end_height"
        )
    clock, row = scenario.clock, scenario.region_index(question.region)
    cut_s, horizon_s = clock.seconds(question.at), clock.seconds(question.horizon_end)
    settled_s = cut_s + question.settled_h * S_PER_HOUR
    power_w, spared_w = real.power_w[:, row], spared.power_w[:, row]
    withheld_w = spared.window_mean(spared_w, cut_s, horizon_s) - real.window_mean(power_w, cut_s, horizon_s)
    network_hps = real.hashrate_hps.sum(axis=1)
    return CutEffect(
        power_cut_w=spared.at(spared_w, settled_s) - real.at(power_w, settled_s),
        energy_withheld_j=withheld_w * (horizon_s - cut_s),
        hashrate_before_hps=real.window_mean(
            network_hps, clock.seconds(question.before_start), clock.seconds(question.before_end)
        ),
        hashrate_after_hps=real.window_mean(
            network_hps, clock.seconds(question.after_start), clock.seconds(question.after_end)
        ),
    )


def _trace(world: World, series: Series) -> Trace:
    return Trace(
        series=series,
        block_times_s=world.network.times_s(),
        block_nbits=_block_nbits(world.network),
        events=tuple(event for event in world.events if event.time_s <= world.end_s),
        end_s=world.end_s,
    )


def _block_nbits(network: Network) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """Return the compact target of every block from the start block on, uint32[block]."""
    count = len(network.times_s())
    first = network.height - count + 1
    heights = first + np.arange(count)
    targets = np.array([*(epoch.nbits for epoch in network.epochs), network.nbits], dtype=np.uint32)
    return targets[heights // EPOCH_BLOCKS - first // EPOCH_BLOCKS]
